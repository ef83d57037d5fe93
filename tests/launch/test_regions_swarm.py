"""What is asked of the swarm of several regions is asked of each that is not lost."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from locust_left import until

from loadlab.errors import LaunchError, SpecError
from loadlab.launch import regions_swarm
from loadlab.launch.regions_swarm import RegionsSwarm
from loadlab.spec import GuardRails, KubernetesOptions, LoadTest


class FakeSwarm:
    """Keeps what it was asked; `broken` ones answer nothing."""

    def __init__(self, name: str) -> None:
        self.test = LoadTest(locustfile="a.py")
        self.url, self.token = f"http://{name}", f"token-{name}"
        self.facts = {"release": name}
        self.guard_rails: GuardRails | None = None
        self.asked: list[Any] = []
        self.broken = False

    def __getattr__(self, verb: str) -> Any:
        def ask(*arguments: Any) -> list[str]:
            if self.broken and verb != "close":
                raise LaunchError("nobody answers")
            self.asked.append((verb, *arguments))
            return ["master", "worker-0-ab"]

        return ask


def make(rails: GuardRails | None = None, **options: Any) -> tuple[RegionsSwarm, FakeSwarm, FakeSwarm]:
    eu, us = FakeSwarm("eu"), FakeSwarm("us")
    eu.guard_rails = us.guard_rails = rails
    given = KubernetesOptions(context="eu, us", **options)
    return RegionsSwarm(LoadTest(locustfile="a.py"), {"eu": eu, "us": us}, given), eu, us  # type: ignore[dict-item]


def test_everything_goes_to_all() -> None:
    swarm, eu, us = make()
    assert [tuple(each) for each in swarm.endpoints] == [("eu", eu.url, eu.token), ("us", us.url, us.token)]
    assert list(swarm.facts["kubernetes"]["regions"]) == ["eu", "us"]
    swarm.start()
    swarm.set_users(5, 10)
    swarm.note("deployed")
    swarm.stop()
    swarm.close()
    swarm.close()
    for each, users in ((eu, 3), (us, 2)):
        assert [call for call in each.asked if call[0] != "set_users"] == [
            ("start",),
            ("note", "deployed", "note", ""),
            ("stop",),
            ("close",),
        ]
        assert ("set_users", users, 10 * users / 5) in each.asked
    assert swarm.lost_parts() == ["eu/master", "eu/worker-0-ab", "us/master", "us/worker-0-ab"]


def test_a_lost_region_is_asked_nothing_but_closed_all_the_same() -> None:
    swarm, eu, us = make()
    assert not swarm.lose("us"), "the rest goes on"
    swarm.set_users(5, 10)
    swarm.close()
    assert eu.asked == [("set_users", 5, 10.0), ("close",)]
    assert us.asked == [("close",)]
    with pytest.raises(LaunchError, match="0 users are too few for the 1 regions eu"):
        swarm.set_users(0, 1)


def test_more_users_than_the_guard_rails_allow_are_refused() -> None:
    """Those of the whole test: each region's share is less."""
    swarm, eu, us = make(GuardRails(contexts="*", namespaces="*", targets="*", max_users=100))
    with pytest.raises(SpecError, match="users: got 101; allowed: 100 at most, by the guard rails"):
        swarm.set_users(101, 10)
    assert not eu.asked + us.asked
    swarm.set_users(100, 10)
    assert eu.asked == us.asked == [("set_users", 50, 5.0)]


def test_the_run_keeps_no_secret_of_its_options() -> None:
    swarm, _, _ = make(set=["worker.environment.PIN=hunter2"])
    assert "hunter2" not in str(swarm.facts)


def test_the_rest_is_stopped_if_asked() -> None:
    swarm, eu, _ = make(on_region_lost="stop")
    assert swarm.lose("us")
    until(lambda: eu.asked)
    assert eu.asked == [("stop",)]
    assert not swarm.lose("eu"), "nobody is left to be stopped"


def test_a_failure_is_told_with_its_region() -> None:
    swarm, eu, us = make()
    us.broken = True
    with pytest.raises(LaunchError, match="us: nobody answers"):
        swarm.set_users(4, 1)
    assert eu.asked == [("set_users", 2, 0.5)]


def test_a_region_that_turns_out_to_be_lost_does_not_make_a_stop_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    swarm, eu, us = make()
    us.broken = True
    threading.Timer(0.2, swarm.lose, ("us",)).start()
    swarm.stop()
    assert eu.asked == [("stop",)]
    monkeypatch.setattr(regions_swarm, "LOST_AFTER_S", 0.2)
    swarm.lost.clear()
    with pytest.raises(LaunchError, match="us: nobody answers"):
        swarm.stop()
