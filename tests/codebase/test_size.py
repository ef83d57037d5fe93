"""Modules stay small enough to be read in one go."""

import pytest
from sources import PROJECT, kept_files

SOFT, HARD = 300, 400

REASONS: dict[str, str] = {}
"""Module of more than SOFT lines -> why it is one. Test modules need none: they are lists of cases."""

SIZES = {
    path.relative_to(PROJECT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
    for path in kept_files()
    if path.suffix == ".py"
}


@pytest.mark.parametrize("name", sorted(name for name, lines in SIZES.items() if lines > SOFT) or ["none"])
def test_a_long_module_has_its_reason(name: str) -> None:
    lines = SIZES.get(name, 0)
    assert lines <= HARD, f"{name} has {lines} lines; split it"
    assert lines <= SOFT or name in REASONS or name.startswith("tests/"), (
        f"{name} has {lines} lines; split it or say here why not"
    )


def test_no_reason_outlives_its_module() -> None:
    assert {name for name in REASONS if SIZES.get(name, 0) <= SOFT} == set()
