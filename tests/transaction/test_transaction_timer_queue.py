"""Timers run out in order of time, cost the same however many, and stopped ones do not pile up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sipstub.transaction.timer import FEW, TimerQueue


def taken(queue: TimerQueue[str, str], now: float) -> list[str]:
    found = []
    while (due := queue.take_due(now)) is not None:
        found.append(due[0])
    return found


def test_timers_run_out_in_order_of_time_and_of_start() -> None:
    queue: TimerQueue[str, str] = TimerQueue()
    for delay, owner in ((5.0, "late"), (1.0, "first"), (1.0, "second"), (3.0, "middle")):
        queue.start(delay, owner, "x", 0.0)
    assert queue.next_timer == 1.0 and taken(queue, 0.999) == []
    assert taken(queue, 4.0) == ["first", "second", "middle"] and queue.next_timer == 5.0
    assert taken(queue, 9.0) == ["late"] and queue.next_timer is None


def test_a_stopped_timer_never_runs_out_and_stopping_twice_is_fine() -> None:
    queue: TimerQueue[str, str] = TimerQueue()
    timer = queue.start(1.0, "a", "x", 0.0)
    queue.start(1.0, "b", "x", 0.0)
    queue.stop(timer)
    queue.stop(timer)
    assert queue.running == 1 and taken(queue, 2.0) == ["b"] and queue.running == 0


def test_stopped_timers_do_not_pile_up_behind_one_that_runs() -> None:
    for lanes in (0, 8):
        queue: TimerQueue[int, str] = TimerQueue(lanes)
        queue.start(32.0, -1, "x", 0.0)
        for number in range(10_000):
            queue.stop(queue.start(32.0, number, "x", 0.0))
        assert len(queue) <= 2 * FEW + 2 and queue.running == 1


def test_any_number_of_delays_is_fine() -> None:
    queue: TimerQueue[int, str] = TimerQueue(4)
    for number in range(100):
        queue.start(100.0 - number, number, "x", 0.0)
    assert [queue.take_due(200.0) for _ in range(100)] == [(number, "x") for number in reversed(range(100))]


def test_time_that_goes_back_counts_as_the_latest() -> None:
    queue: TimerQueue[str, str] = TimerQueue()
    queue.start(1.0, "a", "x", 10.0)
    queue.start(2.0, "b", "x", 5.0)
    assert taken(queue, 10.9) == [] and taken(queue, 11.0) == ["a"] and taken(queue, 12.0) == ["b"]


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0, 2.5]), st.floats(0, 2), st.booleans()), max_size=60), st.integers(0, 4))
def test_every_timer_runs_out_once_and_in_order_unless_stopped(steps: list[tuple[float, float, bool]], lanes: int) -> None:
    queue: TimerQueue[int, str] = TimerQueue(lanes)
    now, expected = 0.0, []
    for number, (delay, pause, is_stopped) in enumerate(steps):
        now += pause
        timer = queue.start(delay, number, "x", now)
        if is_stopped:
            queue.stop(timer)
        else:
            expected.append((now + delay, number))
    assert [queue.take_due(1e9) for _ in expected] == [(number, "x") for _, number in sorted(expected)]
    assert queue.take_due(1e9) is None and queue.running == 0


def test_a_timer_that_takes_the_place_of_stopped_ones_of_its_delay_is_the_next_and_runs_out_once() -> None:
    queue: TimerQueue[str, str] = TimerQueue()
    queue.start(32.0, "end", "L", 0.0)
    assert queue.next_timer == 32.0
    for at in (1.0, 2.0):
        stopped = queue.start(0.5, "early", "A", at)
        assert queue.next_timer == at + 0.5
        queue.stop(stopped)
        assert queue.next_timer == 32.0
    queue.start(0.5, "again", "A", 3.0)
    assert queue.next_timer == 3.5
    assert queue.take_due(4.0) == ("again", "A") and queue.take_due(4.0) is None
    assert queue.next_timer == 32.0 and queue.running == 1 and len(queue) == 1
