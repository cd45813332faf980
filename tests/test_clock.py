"""The machine's clock: deadlines are absolute, and a wait can be woken."""

from __future__ import annotations

import signal
import threading

from damon_core.clock import MonotonicClock


def test_a_wait_ends_at_its_deadline_not_before() -> None:
    clock = MonotonicClock()
    deadline = clock.now_ns() + 3_000_000
    assert clock.wait_until(deadline)
    assert clock.now_ns() >= deadline
    clock.close()


def test_a_deadline_that_has_passed_is_no_wait() -> None:
    clock = MonotonicClock()
    assert clock.wait_until(clock.now_ns() - 1)
    clock.close()


def test_a_wake_ends_the_wait_of_another_thread() -> None:
    clock = MonotonicClock()
    far = clock.now_ns() + 3_600_000_000_000
    waiter_result: list[bool] = []
    waiter = threading.Thread(target=lambda: waiter_result.append(clock.wait_until(far)))
    waiter.start()
    clock.wake()
    waiter.join()
    assert waiter_result == [False]
    clock.close()


def test_a_wake_before_the_wait_is_not_lost() -> None:
    clock = MonotonicClock()
    clock.wake()
    assert not clock.wait_until(clock.now_ns() + 3_600_000_000_000)
    clock.close()


def test_a_signal_does_not_end_a_wait_but_its_handler_may() -> None:
    clock = MonotonicClock()
    handled: list[int] = []

    def handler(number: int, frame: object) -> None:
        handled.append(number)
        if len(handled) == 2:
            clock.wake()

    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
        assert not clock.wait_until(clock.now_ns() + 3_600_000_000_000)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        clock.close()
    assert len(handled) >= 2


def test_a_closed_clock_may_still_be_woken() -> None:
    clock = MonotonicClock()
    clock.close()
    clock.wake()
    clock.close()


def test_a_wake_while_the_clock_is_closed_harms_nobody() -> None:
    errors: list[OSError] = []

    def wake_often(clock: MonotonicClock) -> None:
        try:
            for _ in range(50):
                clock.wake()
        except OSError as error:
            errors.append(error)

    for _ in range(50):
        clock = MonotonicClock()
        waker = threading.Thread(target=wake_often, args=(clock,))
        waker.start()
        clock.close()
        waker.join()
    assert not errors
