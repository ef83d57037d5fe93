"""Every quantile over the whole way of a measurement: the agent's cells, records, archive, Histogram."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from raw_samples import DISTRIBUTIONS, START

from loadlab import schema
from loadlab.agent.buckets import Cell
from loadlab.analyse import Histogram, summarise
from loadlab.schema import TABLES
from loadlab.store import Archive, RunFolder
from loadlab.stream import TableBuilder

QUANTILES = np.concatenate((np.linspace(0, 1, 1001), 1 - np.geomspace(1e-5, 1e-1, 50)))
SECONDS, WORKERS = 5, 3


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_quantiles_of_the_archive_are_within_one_percent_of_the_raw_samples(name: str, tmp_path: Path) -> None:
    values = DISTRIBUTIONS[name](np.random.default_rng(21), 9000)
    tables = TableBuilder()
    for t, of_second in enumerate(np.array_split(values, SECONDS)):
        merged = Cell()
        for of_worker in np.array_split(of_second, WORKERS):
            merged.merge(json.loads(json.dumps(filled(of_worker).row("GET", "/"))))
        record = {"kind": "second", "seq": t + 1, "t": START + t, "requests": [merged.row("GET", "/")]}
        tables.add(json.loads(json.dumps(record)))
    run = RunFolder.create(tmp_path, "r20261123-210640-abcd", {})
    run.write_tables({table: tables.arrow(table) for table in TABLES})
    requests = Archive(run.path).table("requests")

    for column, truth in (("histogram", values), ("intended_histogram", 2 * values)):
        histogram = Histogram.from_column(requests[column])
        assert histogram.count == len(values)
        assert_within_one_percent(histogram.quantile(QUANTILES), truth)
    total = summarise(requests).iloc[-1]
    assert total["count"] == len(values)
    assert_within_one_percent(
        total[["p50_ms", "p95_ms", "p99_ms"]].to_numpy(dtype=float), values, np.array([0.5, 0.95, 0.99])
    )
    assert (requests["min_ms"].min(), requests["max_ms"].max()) == (values.min(), values.max())
    assert requests["sum_ms"].sum() == pytest.approx(values.sum())


def filled(values: np.ndarray) -> Cell:
    """What a worker holds of one second."""
    cell = Cell()
    for value in values.tolist():
        cell.add(value, 100, failed=False)
        cell.add_intended(2 * value)
    return cell


def assert_within_one_percent(estimates: np.ndarray, values: np.ndarray, quantiles: np.ndarray = QUANTILES) -> None:
    truth = np.quantile(values, quantiles, method="inverted_cdf")
    allowed = schema.RELATIVE_ERROR * truth * (1 + 1e-9) + np.where(truth <= 1e-6, 1e-6, 0)
    wrong = np.abs(estimates - truth) > allowed
    assert not wrong.any(), list(zip(estimates[wrong], truth[wrong], strict=True))[:5]
