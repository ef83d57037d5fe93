"""Validity comes before verdict: whether a run measured its target, completely and long enough."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from loadlab import schema
from loadlab.analyse.aggregate import merge_histograms
from loadlab.analyse.bins import epoch_seconds, second_from, second_until
from loadlab.analyse.stages import end_of_rows, stage_windows, steady_seconds, steady_window
from loadlab.analyse.validity.check import Check, Validity
from loadlab.analyse.validity.generators import check_clocks, check_cpu, check_lag, check_master_cpu
from loadlab.analyse.validity.incidents import check_end, check_incidents, check_tasks, check_workers, lost_regions
from loadlab.analyse.validity.sending import check_conservation, check_samples, check_target_rate, check_users
from loadlab.analyse.validity.steadiness import check_steadiness
from loadlab.analyse.validity.success import check_success

__all__ = ["Check", "Validity", "check_validity"]


def check_validity(
    requests: pd.DataFrame,
    generators: pd.DataFrame,
    events: pd.DataFrame,
    *,
    conservation: Mapping[str, int],
    errors: pd.DataFrame | None = None,
    target_rps: float | None = None,
    end_reason: str | None = None,
    planned_s: float | None = None,
    quantile: float = 0.99,
) -> Validity:
    """Check whether a whole run can carry a verdict about `quantile`.

    The frames are the run's tables, whole. Rates, samples and generators are judged on the steady seconds: from the
    first completed ramp to the moment users begin to stop; when no ramp was completed, on all of them.
    `conservation` has the keys sent, ok, failed, in_flight, lost and unreported (left out when it is 0), or is empty
    when they are unknown. `end_reason` is that of run.json, `planned_s` how long the test should have lasted; None when
    they are unknown.

    The checks, always all of them: samples, success, conservation, workers, users, generator_cpu, generator_lag,
    clocks, target_rate, steady, end, tasks, master_cpu, names, interrupted, lease, journal, master, regions, notices.
    Limits and rules stand in the modules of this package. A run is invalid with any check that is invalid, else it has
    a warning with any that warns; a check that could not be made is "unjudged" and speaks neither way. A run without
    requests is invalid.

    Raises ValueError for a quantile that is not strictly between 0 and 1, KeyError for a conservation without one of
    its keys, AnalysisError when the data of an event is not a JSON object.
    """
    end = end_of_rows(requests)
    window = steady_window(events, end)
    seconds = epoch_seconds(requests["time"])
    if window is not None:
        first, stop = second_from(window[0]), second_until(window[1])
    else:
        first, stop = (int(seconds.min()), int(seconds.max()) + 1) if len(seconds) else (0, 0)
    codes = np.where((seconds >= first) & (seconds < stop), 0, -1)
    steady = merge_histograms(requests["histogram"], codes, 1)
    succeeded = int((requests["count"] - requests["failures"]).to_numpy()[codes == 0].sum())

    is_master = generators["worker"].astype("str").map(schema.is_master).to_numpy(dtype=bool)
    generator_seconds = epoch_seconds(generators["time"])
    in_window = (generator_seconds >= first) & (generator_seconds < stop)
    workers = generators[in_window & ~is_master]
    windows = stage_windows(events, end)
    lasted_s = (windows["end"].iloc[-1] - windows["start"].iloc[0]).total_seconds() if len(windows) else None
    finished, failed = (int(requests[column].sum()) for column in ("count", "failures"))
    checks = [
        check_samples(int(steady.totals[0]), finished, quantile),
        check_success(finished, failed),
        check_conservation(conservation, finished, lost_regions(events)),
        check_workers(events),
        check_users(generators[~is_master], windows),
        check_cpu(workers),
        check_lag(workers, quantile, float(steady.quantiles([quantile])[0, 0])),
        check_clocks(generators[~is_master]),
        check_target_rate(succeeded, max(0, stop - first), target_rps),
        check_steadiness(requests, steady_seconds(windows), bool(windows["ramp_end"].notna().any())),
        check_end(end_reason, lasted_s, planned_s),
        check_tasks(errors),
        check_master_cpu(generators[in_window & is_master]),
        *check_incidents(events),
    ]
    return Validity(tuple(checks))
