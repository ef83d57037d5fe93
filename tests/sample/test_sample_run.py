"""The run that ships with loadlab: its numbers, where it is opened, and that it tells of no machine."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

import loadlab
from loadlab import schema, store
from loadlab.errors import LoadlabError, RunNotFound, StoreError
from loadlab.sample import recorded, recording

MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:home|Users|root|tmp|work|var|opt|usr|private)/")
ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b[0-9a-f]{4}(?::[0-9a-f]{0,4}){3,}")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> loadlab.Run:
    return loadlab.sample_run(tmp_path_factory.mktemp("project") / "runs")


def digest(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*"))}


def test_it_is_of_the_current_format_and_can_be_trusted(sample: loadlab.Run) -> None:
    assert sample.info["schema_version"] == schema.SCHEMA_VERSION, "record it anew: make sample"
    assert sample.info["status"] == "finished"
    assert sample.validity.status == "valid"


def test_its_numbers_are_those_of_its_summary(sample: loadlab.Run) -> None:
    """Counted here from the table alone, and by today's code."""
    requests, kept = sample.requests, sample.summary_json
    assert kept["total"]["count"] == requests["count"].sum() == sample.conservation["sent"] > 1000
    assert kept["total"]["failures"] == requests["failures"].sum() == sample.errors["count"].sum() > 0
    by_name = requests.groupby(["request_type", "name"], observed=True)["count"].sum()
    assert {(row["request_type"], row["name"]): row["count"] for row in kept["endpoints"]} == by_name.to_dict()
    assert sample.summary_dict() == kept
    assert sample.info["verdict"] == json.loads(json.dumps(sample.verdict.to_dict()))
    assert sample.info["validity"] == json.loads(json.dumps(sample.validity.to_dict()))


def test_it_has_something_to_find(sample: loadlab.Run) -> None:
    stages = sample.stages()
    assert len(stages) == 2
    assert stages["p95_ms"].iloc[1] > stages["p95_ms"].iloc[0]
    assert {result.status for result in sample.verdict.results} == {"passed", "failed"}
    notes = sample.events[sample.events["kind"] == "note"]
    assert notes["text"].tolist() == [text for _, text in recording.STORY]
    last_failure = sample.errors.loc[sample.errors["name"] == "/search", "time"].max()
    assert last_failure <= notes["time"].max() + pd.Timedelta("2s")


def test_it_tells_of_no_machine(sample: loadlab.Run) -> None:
    texts = list(recording.texts(store.RunFolder(sample.path)))
    assert len(texts) > 100
    assert [text[:200] for text in texts if MACHINE_PATH.search(text)] == []
    assert {address for text in texts for address in ADDRESS.findall(text)} == {"127.0.0.1"}
    assert sample.info["host"]["hostname"] == "demo"
    assert sample.info["git"] is None
    assert {path.name for path in sample.path.iterdir()} == {
        "run.json",
        "summary.json",
        *(f"{table}.parquet" for table in schema.TABLES),
    }


def test_it_is_small_and_part_of_the_package() -> None:
    files = list(recorded().iterdir())
    assert sum(path.stat().st_size for path in files) <= recording.MAXIMUM_BYTES
    assert recorded().name == json.loads((recorded() / "run.json").read_text())["id"]
    ignored = subprocess.run(["git", "check-ignore", *files], cwd=recorded(), capture_output=True, text=True)
    assert ignored.stdout == "", "what git ignores hatch leaves out of the package"


def test_the_package_is_only_read(tmp_path: Path) -> None:
    before = digest(recorded())
    run = loadlab.sample_run(tmp_path)
    report = run.report()
    assert Path(report) == tmp_path / "sample" / run.id / "report.html"
    assert digest(recorded()) == before
    again = loadlab.sample_run(tmp_path)
    assert again.path == run.path
    assert Path(report).exists()
    assert [path.name for path in (tmp_path / "sample").iterdir()] == [run.id]


def test_it_is_out_of_the_way_of_other_runs(tmp_path: Path) -> None:
    loadlab.sample_run(tmp_path)
    assert loadlab.runs(tmp_path).empty
    with pytest.raises(RunNotFound):
        loadlab.open_run("latest", tmp_path)


def test_a_place_in_s3_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOADLAB_SPOOL", str(tmp_path / "spool"))
    run = loadlab.sample_run("s3://bucket/runs")
    assert run.path == tmp_path / "sample" / run.id


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "sample").write_text("a file")
    with pytest.raises(StoreError, match="cannot be copied to"):
        loadlab.sample_run(tmp_path)


@pytest.fixture
def recorded_here(tmp_path: Path) -> store.RunFolder:
    """As it comes from the launcher: with logs and facts of this machine."""
    folder = store.RunFolder(shutil.copytree(recorded(), tmp_path / recorded().name))
    folder.logs.mkdir()
    (folder.logs / "master.log").write_text(str(Path.cwd()))
    here = {"hostname": recording.platform.node(), "cpus": 2, "python": recording.sys.executable}
    folder.update_info(host=here, git={"revision": "1234", "branch": "main", "dirty": False})
    return folder


def test_recording_strips_the_machine(recorded_here: store.RunFolder) -> None:
    with pytest.raises(LoadlabError, match="tells of this machine"):
        recording.check(recorded_here)
    recording.strip(recorded_here)
    recording.check(recorded_here)
    assert not recorded_here.logs.exists()


def test_recording_refuses_a_path_in_a_table_and_a_large_run(recorded_here: store.RunFolder) -> None:
    recording.strip(recorded_here)
    (recorded_here.path / "large").write_bytes(bytes(recording.MAXIMUM_BYTES))
    with pytest.raises(LoadlabError, match="the sample may have"):
        recording.check(recorded_here)
    (recorded_here.path / "large").unlink()
    events = loadlab.Run(recorded_here.path).arrow("events")
    place = events.column_names.index("text")
    words = events.set_column(place, "text", [[f"in {Path.cwd()}/a"] * len(events)])
    tables = {name: loadlab.Run(recorded_here.path).arrow(name) for name in schema.TABLES}
    recorded_here.write_tables({**tables, "events": words.cast(events.schema)})
    with pytest.raises(LoadlabError, match="tells of this machine"):
        recording.check(recorded_here)
