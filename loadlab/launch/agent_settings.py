"""What the agent is told through its environment variables, by whichever launcher."""

from __future__ import annotations

import json

from loadlab.spec import LoadTest


def agent_environment(test: LoadTest, *, token: str, run_id: str) -> dict[str, str]:
    """The variables that every Locust process of a run is given; `loadlab.agent.install` reads them."""
    variables = {
        "LOADLAB_TOKEN": token,
        "LOADLAB_AGENT_RUN_ID": run_id,
        "LOADLAB_AGENT_TRACE": "1" if test.trace_headers else "0",
    }
    if test.lease is not None:
        variables["LOADLAB_AGENT_LEASE_S"] = str(test.lease)
    if test.seed is not None:
        variables["LOADLAB_AGENT_SEED"] = str(test.seed)
    if test.stages:
        stages = [
            {"users": s.users, "spawn_rate": s.spawn_rate, "duration": s.duration, "name": s.name} for s in test.stages
        ]
        variables["LOADLAB_AGENT_STAGES"] = json.dumps(stages)
    return variables


def locust_options(test: LoadTest) -> list[str]:
    """The options of Locust that master and workers share, but for the locustfile and the host."""
    words: list[str] = []
    if test.tags:
        words += ["--tags", *test.tags]
    if test.exclude_tags:
        words += ["--exclude-tags", *test.exclude_tags]
    return [*words, "--stop-timeout", f"{test.stop_timeout:g}", *test.locust_options]
