"""A synthetic hour of five names, written as Parquet, read back and analysed whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from benchmarks.day import measure_summary
from benchmarks.synthetic_day import START, synthetic_requests
from benchmarks.synthetic_run import write_run
from loadlab import schema
from loadlab.analyse import Histogram, heatmap, summarise, timeline


@pytest.fixture(scope="module")
def hour_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("hour"), seconds=3600, names=5) / "requests.parquet"


@pytest.fixture(scope="module")
def hour(hour_path: Path) -> pd.DataFrame:
    return schema.to_frame("requests", pq.read_table(hour_path))


def test_the_hour_is_consistent_in_itself(hour: pd.DataFrame) -> None:
    assert len(hour) == 3600 * 5
    lists = hour["histogram"].list
    assert lists.len().between(1, 40).all()
    assert 12 <= lists.len().mean() <= 20
    pairs = hour["histogram"].explode()
    counts = pairs.struct.field("count").groupby(level=0).sum()
    assert (counts.to_numpy(dtype=np.int64) == hour["count"].to_numpy()).all()
    sample = hour.sample(50, random_state=1)
    for row in sample.itertuples():
        histogram = Histogram.from_column(hour["histogram"].iloc[row.Index : row.Index + 1])
        assert histogram.mean() == pytest.approx(row.sum_ms / row.count, rel=0.01)
        assert histogram.quantile(1) == pytest.approx(row.max_ms, rel=0.01 + 1e-9)
        assert histogram.quantile(0) == pytest.approx(row.min_ms, rel=0.01 + 1e-9)


def test_the_same_seed_gives_the_same_hour() -> None:
    first, again, other = (next(iter(synthetic_requests(seconds=20, names=3, seed=seed))) for seed in (4, 4, 5))
    assert first.equals(again)
    assert not first.equals(other)


def test_everything_adds_up(hour: pd.DataFrame) -> None:
    summary = summarise(hour)
    minutes = timeline(hour, "1min")
    seconds = timeline(hour, "1s", by="name")
    heat = heatmap(hour, "1min")
    total = summary.iloc[-1]
    assert len(summary) == 6
    assert len(minutes) == 60
    assert len(seconds) == 3600 * 5
    for frame in (hour, summary.iloc[:-1], minutes, seconds, heat):
        assert frame["count"].sum() == total["count"]
    assert minutes["time"].iloc[0] == pd.Timestamp(START, unit="s", tz="UTC")
    everything = Histogram.from_column(hour["histogram"])
    assert everything.count == total["count"]
    for column, q in (("p50_ms", 0.5), ("p99_ms", 0.99), ("p999_ms", 0.999)):
        assert total[column] == everything.quantile(q)


def test_a_fresh_process_measures_it(hour_path: Path, hour: pd.DataFrame) -> None:
    figures = measure_summary(hour_path.parent)
    assert figures["requests"] == hour["count"].sum()
    assert 0 < figures["open_s"] < figures["total_s"]
    assert 10 << 20 < figures["peak_bytes"] < 1 << 30
