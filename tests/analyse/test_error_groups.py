"""Errors grouped and over time, against collections.Counter."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from raw_samples import START, at, table

from loadlab import schema
from loadlab.analyse import errors_by_kind, group_errors
from loadlab.errors import SpecError

KINDS = ["HTTP 503", "timeout", "task exception"]


def draw_errors() -> list[dict[str, object]]:
    rng = np.random.default_rng(4)
    rows = []
    for number in range(200):
        kind = rng.choice(KINDS, p=[0.6, 0.3, 0.1])
        rows.append(
            {
                "time": at(int(rng.integers(0, 30))),
                "request_type": rng.choice(["GET", "POST"]),
                "name": rng.choice(["/", "/cart"]),
                "kind": kind,
                "message": f"{kind} for order <n>",
                "count": int(rng.integers(1, 5)),
                "sample": f"{kind} for order {number}" if number % 3 else "",
            }
        )
    return rows


def test_groups_equal_a_counter() -> None:
    rows = draw_errors()
    key = ("kind", "message", "request_type", "name")
    expected: Counter[tuple[object, ...]] = Counter()
    for row in rows:
        expected[tuple(row[column] for column in key)] += row["count"]

    frame = group_errors(table("errors", rows))
    assert list(frame.columns) == [*key, "count", "first_seen", "last_seen", "sample", "share"]
    assert dict(zip(frame[list(key)].itertuples(index=False, name=None), frame["count"], strict=True)) == expected
    assert frame["count"].is_monotonic_decreasing
    assert frame["share"].sum() == pytest.approx(1)
    assert frame["share"].iloc[0] == pytest.approx(frame["count"].iloc[0] / sum(expected.values()))
    for _, group in frame.iterrows():
        own = sorted(
            (row for row in rows if all(row[column] == group[column] for column in key)), key=lambda row: row["time"]
        )
        assert (group["first_seen"], group["last_seen"]) == (own[0]["time"], own[-1]["time"])
        assert group["sample"] == next((row["sample"] for row in own if row["sample"]), "")


def test_over_time_every_kind_has_every_bin() -> None:
    rows = draw_errors()
    frame = errors_by_kind(table("errors", rows), "10s", start=at(-5), end=at(33))
    assert list(frame.columns) == ["time", "kind", "count", "errors_per_s"]
    assert len(frame) == frame["time"].nunique() * len(KINDS)
    for _, row in frame.iterrows():
        begin = int(row["time"].timestamp())
        own = [r for r in rows if r["kind"] == row["kind"] and begin <= r["time"].timestamp() < begin + 10]
        covered = min(begin + 10, START + 33) - max(begin, START - 5)
        assert row["count"] == sum(r["count"] for r in own)
        assert row["errors_per_s"] == pytest.approx(row["count"] / covered)


def test_no_errors() -> None:
    empty = schema.empty_frame("errors")
    assert group_errors(empty).empty
    assert errors_by_kind(empty).empty
    assert errors_by_kind(empty, "10s", start=at(0), end=at(60)).empty
    assert list(group_errors(empty).dtypes.astype(str)) == list(
        group_errors(table("errors", draw_errors())).dtypes.astype(str)
    )
    with pytest.raises(SpecError, match="resolution"):
        errors_by_kind(empty, "1ms")


def test_hostile_texts_are_just_text() -> None:
    text = "<script>alert(1)</script>\x00🛒" + "x" * 1_000_000
    row = {
        "time": at(0),
        "request_type": "GET",
        "name": text,
        "kind": text,
        "message": text,
        "count": 1,
        "sample": text,
    }
    frame = group_errors(table("errors", [row, row]))
    assert frame.loc[0, ["kind", "message", "name", "sample"]].tolist() == [text] * 4
    assert frame["count"].tolist() == [2]
    assert errors_by_kind(table("errors", [row]))["kind"].tolist() == [text]
