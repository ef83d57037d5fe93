import pytest

from loadlab.agent.clock import WINDOW_S, Clock


def test_the_offset_is_right_within_half_the_round_trip() -> None:
    clock = Clock()
    master = 1_000_000.0 - 50.0  # the master's clock minus this process's monotonic clock
    clock.learn(sent=50.0, master_time=master + 50.0 + 0.004, received=50.01)
    assert clock.base == pytest.approx(master, abs=0.005)
    assert clock.error_s == pytest.approx(0.005)


def test_the_shortest_round_trip_counts_until_it_is_old() -> None:
    clock = Clock()
    clock.learn(0.0, 100.0005, 0.001)
    assert clock.learn(1.0, 105.0, 1.5) == 0.0  # a slow answer says less than the fast one before
    assert clock.base == pytest.approx(100.0)
    clock.learn(WINDOW_S + 2, 100 + WINDOW_S + 3, WINDOW_S + 2.2)
    assert clock.base == pytest.approx(100.9)


def test_a_shift_for_tests_is_seen_as_an_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Clock()
    monkeypatch.setenv("LOADLAB_AGENT_CLOCK_SHIFT_S", "30")
    ahead = Clock()
    assert ahead.now() - honest.now() == pytest.approx(30, abs=0.01)
    ahead.learn(10.0, honest.base + 10.0, 10.0)
    assert ahead.offset_s == pytest.approx(-30, abs=0.01)
