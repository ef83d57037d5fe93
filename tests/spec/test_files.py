from pathlib import Path

import pytest

from loadlab.errors import SpecError
from loadlab.spec import LoadTest, check_folder, check_locustfile, writable_file


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "storefront.py").write_text("")
    (tmp_path / "tests" / "notes.txt").write_text("")
    return tmp_path / "tests"


def write(folder, text):
    file = folder / "test.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_yaml(folder):
    file = write(
        folder,
        """
host: http://127.0.0.1:8080
locustfile: storefront.py
workers: 2
tags: [browse, search]
labels: {service: shop, build: "1.10"}
environment:
  CURRENCY: "€"
stages:
  - {users: 50, spawn_rate: 10, duration: 1m}
  - {users: 100, spawn_rate: 10, duration: 30s, name: peak}
""",
    )
    test = LoadTest.from_yaml(file)
    assert test.locustfile == folder / "storefront.py"
    assert (test.workers, test.tags, test.run_time) == (2, ("browse", "search"), 90)
    assert test.environment == {"CURRENCY": "€"}
    assert LoadTest.from_yaml(str(file), stages=(), users=3, run_time="5s").users == 3


def test_locustfile_is_relative_to_the_yaml_file(folder, monkeypatch):
    write(folder, "locustfile: ../tests/storefront.py")
    monkeypatch.chdir(folder.parent)
    assert LoadTest.from_yaml("tests/test.yaml").locustfile == Path("tests/../tests/storefront.py")


def test_absolute_locustfile(folder):
    assert LoadTest.from_yaml(write(folder, f"locustfile: {folder / 'storefront.py'}")).locustfile.is_absolute()


def test_changes_replace_the_stages_of_the_file(folder):
    file = write(folder, "{locustfile: storefront.py, users: 5, run_time: 10}")
    assert LoadTest.from_yaml(file, stages="7/2/5s").run_time == 5


def test_changes_are_added_to_labels_and_environment(folder):
    file = write(folder, "{locustfile: storefront.py, labels: {a: x, b: x}, environment: {A: x}}")
    test = LoadTest.from_yaml(file, labels={"b": "y"}, environment={"B": "y"})
    assert (test.labels, test.environment) == ({"a": "x", "b": "y"}, {"A": "x", "B": "y"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("users: [1\nworkers: 2\n", "line 1: a bracket or brace that is opened here is not closed"),
        ("a: 1\ndescription: 'x\nb: 2\n", "line 2: a quote that is opened here is not closed"),
        ("a: 1\nlocustfile: x: y\n", "line 2: a ':' too many"),
        ("a: 1\n  b: 2\n", "line 2: a ':' too many, or other indentation"),
        ("a:\n    b: 1\n  c: 2\n", "line 3: other indentation"),
        ("a: 1\n\tb: 2\n", "line 2: a tab"),
        ("a: @x", "line 1: a character that no value may begin with; put text with special characters in quotes"),
        ("a: 1\nusers 5\nworkers: 2\n", "line 2: this is not of the form 'name: value'"),
        ("a: *", "line 1: .* without a name"),
        ("a: 1\nb: !x 2\n", "line 2: '!' marks a type"),
        ("a: \0", "control character"),
        ("users: 1\nusers: 2\nlocustfile: storefront.py", r"line 2: the key 'users' is given twice\."),
        ("a: &x {b: 1}\nlocustfile: storefront.py\n<<: [*y]", "line 3: .* refers to something that no '&' names"),
        ("- 1", "mapping"),
        ("", "mapping"),
        ("!!python/object/apply:os.getcwd []", "'!' marks a type"),
        ("locustfile: storefront.py\ntags: [on]", r"tags\[0\]: got True.*Did you mean 'true'"),
        ("locustfile: storefront.py\nspawn_rate: 1e3", r"got '1e3'.*Did you mean 1000\?"),
        ("locustfile: storefront.py\nusers:", "users: got None"),
        ("locustfile: storefront.py\n3: x", "unknown field '3'"),
    ],
)
def test_bad_yaml(folder, text, message):
    with pytest.raises(SpecError, match=message):
        LoadTest.from_yaml(write(folder, text))


def test_yaml_in_another_encoding(folder):
    file = folder / "test.yaml"
    file.write_bytes(b"users: 5\ndescription: \xff")
    with pytest.raises(SpecError, match="line 2: this is not UTF-8 text"):
        LoadTest.from_yaml(file)


def test_missing_yaml(folder):
    write(folder, "")
    with pytest.raises(SpecError) as caught:
        LoadTest.from_yaml(folder / "tset.yml")
    assert caught.value.nearest == str(folder / "test.yaml")
    with pytest.raises(SpecError, match="no folder"):
        LoadTest.from_yaml(folder / "nowhere" / "test.yaml")


def test_missing_locustfile_is_told_with_the_other_problems(folder):
    file = write(folder, "{locustfile: storfront.py, users: 0}")
    with pytest.raises(SpecError) as caught:
        LoadTest.from_yaml(file)
    assert str(caught.value).startswith("2 problems:")
    assert f"Did you mean '{folder / 'storefront.py'}'" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("storfront.py", "storefront.py"), ("storefront", "storefront.py"), ("notes.tx", None), ("x.py", None)],
)
def test_check_locustfile(folder, name, nearest):
    with pytest.raises(SpecError) as caught:
        check_locustfile(LoadTest(locustfile=folder / name))
    assert caught.value.nearest == (str(folder / nearest) if nearest else None)


def test_check_locustfile_of_a_folder(folder):
    with pytest.raises(SpecError, match="this is a folder"):
        check_locustfile(LoadTest(locustfile=folder))


def test_check_locustfile_that_exists(folder):
    check_locustfile(LoadTest(locustfile=folder / "storefront.py"))


def test_a_place_for_a_report(tmp_path: Path) -> None:
    assert writable_file(tmp_path / "a.html") == tmp_path / "a.html"
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SpecError, match=r"report: got .*; allowed: the name of a file; this is a folder"):
        writable_file(tmp_path)
    with pytest.raises(SpecError, match="there is no folder"):
        writable_file(tmp_path / "out" / "a.html")
    with pytest.raises(SpecError, match=r"--report: got '/proc/a.html'; allowed: a place that can be written to \("):
        writable_file("/proc/a.html", "--report")


def test_a_folder_is_made(tmp_path: Path) -> None:
    check_folder("runs", tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(SpecError, match=r"runs: got .*; allowed: a folder that can be made"):
        check_folder("runs", tmp_path / "file")
