from __future__ import annotations

import re

import numpy as np
import pytest

from loadlab.plot import sparkline_svg


def test_a_sparkline_goes_from_zero_to_its_maximum_and_breaks_at_gaps() -> None:
    svg = sparkline_svg(np.array([0.0, 10.0, np.nan, 5.0, np.nan, 5.0, 5.0]), "label")
    assert re.findall(r' d="([^"]*)"', svg) == ["M2.0 22.0L21.3 2.0M60.0 12.0h0M98.7 12.0L118.0 12.0"]


def test_a_long_sparkline_keeps_its_peak() -> None:
    values = np.full(100_000, 1.0)
    values[54_321] = 100.0
    assert " 2.0" in sparkline_svg(values, "label")
    assert len(sparkline_svg(values, "label")) < 1500


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_nothing_to_draw_is_no_sparkline(values: list[float]) -> None:
    assert sparkline_svg(np.array(values), "label") == ""


def test_a_sparkline_of_zeros_lies_at_the_bottom() -> None:
    assert 'd="M2.0 22.0L118.0 22.0"' in sparkline_svg(np.zeros(2), "label")
