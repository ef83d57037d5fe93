"""How a checkup is shown: as text, as a DataFrame, and as HTML that nothing in it can break out of."""

from __future__ import annotations

import re
from html import unescape

import pytest

from loadlab.doctor import Checkup, Finding

HOSTILE = "<script>alert(1)</script>\"'&"
CHECKUP = Checkup(
    (
        Finding("a", "ok", "1", area="python"),
        Finding("pandas", "ok", "3.1", area="packages"),
        Finding("bokeh", "ok", "3.9", area="packages"),
        Finding("scipy", "missing", "not installed", "pip install scipy", "packages"),
        Finding("helm", "optional", HOSTILE, HOSTILE, "kubernetes"),
    )
)


def test_text() -> None:
    checkup = Checkup((Finding("a", "ok", "1"), Finding("bcd", "missing", "not there", "get it")))
    assert str(checkup) == "✓ a    1\n✕ bcd  not there\n       → get it"


def test_text_in_a_notebook_has_one_line_for_the_packages_that_are_well() -> None:
    lines = repr(CHECKUP).splitlines()
    assert lines[0] == "✕ 1 missing: mend what is marked ✕, 1 not there that only some things need."
    assert [line.split()[:2] for line in lines[1:5]] == [["✓", "a"], ["✓", "packages"], ["✕", "scipy"], ["→", "pip"]]
    assert "2 as they should be" in lines[2]
    assert "bokeh" not in repr(CHECKUP)
    assert "bokeh" in str(CHECKUP)


def test_frame() -> None:
    frame = CHECKUP.to_frame()
    assert list(frame.columns) == ["area", "name", "status", "found", "mend"]
    assert frame["mend"].tolist() == ["", "", "", "pip install scipy", HOSTILE]


def test_table() -> None:
    html = CHECKUP._repr_html_()
    body = html.partition("</style>")[2]
    rows = re.findall(r'<tr class="(\w+)"><th[^>]*>(.*?)</th><td class="state">(.*?)</td>', body)
    assert rows == [
        ("ok", "a", "ready"),
        ("ok", "packages", "ready"),
        ("missing", "scipy", "missing"),
        ("optional", "helm", "not there"),
    ]
    assert "<code>pip install scipy</code>" in body
    assert "<script" not in body
    assert unescape(body).count(HOSTILE) == 2
    assert "bokeh 3.9" in re.sub(r"<summary>.*?</summary>", "", body)


@pytest.mark.parametrize(("status", "mark"), [("ok", "valid"), ("optional", "valid"), ("missing", "invalid")])
def test_only_what_is_missing_makes_it_red(status: str, mark: str) -> None:
    checkup = Checkup((Finding("a", status, "x"),))
    assert f'verdict {mark}">' in checkup._repr_html_()
    assert checkup.ok == (mark == "valid")
