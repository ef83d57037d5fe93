"""The commands with s3:// where they take a folder."""

import nbformat
import pytest


def test_a_notebook_is_saved_in_s3(folder, cli, s3_place):
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell("a: int = 1  # a number\nprint('sum', a + 1)")]
    notebook.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(notebook, folder / "sum.ipynb")
    (s3_place / "out/summary.json").write_bytes(b"of an earlier run")
    answer = cli("notebook", "sum.ipynb", "--html", "-q", "-o", f"{s3_place}/out")
    assert answer.exit_code == 0, answer.stderr
    assert answer.stdout == f"Notebook: {s3_place}/out/sum.ipynb\nPage: {s3_place}/out/sum.html\n"
    assert b"sum 2" in (s3_place / "out/sum.ipynb").read_bytes()
    assert b"sum 2" in (s3_place / "out/sum.html").read_bytes()
    assert not (s3_place / "out/summary.json").is_file()
    assert not (folder / "executed").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["publish", "latest"], "There are no runs in runs"),
        (["publish", "latest", "s3://b"], "There are no runs in runs"),
        (["show", "--runs", "gs://bucket/x"], "runs: got 'gs://bucket/x'; allowed: the path of a folder, or s3://buc"),
        (["report", "-o", "s3://a-bucket"], "--output: got 's3://a-bucket'; allowed: the name of a file"),
        (["run", "--locustfile", "visitor.py", "--runs", "s3://"], "runs: got 's3://'; allowed: s3://bucket"),
    ],
)
def test_wrong_usage(cli, folder, s3_place, words, message):
    answer = cli(*words)
    assert answer.exit_code == 2, answer.stderr
    assert message in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["run", "--locustfile", "visitor.py", "--host", "http://127.0.0.1:9", "--runs"],
        ["run", "--locustfile", "visitor.py", "--host", "http://127.0.0.1:9", "--report"],
        ["notebook", "load_test", "--output"],
        ["demo", "--runs"],
    ],
)
def test_a_bucket_that_refuses_is_told_before_anything_starts(cli, folder, s3, s3_place, words):
    s3.fault = lambda method, key: (403, "AccessDenied")
    answer = cli(*words, f"{s3_place}/x")
    assert answer.exit_code == 4
    assert "access is denied" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not (folder / "runs").exists()
