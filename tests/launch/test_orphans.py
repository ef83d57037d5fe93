"""Which swarms of a namespace nobody needs any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from loadlab.clusters import find_orphans


class Namespace:
    """What `find_orphans` asks of a cluster, for one swarm without pods."""

    def __init__(self, age_s: float, expires_in_s: float | None, ended: bool | None) -> None:
        now = datetime.now(UTC)
        labels = {"loadlab.dev/run": "r1", "loadlab.dev/release": "loadlab-r1"}
        if expires_in_s is not None:
            labels["loadlab.dev/expires"] = f"{now + timedelta(seconds=expires_in_s):%Y%m%dT%H%M%SZ}"
        created = f"{now - timedelta(seconds=age_s):%Y-%m-%dT%H:%M:%SZ}"
        metadata = {"labels": labels, "namespace": "load", "creationTimestamp": created, "name": "x"}
        status = {"conditions": [{"type": "Failed", "status": "True"}]} if ended else {}
        self.objects: dict[str, list[dict[str, Any]]] = {"configmaps": [{"metadata": metadata}]}
        if ended is not None:
            self.objects["jobs"] = [{"metadata": metadata, "status": status}]

    def list(self, kind: str, *_: Any, **__: Any) -> list[dict[str, Any]]:
        return self.objects.get(kind, [])


@pytest.mark.parametrize(
    ("age_s", "expires_in_s", "ended", "orphaned"),
    [
        (10, 900, None, False),
        (10, 900, True, True),
        (1200, 3600, False, False),  # its pods wait for nodes, and its ready_timeout is long
        (1200, 3600, None, False),
        (1200, -1, False, True),
        (1200, None, False, True),
        (10, None, False, False),
    ],
)
def test_a_swarm_without_pods(age_s: float, expires_in_s: float | None, ended: bool | None, orphaned: bool) -> None:
    found = find_orphans(Namespace(age_s, expires_in_s, ended))  # type: ignore[arg-type]
    assert [each.run_id for each in found] == ["r1"] * orphaned
