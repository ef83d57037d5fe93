from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from loadlab.plot import no_data
from loadlab.plot.theme import (
    _DARK,
    _LIGHT,
    ALERT_COLOUR,
    DASHES,
    HATCHES,
    MARKERS,
    OTHER_COLOUR,
    SEQUENCE,
    SERIES_COLOURS,
    log_ticks,
)

JUPYTER_SURFACES = ("#ffffff", "#111111")
SURFACES = (*JUPYTER_SURFACES, _LIGHT["surface"], _DARK["surface"])

# Machado, Oliveira, Fernandes: A physiologically-based model for simulation of color vision deficiency, 2009.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio."""
    low, high = sorted(float(linear(colour) @ XYZ[1]) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(colour: str, vision: np.ndarray) -> np.ndarray:
    """CIE L*a*b* (D65) of a colour as somebody sees it."""
    ratio = XYZ @ np.clip(vision @ linear(colour), 0, 1) / np.array([0.9505, 1.0, 1.089])
    x, y, z = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("colour", [*SERIES_COLOURS, ALERT_COLOUR, OTHER_COLOUR])
def test_data_colours_are_seen_on_every_surface(colour: str, surface: str) -> None:
    assert contrast(colour, surface) >= 3


@pytest.mark.parametrize("surface", SURFACES)
def test_the_sequence_of_many_stages_is_seen_on_every_surface(surface: str) -> None:
    assert min(contrast(colour, surface) for colour in SEQUENCE) > 2.4


@pytest.mark.parametrize("scheme", [_LIGHT, _DARK])
def test_text_is_readable_on_its_surface(scheme: dict[str, str]) -> None:
    assert contrast(scheme["text"], scheme["surface"]) >= 7
    assert contrast(scheme["muted"], scheme["surface"]) >= 4.5


@pytest.mark.parametrize("vision", VISION)
def test_series_differ_for_all_kinds_of_colour_vision(vision: str) -> None:
    for one, other in combinations(SERIES_COLOURS, 2):
        assert np.linalg.norm(lab(one, VISION[vision]) - lab(other, VISION[vision])) > 14, (one, other)


def test_there_is_a_second_cue_for_every_series() -> None:
    assert len(set(DASHES)) == len(set(HATCHES)) == len(SERIES_COLOURS)
    assert len(set(MARKERS)) >= len(SERIES_COLOURS)


def test_no_data_says_so_and_why() -> None:
    plot = no_data("Throughput", "no requests")
    assert plot.title.text == "Throughput"
    assert [label.text for label in plot.center if hasattr(label, "text")] == ["no data: no requests"]
    assert "No data: no requests" in plot.html_attributes["aria-label"]


def test_log_ticks_are_one_two_five_and_cover_the_range() -> None:
    ticks = log_ticks(3.0, 400.0).ticks
    assert {5.0, 10.0, 20.0, 50.0, 100.0, 200.0} <= set(ticks)
    assert min(ticks) <= 3.0
    assert max(ticks) >= 400.0
    for low, high in ((21, 95), (11, 19), (60, 75), (4.1, 4.9)):
        ticks = log_ticks(low, high).ticks
        assert 3 <= sum(low <= tick <= high for tick in ticks) <= 15
    assert log_ticks(0.01, 1e6).ticks == [10.0**decade for decade in range(-2, 7)]
