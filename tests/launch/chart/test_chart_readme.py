"""README.md of the chart says what values.yaml says.

``pytest tests/launch/chart/test_chart_readme.py --rewrite-docs`` writes it anew.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from chart_readme import UndocumentedKey, keys_of, render_readme
from rendering import CHART

import loadlab

README = CHART / "README.md"


def test_the_readme_is_true(pytestconfig: pytest.Config) -> None:
    wanted = render_readme(CHART)
    if pytestconfig.getoption("--rewrite-docs"):
        README.write_text(wanted, encoding="utf-8")
    assert README.read_text(encoding="utf-8") == wanted, f"run pytest {Path(__file__).name} --rewrite-docs"


def test_every_key_is_described_once() -> None:
    keys = keys_of(CHART / "values.yaml")
    for key in keys:
        assert key.text.endswith((".", "`.")), f"{'.'.join(key.path)}: {key.text}"
        assert key.text[0].isupper() or key.text[0] == "`", key.path
    readme = README.read_text(encoding="utf-8")
    for key in keys:
        name = ".".join(key.path)
        assert readme.count(f"\n## `{name}`\n" if key.groups else f"\n| `{name}` |") == 1, name


def test_a_key_without_a_comment_is_found(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("# -- A group.\na:\n  # -- One.\n  b: 1\n  c: 2\n", encoding="utf-8")
    with pytest.raises(UndocumentedKey, match=r"^a\.c$"):
        keys_of(values)
    values.write_text("# -- A value.\na:\n  b: 1\n  c: {d: 2}\n", encoding="utf-8")
    assert [(key.path, key.default, key.groups) for key in keys_of(values)] == [
        (("a",), {"b": 1, "c": {"d": 2}}, False),
    ]


def test_the_versions_are_loadlabs() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert chart["version"] == chart["appVersion"] == loadlab.__version__
