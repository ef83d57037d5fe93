"""The Dockerfile, as far as it can be judged without building it."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from fnmatch import fnmatch
from typing import NamedTuple

from sources import PROJECT, kept_files

from loadlab.launch import cron_job


class Instruction(NamedTuple):
    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """What it is given, without its options."""
        return [word for word in shlex.split(self.text) if not word.startswith("--")]

    def option(self, name: str) -> str:
        found = re.search(rf"--{name}=(\S+)", self.text)
        return found[1] if found else ""


def stages() -> list[list[Instruction]]:
    """The instructions of every stage, each beginning with its FROM."""
    lines = (PROJECT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    found: list[list[Instruction]] = []
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        if line.strip():
            name, _, rest = line.partition(" ")
            found += [[]] if name == "FROM" else []
            found[-1].append(Instruction(name, rest.strip()))
    return found


ALL = [each for stage in stages() for each in stage]
LAST = {each.name: each for each in stages()[-1]}


def test_every_image_is_one_of_a_version() -> None:
    for stage in stages():
        image, _, tag = stage[0].words[0].partition(":")
        assert re.match(r"\d+\.\d+", tag), f"{image} has no version"
    assert len({stage[0].words[0] for stage in stages()[1:]}) == 1, "the environment runs where it was built"


def test_everything_that_is_copied_is_there_and_is_sent() -> None:
    names = {stage[0].words[-1] for stage in stages()}
    kept = {path.relative_to(PROJECT).parts[0] for path in kept_files()}
    sent = {
        line.removeprefix("!")
        for line in (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    for copy in (each for each in ALL if each.name == "COPY"):
        if source := copy.option("from"):
            assert source in names
            continue
        sources = copy.words[:-1]
        assert any("*" not in source for source in sources), "a copy of nothing but patterns may find nothing"
        for source in sources:
            assert any(fnmatch(name, source) for name in sent), f"{source} is not sent to the builder"
            assert "*" in source or source in kept, f"{source} is no file of the project"


def test_what_the_package_is_built_from_is_copied() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    copied = {word for each in ALL if each.name == "COPY" for word in each.words[:-1]}
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    needed = {project["project"]["readme"], *project["project"]["license-files"], *packages, "pyproject.toml"}
    assert needed <= copied
    [install] = [each for each in ALL if each.name == "RUN" and "pip install" in each.text]
    assert "--constraint constraints.txt" in install.text
    assert LAST["CMD"].text.startswith("[")
    assert json.loads(LAST["CMD"].text)[0] in project["project"]["scripts"]


def test_it_runs_as_the_pods_of_the_cron_job_do() -> None:
    manifest = cron_job.cron_job(
        "nightly",
        notebook="load_test",
        parameters={},
        schedule="@daily",
        image="i",
        namespace="load",
        service_account="loadlab",
        runs_claim="runs",
    )
    pod = manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    user = LAST["USER"].text.partition(":")[0]
    assert int(user) == pod["securityContext"]["runAsUser"] != 0
    assert container["command"][0] == json.loads(LAST["CMD"].text)[0]
    for entry in container["env"]:
        assert f"{entry['name']}={entry['value']}" in LAST["ENV"].words

    copied = [each.words for each in stages()[-1] if each.name == "COPY" and not each.option("from")]
    assert ["locustfiles", "./locustfiles"] in copied
    assert ["notebooks", "./notebooks"] in copied


def test_nothing_is_installed_as_another_user() -> None:
    names = [each.name for each in stages()[-1]]
    assert names.index("USER") > max(number for number, name in enumerate(names) if name in ("COPY", "RUN"))
