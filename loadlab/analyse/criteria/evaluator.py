"""Judges criteria while the rows of a run come, all at once from an archive or bit by bit from a live one.

Both ways lead to the same results, because the result is a function of the rows alone: a row that comes late rewinds
what was judged from its second on. A second of a live run costs some tens of microseconds a criterion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from loadlab.analyse.bins import MAX_BINS, epoch_seconds
from loadlab.analyse.criteria.clock import Clock, RecordedSeconds
from loadlab.analyse.criteria.lasting import ChangeTrack, ForTrack
from loadlab.analyse.criteria.meter import CountMeter, LevelMeter, Meter, MetricMeter, RequestMeter, UserMeter
from loadlab.analyse.criteria.outcome import Outcome, badness
from loadlab.analyse.criteria.signals import SignalSource
from loadlab.analyse.criteria.sources import (
    ErrorSource,
    MetricSource,
    RequestSource,
    Source,
    UserSource,
)
from loadlab.analyse.criteria.track import Track, WholeTrack
from loadlab.analyse.criteria.verdict import CriterionResult
from loadlab.analyse.criteria.wording import describe, describe_no_steady_state
from loadlab.spec import Criterion, Quantity

TABLES = ("events", "generators", "requests", "errors", "users", "metrics", "signals")
"""The tables that criteria are judged by."""


_BEFORE_S = 3600
"""What was recorded so long before the test is of no use, not even for the level of a signal when it begins."""


@dataclass
class _Judged:
    """A criterion, what it is about, and a track for each object of it ("" unless it is a signal)."""

    criterion: Criterion
    source: Source
    tracks: dict[str, Track] = field(default_factory=dict)
    begun: int | None = None


class Evaluator:
    """The criteria of one run. `add` rows, `advance` to a second, and ask for `results`; not for several threads."""

    def __init__(self, criteria: Sequence[Criterion]) -> None:
        self._clock = Clock()
        self._recorded = RecordedSeconds()
        self._sources: dict[tuple[object, ...], Source] = {}
        self._stop = 0
        self._judged = [_Judged(criterion, self._source(criterion)) for criterion in criteria]
        self.tables = tuple(
            name
            for name in TABLES
            if name in ("events", "generators", "requests") or any(each.source.table == name for each in self._judged)
        )
        for each in self._judged:
            if not isinstance(each.source, SignalSource):
                each.tracks[""] = _make_track(each.criterion, each.source)

    def add(self, table: str, rows: pd.DataFrame) -> None:
        """Take in rows of one of `tables`, in any order; rows of seconds that were judged already amend them."""
        if table == "events":
            self._clock.add(rows)
            return
        rows = self._relevant(rows)
        self._recorded.add(table, rows)
        if not len(rows):
            return
        for source in self._sources.values():
            if source.table == table:
                changed = source.stage(rows)
                if changed is not None:
                    for each in self._judged:
                        if each.source is source:
                            _rewind(each, changed)
                source.commit()

    def _relevant(self, rows: pd.DataFrame) -> pd.DataFrame:
        """`rows` without those that no criterion looks at: from long before the test, or by a clock gone wrong."""
        start = self._clock.start
        if start is None or not len(rows):
            return rows
        seconds = epoch_seconds(rows["time"])
        inside = (seconds >= start - _BEFORE_S) & (seconds < start + MAX_BINS // 2)
        return rows if inside.all() else rows[inside]

    def advance(self, closed: int | None) -> None:
        """Judge every second before `closed`, an epoch second that more may follow; None: the run is over."""
        stop = self._clock.stop(closed, self._recorded.last)
        firsts = [self._clock.begin(from_start=each.criterion.from_start) for each in self._judged]
        known = [first for first in firsts if first is not None]
        if known:
            news = self._recorded.look(min(known), stop)
            if news is not None:
                for each in self._judged:
                    _rewind(each, news)
        for each, first in zip(self._judged, firsts, strict=True):
            if isinstance(each.source, SignalSource):
                _follow_objects(each, each.source)
            for track in each.tracks.values():
                if first is None:
                    continue
                if each.begun != first or track.first != first:
                    track.restart(first)
                if track.through > stop:  # the end has become known late, and lies before what was judged
                    track.rewind(stop)
                track.advance(stop, self._recorded)
            each.begun = first
        self._stop = stop

    def breaches(self) -> list[CriterionResult]:
        """What came of the criteria that end a test and are broken, the one that was so first before the others.

        Broken for good, if no row comes late: a criterion on the whole run as soon as it was once.
        """
        found: list[tuple[int, CriterionResult]] = []
        for each in self._judged:
            if not each.criterion.stop or each.begun is None or each.source.trouble():
                continue
            seconds = [second for track in each.tracks.values() if (second := track.breach()) is not None]
            if seconds:
                found.append((min(seconds), self._result(each)))
        return [result for _, result in sorted(found, key=lambda item: item[0])]

    def results(self) -> tuple[CriterionResult, ...]:
        """What each criterion has come to, as if the run had ended with the last second that was judged."""
        return tuple(self._result(each) for each in self._judged)

    def _result(self, each: _Judged) -> CriterionResult:
        criterion, trouble = each.criterion, each.source.trouble()
        if trouble:
            return _result_of(criterion, Outcome("invalid"), trouble)
        first = each.begun
        if first is None or self._stop <= first:
            text = describe_no_steady_state(criterion, started=self._clock.start is not None)
            return _result_of(criterion, Outcome("invalid"), text)
        outcomes = {name: track.outcome(self._recorded) for name, track in each.tracks.items()}
        name, outcome = _worst_outcome(criterion, outcomes)
        needed = max((track.meter.needed for track in each.tracks.values()), default=0)
        uncovered = each.source.uncovered(first, self._stop) if isinstance(each.source, SignalSource) else 0
        if uncovered and outcome.status != "failed":
            outcome = Outcome(**{**outcome.__dict__, "status": "invalid", "reason": "missing", "unjudged": uncovered})
        missing = uncovered or self._recorded.missing_between(first, self._stop)
        text = describe(criterion, outcome, about=name, seconds=self._stop - first, needed=needed, missing=missing)
        if isinstance(each.source, ErrorSource):
            text += each.source.remark()
        return _result_of(criterion, outcome, text)

    def _source(self, criterion: Criterion) -> Source:
        """The source of a criterion; what is about the same has the same."""
        quantity = criterion.quantity
        key: tuple[object, ...]
        if quantity.measure in ("metric", "signal"):
            key = (quantity.measure, quantity.name, criterion.unit)
        elif quantity.measure in ("errors", "users"):
            key = (quantity.measure, quantity.name)
        else:
            key = ("requests", quantity.name, quantity.request_type)
        if key not in self._sources:
            self._sources[key] = _make_source(quantity, criterion.unit)
        return self._sources[key]


def evaluate(criteria: Sequence[Criterion], tables: Mapping[str, pd.DataFrame]) -> tuple[CriterionResult, ...]:
    """The results of `criteria` on the whole tables of a run that is over, by their names (`TABLES`)."""
    evaluator = Evaluator(criteria)
    for name in evaluator.tables:
        if name in tables:
            evaluator.add(name, tables[name])
    evaluator.advance(None)
    return evaluator.results()


def _make_source(quantity: Quantity, unit: str) -> Source:
    if quantity.measure == "errors":
        return ErrorSource(quantity)
    if quantity.measure == "users":
        return UserSource()
    if quantity.measure == "metric":
        return MetricSource(quantity, unit)
    return SignalSource(quantity, unit) if quantity.measure == "signal" else RequestSource(quantity)


def _make_meter(criterion: Criterion, source: Source) -> Meter:
    if isinstance(source, RequestSource):
        return RequestMeter(criterion, source)
    if isinstance(source, ErrorSource):
        return CountMeter(source)
    if isinstance(source, UserSource):
        return UserMeter(source)
    assert isinstance(source, MetricSource)
    return MetricMeter(criterion, source)


def _make_track(criterion: Criterion, source: Source) -> Track:
    meter = _make_meter(criterion, source)
    if criterion.window_s is None:
        return WholeTrack(criterion, meter, _make_meter(criterion, source), lambda: _grows(criterion, source))
    return _windowed(criterion, meter)


def _windowed(criterion: Criterion, meter: Meter) -> Track:
    if criterion.change:
        return ChangeTrack(criterion, meter)
    return Track(criterion, meter) if criterion.for_s is None else ForTrack(criterion, meter)


def _grows(criterion: Criterion, source: Source) -> bool:
    """True for a number that grows through the run and has to reach something: only its end can tell."""
    if isinstance(source, MetricSource):
        counts = source.kinds == {"count"} and not criterion.unit
    else:
        counts = criterion.quantity.measure in ("count", "errors")
    at_most = criterion.comparison in ("<", "<=") or (criterion.comparison == "==" and criterion.threshold == 0)
    return counts and not at_most


def _follow_objects(each: _Judged, source: SignalSource) -> None:
    """A track for each object of a signal, with the object's newest values."""
    for name, level in source.levels.items():
        track = each.tracks.get(name)
        if track is None:
            meter = LevelMeter(level, whole=each.criterion.window_s is None)
            if each.criterion.window_s is None:
                each.tracks[name] = WholeTrack(each.criterion, meter, meter, lambda: False)
            else:
                each.tracks[name] = _windowed(each.criterion, meter)
        elif isinstance(track.meter, LevelMeter):
            track.meter.level = level


def _rewind(each: _Judged, second: int) -> None:
    for track in each.tracks.values():
        track.rewind(second)


def _worst_outcome(criterion: Criterion, outcomes: Mapping[str, Outcome]) -> tuple[str, Outcome]:
    """The object that decides, and its outcome: the first that broke, else one that cannot be judged, else the worst.

    An object that was there for too short a time has no say, unless all were.
    """
    there = {name: outcome for name, outcome in outcomes.items() if outcome.reason not in ("absent", "short")}
    ordered = sorted((there or outcomes).items())
    failed = [item for item in ordered if item[1].status == "failed"]
    if failed:
        return min(failed, key=lambda item: item[1].first_broken or 0)
    unknown = [item for item in ordered if item[1].status == "invalid"]
    if unknown or len(ordered) == 1:
        return (unknown or ordered)[0]
    return max(ordered, key=lambda item: badness(criterion, np.array([item[1].value]))[0])


def _result_of(criterion: Criterion, outcome: Outcome, text: str) -> CriterionResult:
    measured = outcome.value == outcome.value  # not NaN
    return CriterionResult(
        criterion=str(criterion),
        status=outcome.status,
        text=text,
        value=float(outcome.value) if measured else None,
        threshold=criterion.threshold,
        unit=criterion.unit,
        samples=outcome.samples,
        first_broken=None
        if outcome.first_broken is None
        else pd.Timestamp(outcome.first_broken, unit="s", tz="UTC").as_unit("us"),
    )
