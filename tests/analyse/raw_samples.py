"""Raw samples and tables made from them without any code of loadlab.analyse: the other side of every comparison."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from loadlab import schema

START = 1_780_000_000  # 2026-05-28 20:26:40 UTC: neither a whole minute nor a whole hour

Draw = Callable[[np.random.Generator, int], np.ndarray]

DISTRIBUTIONS: dict[str, Draw] = {
    "normal": lambda rng, n: np.abs(rng.normal(100, 15, n)),
    "lognormal": lambda rng, n: rng.lognormal(3, 1, n),
    "exponential": lambda rng, n: rng.exponential(40, n),
    "pareto_heavy_tail": lambda rng, n: 5 * (1 + rng.pareto(1.1, n)),
    "bimodal": lambda rng, n: np.where(rng.random(n) < 0.9, rng.normal(20, 2, n), rng.normal(900, 50, n)).clip(0.1),
    "uniform": lambda rng, n: rng.uniform(0.001, 1000, n),
    "constant": lambda rng, n: np.full(n, 123.456),
    "sub_millisecond": lambda rng, n: rng.lognormal(math.log(0.05), 0.8, n),
    "integers_with_zeros": lambda rng, n: rng.poisson(2, n).astype(float),
    "bucket_bounds": lambda rng, n: schema.GAMMA ** rng.integers(-200, 600, n),
    "timeouts": lambda rng, n: np.where(rng.random(n) < 0.02, 30_000.0, rng.gamma(2, 10, n)),
}


def bucket(ms: float) -> int:
    """The bucket of one value, straight from the definition in loadlab.schema."""
    if ms <= 1e-6:
        return schema.ZERO_BUCKET
    return min(math.ceil(math.log(ms) / math.log(schema.GAMMA)), schema.MAX_BUCKET)


def pairs(values: Iterable[float]) -> list[dict[str, int]]:
    """A histogram as a row of the archive holds it, in the order of appearance as the agent writes it."""
    return [{"bucket": index, "count": count} for index, count in Counter(map(bucket, values)).items()]


def histogram_column(lists: Sequence[list[dict[str, int]] | None]) -> pd.Series:
    kind = schema.arrow_schema("requests").field("histogram").type
    return pd.Series(pd.array(pa.array(lists, kind), dtype=pd.ArrowDtype(kind)))


def requests_table(samples: pd.DataFrame, *, parts: int = 1, intended: str | None = None) -> pd.DataFrame:
    """A `requests` table from one row a request: second, request_type, name, ms (NaN: untimed), failed, size.

    With several parts each request lands in one of them at random, so that keys come several times, as late parts do.
    """
    part = np.random.default_rng(5).integers(0, parts, len(samples))
    rows = []
    keys = ["part", "second", "request_type", "name"]
    for (_, second, request_type, name), group in samples.assign(part=part).groupby(keys, sort=True):
        timed = group["ms"].dropna()
        rows.append(
            {
                "time": pd.Timestamp(second, unit="s", tz="UTC"),
                "request_type": request_type,
                "name": name,
                "count": len(group),
                "failures": int(group["failed"].sum()),
                "response_bytes": int(group["size"].sum()),
                "sum_ms": float(timed.sum()),
                "min_ms": timed.min() if len(timed) else math.nan,
                "max_ms": timed.max() if len(timed) else math.nan,
                "histogram": pairs(timed),
                "intended_histogram": pairs(group[intended]) if intended else None,
            }
        )
    return table("requests", rows)


def table(name: str, rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """Any table from rows, with the dtypes of loadlab.schema; what a row leaves out is null or empty."""
    columns = {}
    for field in schema.arrow_schema(name):
        values = [row.get(field.name) for row in rows]
        if field.name not in ("histogram", "intended_histogram") and pa.types.is_string(field.type):
            values = [value or "" for value in values]
        columns[field.name] = pa.array(values, field.type)
    return schema.to_frame(name, pa.table(columns, schema=schema.arrow_schema(name)))


def draw_samples(*, seconds: int = 60, rate: int = 20, seed: int = 1, start: int = START) -> pd.DataFrame:
    """Some load of three names: `rate` requests a second on average, 5 % failed, 1 % untimed."""
    rng = np.random.default_rng(seed)
    n = seconds * rate
    return pd.DataFrame(
        {
            "second": start + np.sort(rng.integers(0, seconds, n)),
            "request_type": rng.choice(["GET", "POST"], n),
            "name": rng.choice(["/", "/cart", "/search?q=<n>"], n),
            "ms": np.where(rng.random(n) < 0.01, np.nan, rng.lognormal(3, 0.7, n)),
            "failed": rng.random(n) < 0.05,
            "size": rng.integers(0, 10_000, n),
        }
    )


def event(second: float, kind: str, object_: str = "", text: str = "", **data: object) -> dict[str, object]:
    return {
        "time": pd.Timestamp(round((START + second) * 1e6), unit="us", tz="UTC"),
        "kind": kind,
        "object": object_,
        "text": text,
        "data": json.dumps(data) if data else "",
    }


def at(second: float) -> pd.Timestamp:
    return pd.Timestamp(round((START + second) * 1e6), unit="us", tz="UTC")


def quantile(values: pd.Series | np.ndarray, q: float) -> float:
    """The independent definition of a quantile."""
    known = np.asarray(values, dtype=float)
    known = known[~np.isnan(known)]
    return float(np.quantile(known, q, method="inverted_cdf")) if len(known) else math.nan
