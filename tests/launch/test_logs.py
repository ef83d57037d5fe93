"""The logs of ended processes, freed of secrets."""

from __future__ import annotations

from pathlib import Path

from loadlab.launch.processes import hide_secrets


def test_a_disk_without_room_for_a_hidden_log_keeps_the_log_and_nothing_half(tmp_path: Path) -> None:
    log = tmp_path / "master.log"
    log.write_text("--api-token hunter2\n")
    (tmp_path / "master.hidden").symlink_to("/dev/full")
    hide_secrets(log)
    assert [path.name for path in tmp_path.iterdir()] == ["master.log"]
    hide_secrets(log)
    assert log.read_text() == "--api-token ...\n"
