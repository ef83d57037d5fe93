import json
import math
import random
from types import SimpleNamespace
from typing import Any

import msgpack
import pytest

from loadlab.agent import recorder as recorder_module
from loadlab.agent.clock import Clock
from loadlab.agent.pacing import Pacing
from loadlab.agent.recorder import EXEMPLARS, MAX_ERRORS_A_SECOND, OTHER, Recorder
from loadlab.agent.tally import Tally


class SteppedClock(Clock):
    """A clock that a test moves."""

    def __init__(self) -> None:
        super().__init__()
        self.at = 1000.0

    def now(self) -> float:
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SteppedClock:
    clock = SteppedClock()
    clock.base = 0.0
    monkeypatch.setattr(recorder_module.time, "monotonic", lambda: clock.at)
    return clock


@pytest.fixture
def recorder(clock: SteppedClock) -> Recorder:
    return Recorder(clock, Tally(), Pacing())


def counts(seconds: list[dict[str, Any]]) -> dict[int, int]:
    return {second["t"]: sum(row[2] for row in second["requests"]) for second in seconds}


def test_a_request_belongs_to_the_second_it_ended_in(recorder: Recorder, clock: SteppedClock) -> None:
    for at in (1000.1, 1000.9, 1001.0, 1003.5):
        clock.at = at
        recorder.on_request(request_type="GET", name="/", response_time=5.0)
    clock.at = 1004.2
    assert counts(recorder.take_closed()) == {1000: 2, 1001: 1, 1003: 1}
    assert recorder.take_closed() == []


def test_a_clock_put_back_opens_no_closed_second(recorder: Recorder, clock: SteppedClock) -> None:
    clock.at = 1005.5
    recorder.on_request(request_type="GET", name="/", response_time=5.0)
    clock.at = 1004.5
    recorder.on_request(request_type="GET", name="/", response_time=5.0)
    clock.at = 1006.0
    assert counts(recorder.take_closed()) == {1005: 2}


def test_the_open_second_can_be_taken_in_two_parts(recorder: Recorder, clock: SteppedClock) -> None:
    recorder.on_request(request_type="GET", name="/", response_time=5.0)
    assert counts(recorder.take_all()) == {1000: 1}
    recorder.on_request(request_type="GET", name="/", response_time=5.0)
    clock.at = 1001.0
    assert counts(recorder.take_closed()) == {1000: 1}


def test_a_new_offset_moves_what_was_counted_under_the_old_one(recorder: Recorder, clock: SteppedClock) -> None:
    recorder.on_request(request_type="GET", name="/", response_time=5.0)
    clock.at = 1000.4 - 30
    recorder.shift(-30.0)
    recorder.on_request(request_type="GET", name="/", response_time=5.0)
    clock.at = 972.0
    closed = recorder.take_closed()
    assert [second["t"] for second in closed] == [970, 970]
    assert sum(row[2] for second in closed for row in second["requests"]) == 2


def test_everything_a_custom_client_leaves_out_is_optional(recorder: Recorder) -> None:
    recorder.on_request()
    recorder.on_request(request_type=None, name=None, response_time=None, response_length=None)
    recorder.on_request(request_type="X", name=["not", "a", "key"], response_time=1)
    (second,) = recorder.take_all()
    assert sum(row[2] for row in second["requests"]) == 3
    assert {row[1] for row in second["requests"]} == {"", "['not', 'a', 'key']"}


def test_hostile_names_become_valid_text_and_keep_their_counts(recorder: Recorder) -> None:
    names = ["<img src=x onerror=alert(1)>", "n" * 1_000_000, "nul\0", "\ud800", "😀"]
    for name in names:
        recorder.on_request(request_type="GET", name=name, response_time=1.0, exception=ValueError(name))
    (second,) = recorder.take_all()
    assert sorted(row[2] for row in second["requests"]) == [1] * 5
    assert max(len(row[1]) for row in second["requests"]) == 500
    for row in second["requests"] + second["errors"]:
        for value in row:
            if isinstance(value, str):
                value.encode("utf-8")


def test_too_many_names_are_folded_and_counted(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "MAX_NAMES", 10)
    for number in range(25):
        recorder.on_request(request_type="GET", name=f"/{number}", response_time=1.0)
    (second,) = recorder.take_all()
    assert sum(row[2] for row in second["requests"]) == 25
    assert next(row[2] for row in second["requests"] if row[1] == OTHER) == 15
    assert recorder.folded_names == 15


def test_too_many_different_failures_in_a_second_are_added_up(recorder: Recorder) -> None:
    for number in range(MAX_ERRORS_A_SECOND + 50):
        message = "".join(chr(ord("a") + int(digit)) for digit in str(number))
        recorder.on_request(request_type="GET", name="/", response_time=1.0, exception=ValueError(message))
    (second,) = recorder.take_all()
    assert sum(row[4] for row in second["errors"]) == MAX_ERRORS_A_SECOND + 50
    assert next(row[4] for row in second["errors"] if row[3] == OTHER) == 50


def test_the_slowest_requests_are_kept(recorder: Recorder) -> None:
    times = [random.Random(3).expovariate(0.1) for _ in range(500)]
    for place, time_ms in enumerate(times):
        response = SimpleNamespace(status_code=200, loadlab_ids=(f"{place:032x}", "r"))
        recorder.on_request(
            request_type="GET", name="/", response_time=time_ms, response=response, url=f"http://h/{place}"
        )
    (second,) = recorder.take_all()
    slowest = sorted(range(500), key=lambda place: -times[place])[:EXEMPLARS]
    assert [row[5] for row in second["exemplars"]] == [f"http://h/{place}" for place in slowest]
    assert [row[6] for row in second["exemplars"]] == [f"{place:032x}" for place in slowest]


def test_of_equally_slow_requests_the_first_ones_are_kept(recorder: Recorder) -> None:
    for place in range(2 * EXEMPLARS):
        recorder.on_request(request_type="GET", name="/", response_time=7.0, url=f"/{place}")
    (second,) = recorder.take_all()
    assert [row[5] for row in second["exemplars"]] == [f"/{place}" for place in range(EXEMPLARS)]


def test_the_tally_counts_custom_clients_when_they_report(recorder: Recorder) -> None:
    hooked = SimpleNamespace(status_code=200, loadlab_ids=("", ""))
    recorder.on_request(request_type="GET", name="/", response_time=1.0, response=hooked)
    recorder.on_request(request_type="SQL", name="select", response_time=1.0)
    recorder.on_request(request_type="SQL", name="select", response_time=1.0, exception=ValueError("x"))
    assert recorder.tally.totals() == {
        "sent": 2,
        "repeated": 0,
        "answered": 2,
        "ok": 2,
        "failed": 1,
        "dropped": 0,
    }


def test_exceptions_in_tasks_are_errors_but_no_requests(recorder: Recorder, clock: SteppedClock) -> None:
    class ShopUser:
        pass

    recorder.on_user_error(user_instance=ShopUser(), exception=KeyError("basket 17"))
    (second,) = recorder.take_all()
    assert second["requests"] == []
    assert second["errors"] == [
        ["", "ShopUser", "task exception", "KeyError: 'basket <n>'", 1, "KeyError: 'basket 17'"]
    ]


ODD = [
    *[{"response_length": odd} for odd in (math.nan, math.inf, "abc", [1], None, "17", 10**400, 1.5)],
    *[{"response_time": odd} for odd in (1e308, -1e308, 10**400, math.nan, "abc", [1])],
    *[{"response": SimpleNamespace(status_code=odd)} for odd in (10**30, "200", None)],
    {"response": SimpleNamespace(loadlab_ids=7)},
    {"exception": type("Silent", (Exception,), {"__str__": lambda self: 1 / 0})()},
    {"name": type("Unnamed", (), {"__str__": lambda self: 1 / 0, "__hash__": None})()},
]


def test_whatever_a_client_reports_is_counted_everywhere(recorder: Recorder) -> None:
    for odd in ODD:
        recorder.on_request(**{"request_type": "GET", "name": "/", "response_time": 5.0, **odd})
        recorder.on_request(
            **{"request_type": "GET", "name": "/", "response_time": 5.0, **odd, "exception": KeyError()}
        )
    tally = recorder.tally.totals()
    assert tally["sent"] == tally["answered"] == tally["ok"] + tally["failed"] == 2 * len(ODD)
    (second,) = recorder.take_all()
    assert sum(row[2] for row in second["requests"]) == 2 * len(ODD)
    assert sum(row[3] for row in second["requests"]) == sum(row[4] for row in second["errors"]) == tally["failed"]
    json.dumps(second, allow_nan=False)
    msgpack.packb(second)


def test_a_password_in_a_url_is_kept_nowhere(recorder: Recorder) -> None:
    url = "http://bob:hunter2@shop.example:8080/cart"
    for name in (url, "/cart"):
        recorder.on_request(
            request_type="GET", name=name, url=url, response_time=5.0, exception=ValueError(f"404 for {url}")
        )
    recorder.on_user_error(user_instance=None, exception=ValueError(f"no answer from {url}"))
    text = json.dumps(recorder.take_all())
    assert "hunter2" not in text
    assert "http://bob:...@shop.example:8080/cart" in text
