"""The load stages of a LoadTest as a Locust load shape."""

from __future__ import annotations

from typing import Any

from locust import LoadTestShape


class StagesShape(LoadTestShape):
    """Goes through `stages`, a list of {"users", "spawn_rate", "duration", "name"}, and then ends the test.

    A stage lasts `duration` seconds from its beginning, ramp included.
    """

    def __init__(self, stages: list[dict[str, Any]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.stages = stages

    def stage_index(self) -> int | None:
        """The stage of this moment, counted from 0; None when all are over."""
        elapsed = self.get_run_time()  # type: ignore[no-untyped-call]
        for index, stage in enumerate(self.stages):
            elapsed -= stage["duration"]
            if elapsed < 0:
                return index
        return None

    def tick(self) -> tuple[int, float] | None:
        """Users and spawn rate of this moment; None ends the test."""
        index = self.stage_index()
        if index is None:
            return None
        return self.stages[index]["users"], self.stages[index]["spawn_rate"]
