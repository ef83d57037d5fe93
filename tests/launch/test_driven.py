"""What a swarm refuses before its master is asked."""

from __future__ import annotations

import pytest

from loadlab.errors import SpecError
from loadlab.launch.driven import DrivenSwarm
from loadlab.spec import GuardRails, LoadTest


class Nowhere(DrivenSwarm):
    """There is no master: whoever asks it fails with AttributeError."""

    def close(self) -> None:
        pass


def test_more_users_than_the_guard_rails_allow_are_refused() -> None:
    swarm = Nowhere(LoadTest(locustfile="a.py"), "token")
    swarm.guard_rails = GuardRails(contexts="*", namespaces="*", targets="*", max_users=100)
    with pytest.raises(SpecError, match="users: got 101; allowed: 100 at most, by the guard rails"):
        swarm.set_users(101, 10)
    with pytest.raises(AttributeError, match="_api"):
        swarm.set_users(100, 10)
