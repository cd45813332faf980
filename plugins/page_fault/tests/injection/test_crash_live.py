"""The injector is killed at every step and at random moments: the target must not notice."""

from __future__ import annotations

import random
from itertools import count

import pytest

pytestmark = pytest.mark.live

NR_RANDOM = 200
"""Kills, of all modes together."""
MAX_NS = 300_000
MAX_NS_FROM_START = 3_000_000
NR_CRASHES_A_STACK_TAKES = 8
"""Each may leave a page behind on the stack of a main thread that runs on another one."""


def check(target, before, *what) -> None:
    assert target.works(), what
    assert target.settles_to(before), (what, target.traits(), before)


def kill_at_each_step(target, interrupted, tid) -> int:
    before = target.traits()
    for step in count():
        if not interrupted.kill(target, tid, step):
            return step
        check(target, before, step)
    raise AssertionError


@pytest.mark.parametrize("mode", ["busy", "sleep", "epoll", "epoll-for-ever"])
def test_a_target_survives_the_end_of_the_injector_at_each_of_its_steps(
    victim, interrupted, mode
) -> None:
    target = victim(mode, nr_threads=1)
    assert kill_at_each_step(target, interrupted, target.pid) > 40
    assert target.states() <= {"R", "S"}


def test_a_thread_on_a_stack_of_its_own_survives_it_too(victim, interrupted) -> None:
    target = victim("epoll-for-ever", nr_threads=2)
    assert kill_at_each_step(target, interrupted, target.tids()[-1]) > 40


def test_a_stack_from_the_heap_is_left_alone_at_each_step(victim, interrupted) -> None:
    for step in count():
        if step % NR_CRASHES_A_STACK_TAKES == 0:
            target = victim("fibre")
            before = target.traits()
        if not interrupted.kill(target, target.pid, step):
            break
        check(target, before, step)


def test_a_sleep_does_not_fail_at_any_step(victim, interrupted) -> None:
    target = victim("sleep")
    kill_at_each_step(target, interrupted, target.pid)
    assert target.count("eintr") == 0


def test_a_target_under_a_storm_of_signals_survives_it(victim, interrupted) -> None:
    target = victim("storm", nr_threads=1)
    before = target.count("signals")
    kill_at_each_step(target, interrupted, target.pid)
    assert target.count("signals") > before


@pytest.mark.parametrize("mode", ["busy", "sleep", "epoll"])
def test_a_target_survives_the_end_of_the_injector_at_random_moments(
    victim, interrupted, mode
) -> None:
    chance = random.Random(mode)
    target = victim(mode, nr_threads=1)
    before = target.traits()
    nr_killed = nr_tried = 0
    while nr_killed < NR_RANDOM / 3:
        step, ns = chance.randrange(1, 50), chance.randrange(1, MAX_NS)
        if nr_tried % 2:
            step, ns = 0, chance.randrange(1, MAX_NS_FROM_START)
        nr_tried += 1
        nr_killed += interrupted.kill(target, target.pid, step, ns)
        check(target, before, step, ns)


def test_with_shared_files_at_most_an_idle_userfaultfd_is_left(victim, interrupted) -> None:
    """What kernels before 6.9 allow: the target has it between two of its system calls."""
    target = victim("busy")
    before = target.traits()
    nr_left = 0
    for step in count():
        if not interrupted.kill(target, target.pid, step, own_files=False):
            break
        assert target.works(), step
        if target.has_userfaultfd():
            nr_left += 1
            target.end()
            target = victim("busy")
            before = target.traits()
        else:
            assert target.settles_to(before), (step, target.traits())
    assert 0 < nr_left < step / 2
