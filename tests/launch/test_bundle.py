"""What travels into the pods: the locustfile, what it imports, its data, and the agent."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

from loadlab.errors import SpecError
from loadlab.launch.bundle import AGENT_ROOT, LOCUST_PATH, MAX_BYTES, Bundle, make_bundle


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A locustfile as people have them: modules beside it, a package, data."""
    files = {
        "shop.py": "import os\nimport pages\nfrom flows import buy\nfrom flows.deep import thing\nimport requests\n",
        "pages.py": "from words import WORDS\n",
        "words.py": "WORDS = 1\n",
        "unused.py": "1/0\n",
        "flows/__init__.py": "",
        "flows/buy.py": "from . import cart\nfrom ..pages import x\n",
        "flows/cart.py": "",
        "flows/deep/__init__.py": "",
        "flows/deep/thing.py": "",
        "names/space.py": "",
        "data/users.csv": "ana\nben\n",
        "data/more/blob.bin": "",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "data/more/blob.bin").write_bytes(bytes(range(256)))
    return tmp_path / "shop.py"


def contents(bundle: Bundle) -> dict[str, set[str]]:
    return {folder.path: set(folder.files) for folder in bundle.folders if not folder.path.startswith(AGENT_ROOT)}


def test_the_modules_that_are_imported_come_along(project: Path) -> None:
    bundle = make_bundle(project)
    assert bundle.locustfile == "shop.py"
    assert contents(bundle) == {
        LOCUST_PATH: {"shop.py", "pages.py", "words.py"},
        f"{LOCUST_PATH}/flows": {"__init__.py", "buy.py", "cart.py"},
        f"{LOCUST_PATH}/flows/deep": {"__init__.py", "thing.py"},
    }


def test_a_module_of_a_folder_without_init_comes_along(project: Path) -> None:
    project.write_text("import names.space\n")
    assert contents(make_bundle(project))[f"{LOCUST_PATH}/names"] == {"space.py"}


def test_data_files_keep_their_place_and_their_bytes(project: Path) -> None:
    bundle = make_bundle(project, ["data/*.csv", "data/**/*.bin"])
    folders = {folder.path: folder for folder in bundle.folders}
    assert folders[f"{LOCUST_PATH}/data"].files == {"users.csv": b"ana\nben\n"}
    binary = folders[f"{LOCUST_PATH}/data/more"].config_map("x", {}, {})
    assert base64.b64decode(binary["binaryData"]["blob.bin"]) == bytes(range(256))
    assert folders[f"{LOCUST_PATH}/data"].config_map("x", {}, {})["data"] == {"users.csv": "ana\nben\n"}


@pytest.mark.parametrize("installed", [False, True])
def test_the_bundle_runs_whatever_loadlab_the_image_has(project: Path, tmp_path: Path, installed: bool) -> None:
    """The agent alone, in a package of its own: nothing else of loadlab is needed, and none goes before it."""
    root = tmp_path / "pod"
    for folder in make_bundle(project).folders:
        place = root / folder.path.lstrip("/")
        place.mkdir(parents=True, exist_ok=True)
        for name, content in folder.files.items():
            (place / name).write_bytes(content)
    site = [next(each for each in sys.path if each.endswith("site-packages"))]
    if installed:
        other = tmp_path / "image" / "loadlab" / "agent"
        other.mkdir(parents=True)
        for package in (other, other.parent):
            (package / "__init__.py").write_text("raise SystemExit('the loadlab of the image')")
        site.insert(0, str(tmp_path / "image"))
    code = "import loadlab.agent.install, loadlab.agent; print(loadlab.__path__[0], loadlab.agent.__path__[0])"
    path = str(root / "mnt/loadlab")
    found = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path += {site!r}; {code}"],  # without the editable install
        env={**os.environ, "PYTHONPATH": path},
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == [f"{path}/loadlab", f"{path}/loadlab/agent"]


def test_a_pattern_without_a_file_is_refused_with_the_nearest(project: Path) -> None:
    with pytest.raises(SpecError, match=r"Did you mean 'data/users\.csv'"):
        make_bundle(project, ["data/user.csv"])


def test_a_file_outside_the_folder_is_refused(project: Path) -> None:
    outside = project.parent.parent / "outside.csv"
    outside.write_text("x")
    with pytest.raises(SpecError, match="in the locustfile's folder"):
        make_bundle(project, ["../outside.csv"])


def test_more_than_a_config_map_holds_is_refused_with_the_ways_out(project: Path) -> None:
    (project.parent / "data" / "users.csv").write_bytes(bytes(MAX_BYTES))
    make_bundle(project, ["data/users.csv"])
    (project.parent / "data" / "users.csv").write_bytes(bytes(MAX_BYTES + 1))
    with pytest.raises(SpecError, match=r"users\.csv the largest.*image=.*extraInitContainers"):
        make_bundle(project, ["data/users.csv"])


@pytest.mark.parametrize("name", ["wo rds.csv", "..words.csv"])
def test_a_name_that_no_config_map_holds_is_refused(project: Path, name: str) -> None:
    (project.parent / "data" / name).write_text("x")
    with pytest.raises(SpecError, match="letters, digits"):
        make_bundle(project, [f"data/{name}"])
