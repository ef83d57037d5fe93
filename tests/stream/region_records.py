"""What the masters of several regions would send, and the rows that has to become."""

from __future__ import annotations

import json
from typing import Any

from fake_master import T0, hello

from loadlab.schema import TABLES, column_names
from loadlab.stream import Record, TableBuilder, parse_record


def numbered(payloads: list[dict[str, Any]]) -> list[Record]:
    """`payloads` as the records of one master."""
    return [parse_record(json.dumps({"seq": seq, **payload}).encode()) for seq, payload in enumerate(payloads, 1)]


def full_second(t: int, worker: str = "worker-1", requests: int = 3, **changes: Any) -> dict[str, Any]:
    """A second in which every table gets a row."""
    return {
        "kind": "second",
        "t": T0 + t,
        "requests": [["GET", "/cart", requests, 1, 300, 30.5, 5.5, 15.0, [86, 136], [1, requests - 1], None, None]],
        "errors": [["GET", "/cart", "HTTP 503", "no <n>", 1, "no 17"]],
        "exemplars": [[T0 + t + 0.25, "GET", "/cart", 15.0, 503, "http://h/cart", "ab", "cd", worker, "no 17"]],
        "metrics": [["checkout", "count", worker, 2]],
        "users": {"ShopUser": 2},
        "generators": [[worker, 2, requests, 12.5, 50_000_000, 1.25, -0.5], ["master", 0, 0, 1.0, 9, 0.5, None]],
        "missing": [],
    } | changes


def event(t: float, kind: str, about: str = "", text: str = "it happened", **data: Any) -> dict[str, Any]:
    return {"kind": "event", "time": T0 + t, "event": kind, "object": about, "text": text, "data": data}


def report(sent: int, **changes: Any) -> dict[str, Any]:
    counts = {"sent": sent, "answered": sent, "ok": sent, "failed": 0}
    return {**counts, "clock_offset_ms": 1.5, "clock_error_ms": 0.5, "state": "stopped", **changes}


def region(workers: int, seconds: int, *, base: int = 0) -> list[dict[str, Any]]:
    """A whole stream, its seconds `base` ahead of T0."""
    names = [f"worker-{number + 1}" for number in range(workers)]
    rows = [full_second(base + t, name, t + 3, kind="second" if not n else "amend")
            for t in range(seconds) for n, name in enumerate(names)]  # fmt: skip
    return [
        hello(time=T0 + base - 1, workers_expected=workers, user_classes=["ShopUser"], hostname="h"),
        *(event(base - 0.5, "worker_joined", name, f"{name} connected") for name in names),
        event(base, "test_start", text="the test starts"),
        event(base, "stage", "0", "2 users at 1 a second", index=0, users=2, spawn_rate=1),
        *rows,
        event(base + seconds, "test_stopping", text="users begin to stop"),
        {
            "kind": "end",
            "time": T0 + base + seconds + 1.5,
            "reason": "run_time",
            "workers": {name: report(sum(t + 3 for t in range(seconds))) for name in names},
        },
    ]


def expected_rows(name: str, shift_s: float, payloads: list[dict[str, Any]]) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of one region, each made by hand from the rows that its records alone give."""
    tables = TableBuilder()
    for seq, payload in enumerate(payloads, 1):
        tables.add({"seq": seq, **payload})
    found = plain_rows(tables)
    workers = {payload["object"] for payload in payloads if payload.get("event") == "worker_joined"}
    whole, exact = round(shift_s) * 1_000_000, round(shift_s * 1_000_000)
    for table, rows in found.items():
        columns = column_names(table)
        for place, row in enumerate(rows):
            values = dict(zip(columns, row, strict=True))
            values["time"] += exact if table in ("events", "exemplars") else whole
            if "worker" in values:
                values["worker"] = f"{name}/{values['worker']}"
            if table == "generators":
                known = values["clock_offset_ms"]
                values["clock_offset_ms"] = known if known is None else round(known + shift_s * 1000, 3)
            if table == "events" and values["object"] in workers:
                values["text"] = f"{name}/{values['text']}"
                values["object"] = f"{name}/{values['object']}"
            elif table == "events":
                values["text"] = f"{name}: {values['text']}"
            if "region" in values:
                values["region"] = name
            rows[place] = tuple(values.values())
    return found


def plain_rows(tables: TableBuilder) -> dict[str, list[tuple[Any, ...]]]:
    """Every table as plain rows, times in microseconds, in a fixed order."""
    found = {}
    for table in TABLES:
        frame = tables.frame(table)
        frame = frame.assign(time=frame["time"].astype("int64"))
        plain = frame.astype(object).where(frame.notna(), None)
        rows = [tuple(repr(v) if isinstance(v, list) or hasattr(v, "shape") else v for v in row)
                for row in plain.itertuples(index=False)]  # fmt: skip
        found[table] = sorted(rows, key=repr)
    return found


def close_enough(left: dict[str, list[tuple[Any, ...]]], right: dict[str, list[tuple[Any, ...]]]) -> None:
    """Equal, but for a microsecond of rounding in times."""
    assert left.keys() == right.keys()
    for table in left:
        assert len(left[table]) == len(right[table]), table
        for one, other in zip(left[table], right[table], strict=True):
            assert abs(one[0] - other[0]) <= 1, (table, one, other)
            assert one[1:] == other[1:], (table, one, other)
