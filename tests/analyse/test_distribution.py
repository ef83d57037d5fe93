"""Heatmap and percentile spectrum against the raw samples."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from raw_samples import DISTRIBUTIONS, START, at, draw_samples, quantile, requests_table

from loadlab import schema
from loadlab.analyse import heatmap, spectrum


def requests_from(values: np.ndarray, seconds: int = 10, parts: int = 2) -> pd.DataFrame:
    second = START + np.arange(len(values)) % seconds
    frame = pd.DataFrame({"second": second, "ms": values, "request_type": "GET", "name": "/", "failed": False})
    return requests_table(frame.assign(size=0), parts=parts)


@pytest.mark.parametrize("cells_per_decade", [1, 16, 1000])
def test_every_cell_holds_the_samples_between_its_bounds(cells_per_decade: int) -> None:
    samples = draw_samples(seconds=25, rate=40)
    heat = heatmap(requests_table(samples, parts=3), "10s", cells_per_decade=cells_per_decade)
    assert list(heat.columns) == ["time", "low_ms", "high_ms", "count", "share"]
    assert heat["count"].sum() == samples["ms"].notna().sum()
    assert (heat["count"] > 0).all()
    assert not heat.duplicated(["time", "low_ms"]).any()
    for row in heat.itertuples():
        begin = int(row.time.timestamp())
        own = samples.loc[samples["second"].between(begin, begin + 9), "ms"].dropna()
        assert row.count == ((own > row.low_ms) & (own <= row.high_ms)).sum()
        assert row.share == pytest.approx(row.count / len(own))
    ratio = math.log10(heat["high_ms"].iloc[0] / heat["low_ms"].iloc[0])
    assert ratio == pytest.approx(1 / min(cells_per_decade, 115), rel=0.1)


def test_neighbouring_cells_touch() -> None:
    heat = heatmap(requests_from(np.geomspace(1, 1000, 2000)), "1min").drop_duplicates("low_ms").sort_values("low_ms")
    np.testing.assert_allclose(heat["low_ms"].to_numpy()[1:], heat["high_ms"].to_numpy()[:-1])


def test_zeros_stand_in_the_lowest_cell() -> None:
    heat = heatmap(requests_from(np.array([0.0, 0.0, 1e-5, 0.001, 3.0])), "1min", floor_ms=0.01)
    assert heat["count"].tolist() == [4, 1]
    assert 0 < heat["low_ms"].iloc[0] < 0.01 <= heat["high_ms"].iloc[0]


def test_start_and_end() -> None:
    samples = draw_samples(seconds=20)
    heat = heatmap(requests_table(samples), "1s", start=at(5), end=at(8))
    assert sorted(set(heat["time"])) == [at(5), at(6), at(7)]
    assert heat["count"].sum() == samples.loc[samples["second"].between(START + 5, START + 7), "ms"].notna().sum()


@pytest.mark.parametrize(("cells", "floor"), [(0, 0.01), (10, 0.0), (10, -1.0), (10, math.nan)])
def test_impossible_cells_are_refused(cells: int, floor: float) -> None:
    with pytest.raises(ValueError, match="cells_per_decade"):
        heatmap(schema.empty_frame("requests"), cells_per_decade=cells, floor_ms=floor)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_spectrum_holds_true_quantiles(name: str) -> None:
    values = DISTRIBUTIONS[name](np.random.default_rng(5), 3000)
    curve = spectrum(requests_from(values))
    assert len(curve) <= 200
    assert curve["quantile"].is_monotonic_increasing
    assert curve["value_ms"].is_monotonic_increasing
    assert curve["value_ms"].iloc[0] == values.min()
    assert curve["value_ms"].iloc[-1] == values.max()
    assert curve["inverse"].iloc[-2] == pytest.approx(3000)
    for row in curve.itertuples():
        assert row.value_ms == pytest.approx(quantile(values, row.quantile), rel=0.01 + 1e-9, abs=1e-6)


def test_small_and_empty_spectra() -> None:
    one = spectrum(requests_from(np.array([12.0])))
    assert one.to_dict("list") == {"quantile": [0.0, 1.0], "value_ms": [12.0, 12.0], "inverse": [1.0, math.inf]}
    assert spectrum(schema.empty_frame("requests")).empty
    assert list(spectrum(schema.empty_frame("requests"))) == ["quantile", "value_ms", "inverse"]
    assert len(spectrum(requests_from(np.arange(100.0)), points=3)) == 3
    with pytest.raises(ValueError, match="3 points"):
        spectrum(schema.empty_frame("requests"), points=2)


def test_empty_heatmap() -> None:
    assert heatmap(schema.empty_frame("requests")).empty
    assert heatmap(schema.empty_frame("requests"), start=at(0), end=at(5)).empty
