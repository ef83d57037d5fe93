"""The names that a run has, to fill in what a criterion leaves out or spells otherwise."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loadlab.errors import nearest_name
from loadlab.spec import fold_name

if TYPE_CHECKING:
    from loadlab.export.source import Source


class NotExpressible(Exception):
    """CloudWatch has no alarm for a criterion; the message says why."""


@dataclass(frozen=True)
class Catalog:
    """What a run tells of its names, to fill in what a criterion leaves out. None: no run was given."""

    requests: Collection[tuple[str, str]] | None = None
    """(request_type, name) of its requests."""
    metrics: Mapping[str, str] | None = None
    """Its business metrics, and the kind of each: count or gauge."""
    kinds: Collection[str] | None = None
    """Its kinds of failures."""
    signals: Collection[str] | None = None
    """The names of its signals."""


def read_catalog(run: Source | None) -> Catalog:
    """The names of `run`; of none where there is no run."""
    if run is None:
        return Catalog()
    requests = run.table("requests")[["request_type", "name"]].drop_duplicates()
    metrics = run.table("metrics")[["name", "kind"]].drop_duplicates()
    signals = run.table("signals")["metric"].dropna().unique()
    kinds = run.table("errors")["kind"].dropna().unique()
    return Catalog(
        requests={(str(kind), str(name)) for kind, name in requests.itertuples(index=False)},
        metrics={str(name): str(kind) for name, kind in metrics.itertuples(index=False)},
        kinds={str(kind) for kind in kinds},
        signals={str(name) for name in signals},
    )


def spell_kind(wanted: str, catalog: Catalog) -> tuple[str, list[str]]:
    """The kind of failures as the run spells it, which a criterion may spell otherwise; a note where it has none."""
    if not wanted or catalog.kinds is None:
        return wanted, ["give a run that has this kind if it may be spelt otherwise"] if wanted else []
    spelt = sorted(kind for kind in catalog.kinds if fold_name(kind) == fold_name(wanted))
    if len(spelt) > 1:
        raise NotExpressible(f"{wanted!r} is {' and '.join(map(repr, spelt))}, which are metrics of their own")
    if spelt:
        return spelt[0], []
    there = ", ".join(sorted(catalog.kinds)) or "none"
    return wanted, [f"the run has no failures of this kind, spelt so it is watched for (there are: {there})"]


def hint(name: str, names: Collection[str]) -> str:
    """The end of a sentence that tells the nearest name, if there is one."""
    nearest = nearest_name(name, names)
    return f"; did you mean {nearest!r}?" if nearest else ""
