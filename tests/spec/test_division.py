"""A test divided over regions adds up to the test."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadlab.errors import SpecError
from loadlab.spec import LoadTest, Stage, divide_number, divide_test


@given(st.integers(0, 10_000), st.integers(1, 50))
def test_shares_add_up_and_differ_by_one_at_most(total: int, parts: int) -> None:
    shares = divide_number(total, parts)
    assert sum(shares) == total
    assert max(shares) - min(shares) <= 1
    assert shares == sorted(shares, reverse=True)


@given(st.integers(2, 6), st.integers(6, 500), st.integers(6, 50), st.floats(0.1, 1000))
def test_a_plain_test_adds_up(parts: int, users: int, workers: int, rate: float) -> None:
    regions = [f"r{number}" for number in range(parts)]
    test = LoadTest(locustfile="a.py", users=users, workers=workers, spawn_rate=rate, target_rps=90, seed=3)
    divided = divide_test(test, regions)
    assert list(divided) == regions
    assert sum(part.users for part in divided.values()) == users
    assert sum(part.workers for part in divided.values()) == workers
    assert sum(part.spawn_rate for part in divided.values()) == pytest.approx(rate)
    assert sum(part.target_rps or 0 for part in divided.values()) == pytest.approx(90)
    assert len({part.seed for part in divided.values()}) == parts
    assert all(part.users / part.spawn_rate == pytest.approx(users / rate) for part in divided.values())


stages = st.lists(st.tuples(st.integers(4, 300), st.floats(0.5, 50), st.floats(0, 100)), min_size=1, max_size=6)


@given(st.integers(2, 4), stages)
def test_a_staged_test_adds_up_in_every_stage(parts: int, steps: list[tuple[int, float, float]]) -> None:
    made, before = [], 0
    for users, rate, more in steps:
        made.append(Stage(users=users, spawn_rate=rate, duration=max(abs(users - before) / rate + more, 0.1)))
        before = users
    test = LoadTest(locustfile="a.py", workers=parts, stages=made)
    divided = divide_test(
        test, [f"r{number}" for number in range(parts)]
    )  # every part is a valid test: it ramps in time
    for index, stage in enumerate(test.stages):
        own = [part.stages[index] for part in divided.values()]
        assert sum(each.users for each in own) == stage.users
        assert {each.duration for each in own} == {stage.duration}
    assert {part.run_time for part in divided.values()} == {test.run_time}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"workers": 1, "users": 9}, "workers"),
        ({"workers": 2, "users": 1}, "users"),
        ({"workers": 2, "stages": ["9/9/10s", "1/9/10s"]}, r"stages\[1\].users"),
    ],
)
def test_no_region_is_left_without_a_user_or_a_worker(fields: dict[str, object], field: str) -> None:
    test = LoadTest(locustfile="a.py", **fields)
    with pytest.raises(SpecError, match=f"{field}: got 1; allowed: 2 or more, one for each of the regions eu, us"):
        divide_test(test, ["eu", "us"])


def test_one_region_plays_the_whole_test() -> None:
    test = LoadTest(locustfile="a.py", users=1)
    assert divide_test(test, ["eu"]) == {"eu": test}
