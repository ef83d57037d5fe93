"""Work for several regions at once: none is left running, whatever fails."""

from __future__ import annotations

import threading

import pytest

from loadlab.launch.together import do_together


def test_all_are_done_at_the_same_time_and_give_their_results() -> None:
    meeting = threading.Barrier(3, timeout=60)

    def meet(name: str) -> str:
        meeting.wait()
        return name.upper()

    found = do_together({name: lambda name=name: meet(name) for name in ("eu", "us")}, meanwhile=meeting.wait)
    assert found == {"eu": "EU", "us": "US"}


@pytest.mark.parametrize("where", ["in a piece", "meanwhile"])
def test_the_others_are_given_up_and_waited_for(where: str) -> None:
    given_up, ended = threading.Event(), threading.Event()

    def wait() -> None:
        assert given_up.wait(60)
        ended.set()

    def fail() -> None:
        raise KeyboardInterrupt if where == "meanwhile" else OSError("no")

    work = {"eu": wait, "us": fail if where == "in a piece" else wait}
    with pytest.raises((OSError, KeyboardInterrupt)):
        do_together(work, meanwhile=fail if where == "meanwhile" else None, on_failure=given_up.set)
    assert ended.is_set()
