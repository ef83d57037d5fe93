"""Divides a load test over several regions that together are the test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from loadlab.errors import SpecError
from loadlab.spec.loadtest import LoadTest
from loadlab.spec.stage import Stage


def divide_number(total: int, parts: int) -> list[int]:
    """`total` in `parts` equal whole shares; what is left over goes to the first ones, one each."""
    share, rest = divmod(total, parts)
    return [share + (part < rest) for part in range(parts)]


def divide_test(test: LoadTest, regions: Sequence[str]) -> dict[str, LoadTest]:
    """The part of `test` that each of `regions` plays, in their order.

    Users, workers and target_rps are totals, and so are the users of each stage. Each part of a ramp takes as long as
    the whole one. Workers of different regions have different seeds.

    Criteria are those of the whole test, and no part has any.

    Raises SpecError when a region would be left without a user or a worker.
    """
    parts = len(regions)
    if parts == 1:
        return {regions[0]: test}
    need = f"{parts} or more, one for each of the regions {', '.join(regions)}"
    for field, total in (("workers", test.workers), ("users", test.users)):
        if total < parts:
            raise SpecError(field, total, need)
    for index, stage in enumerate(test.stages):
        if stage.users < parts:
            raise SpecError(f"stages[{index}].users", stage.users, need)
    users, workers = divide_number(test.users, parts), divide_number(test.workers, parts)
    divided = {}
    for part, region in enumerate(regions):
        share = users[part] / test.users
        changes: dict[str, Any] = {"workers": workers[part], "criteria": ()}
        if test.stages:
            changes["stages"] = _divide_stages(test.stages, part, parts)
        else:
            changes |= {"users": users[part], "spawn_rate": test.spawn_rate * share}
        if test.target_rps is not None:
            changes["target_rps"] = test.target_rps * share
        if test.seed is not None:
            changes["seed"] = test.seed * parts + part
        divided[region] = test.replace(**changes)
    return divided


def _divide_stages(stages: Sequence[Stage], part: int, parts: int) -> list[Stage]:
    divided = []
    before = own_before = 0
    for stage in stages:
        own = divide_number(stage.users, parts)[part]
        step, own_step = abs(stage.users - before), abs(own - own_before)
        rate = stage.spawn_rate * (own_step / step if own_step else own / stage.users)
        if own_step / rate > stage.duration:  # by a rounding error: the whole ramp fits
            rate = math.nextafter(own_step / stage.duration, math.inf)
        divided.append(Stage(users=own, spawn_rate=rate, duration=stage.duration, name=stage.name))
        before, own_before = stage.users, own
    return divided
