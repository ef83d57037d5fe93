"""A synthetic day of load as a `requests` Parquet file: 86,400 seconds x 20 names with realistic latencies.

Every request is drawn: a log-normal latency for each name (medians from 8 ms to 400 ms), a slower second mode for the
names that write, a daily swing of the rate, a slow half hour in the evening. Sums, minima and maxima are those of the
drawn latencies, so that the file is consistent in itself. With the default rate a row holds about 15 distinct buckets.

    python -m benchmarks.synthetic_day day.parquet
    python -m benchmarks.synthetic_day hour.parquet --seconds 3600 --names 5
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from loadlab import schema

DAY_S = 86_400
NAMES = 20
RATE = 18.0
START = 1_764_028_800  # 2025-11-25 00:00:00 UTC

_CHUNK_ROWS = 72_000


def write_day(
    path: Path, *, seconds: int = DAY_S, names: int = NAMES, rate: float = RATE, start: int = START, seed: int = 1
) -> Path:
    """Write `seconds` x `names` rows with about `rate` requests each to `path` as Parquet and return `path`."""
    with pq.ParquetWriter(path, schema.arrow_schema("requests"), compression="zstd") as writer:
        for table in synthetic_requests(seconds=seconds, names=names, rate=rate, start=start, seed=seed):
            writer.write_table(table)
    return path


def synthetic_requests(
    *, seconds: int = DAY_S, names: int = NAMES, rate: float = RATE, start: int = START, seed: int = 1
) -> Iterator[pa.Table]:
    """`requests` tables of up to 72,000 rows in order of time, each with `schema.arrow_schema("requests")`.

    `rate` is the mean number of requests a second for each name. A second in which a name got no request has no row.
    """
    generator = np.random.default_rng(seed)
    step = max(1, _CHUNK_ROWS // names)
    for first in range(0, seconds, step):
        yield _chunk(generator, first, min(step, seconds - first), names, rate, start)


def _chunk(generator: np.random.Generator, first: int, seconds: int, names: int, rate: float, start: int) -> pa.Table:
    second = np.repeat(np.arange(first, first + seconds), names)
    name = np.tile(np.arange(names), seconds)
    swing = 1 + 0.3 * np.sin(2 * np.pi * second / DAY_S)
    count = generator.poisson(rate * swing)
    kept = count > 0
    second, name, count = second[kept], name[kept], count[kept]
    row = np.repeat(np.arange(len(count)), count)
    latency = _latencies(generator, second[row], name[row], names)
    first_request = np.concatenate(([0], np.cumsum(count)[:-1]))
    failures = generator.binomial(count, 0.002)
    types = np.where(np.arange(names) % 4 == 3, "POST", "GET")
    columns = {
        "time": pa.array((start + second) * 1_000_000, type=pa.timestamp("us", tz="UTC")),
        "request_type": pa.DictionaryArray.from_arrays(
            pa.array(np.where(types[name] == "GET", 0, 1), pa.int32()), ["GET", "POST"]
        ),
        "name": pa.DictionaryArray.from_arrays(
            pa.array(name, pa.int32()), [f"/service/{number:02d}" for number in range(names)]
        ),
        "count": pa.array(count, pa.int64()),
        "failures": pa.array(failures, pa.int64()),
        "response_bytes": pa.array(count * (400 + 150 * name), pa.int64()),
        "sum_ms": pa.array(np.add.reduceat(latency, first_request)),
        "min_ms": pa.array(np.minimum.reduceat(latency, first_request)),
        "max_ms": pa.array(np.maximum.reduceat(latency, first_request)),
        "histogram": _histograms(row, latency, len(count)),
        "intended_histogram": pa.nulls(len(count), schema.arrow_schema("requests").field("histogram").type),
        "region": pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(count)), pa.int32()), [""]),
    }
    return pa.table(columns, schema=schema.arrow_schema("requests"))


def _latencies(generator: np.random.Generator, second: np.ndarray, name: np.ndarray, names: int) -> np.ndarray:
    median = 8.0 * 50.0 ** (np.arange(names) / max(1, names - 1))
    latency = median[name] * np.exp(0.45 * generator.standard_normal(len(name)))
    slow_mode = (name % 4 == 3) & (generator.random(len(name)) < 0.05)
    evening = (second % DAY_S >= 19 * 3600) & (second % DAY_S < 19 * 3600 + 1800)
    latency[slow_mode] *= 6
    latency[evening] *= 2.5
    return latency


def _histograms(row: np.ndarray, latency: np.ndarray, rows: int) -> pa.ListArray:
    width = schema.MAX_BUCKET - schema.ZERO_BUCKET + 1
    bucket = np.ceil(np.log(latency) / math.log(schema.GAMMA)).astype(np.int64)
    keys, counts = np.unique(row * width + (bucket - schema.ZERO_BUCKET), return_counts=True)
    offsets = np.concatenate(([0], np.cumsum(np.bincount(keys // width, minlength=rows))))
    pairs = pa.StructArray.from_arrays(
        [
            pa.array(keys % width + schema.ZERO_BUCKET, pa.int16()),
            pa.array(counts, pa.int32()),
        ],
        names=["bucket", "count"],
    )
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="the Parquet file to write")
    parser.add_argument("--seconds", type=int, default=DAY_S, help="length of the load (default %(default)s)")
    parser.add_argument("--names", type=int, default=NAMES, help="number of request names (default %(default)s)")
    parser.add_argument("--rate", type=float, default=RATE, help="requests a second and name (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random numbers (default %(default)s)")
    arguments = parser.parse_args()
    began = time.perf_counter()
    write_day(
        arguments.path,
        seconds=arguments.seconds,
        names=arguments.names,
        rate=arguments.rate,
        seed=arguments.seed,
    )
    size = arguments.path.stat().st_size / 1e6
    print(f"{arguments.path}: {size:.0f} MB in {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
