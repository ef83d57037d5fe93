"""Relative paths of a notebook mean the same, wherever its kernel works."""

from __future__ import annotations

from pathlib import Path

import pytest

import loadlab


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "shop" / "locustfiles").mkdir(parents=True)
    (tmp_path / "shop" / "notebooks" / "old").mkdir(parents=True)
    return tmp_path / "shop"


def test_from_the_project_paths_stay_as_they_are(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    assert loadlab.project_folder() / "locustfiles/shop.py" == Path("locustfiles/shop.py")


@pytest.mark.parametrize("below", ["notebooks", "notebooks/old", "locustfiles"])
def test_from_below_they_begin_at_the_project(project: Path, below: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project / below)
    assert loadlab.project_folder() == project


def test_without_a_project_they_begin_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert loadlab.project_folder() == Path()


def test_absolute_paths_stay_absolute(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project / "notebooks")
    assert loadlab.project_folder() / tmp_path == tmp_path


def test_places_of_a_notebook(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project / "notebooks")
    assert loadlab.in_project("runs") == project / "runs"
    assert loadlab.in_project(str(tmp_path)) == tmp_path
    assert loadlab.in_project("s3://bucket/team a/runs") == "s3://bucket/team a/runs"
