"""The injector is killed at every step and at random moments: the target must not notice."""

from __future__ import annotations

import random
from itertools import count

import pytest

pytestmark = pytest.mark.live

NR_RANDOM = 200


@pytest.mark.parametrize("mode", ["busy", "sleep", "epoll", "epoll-for-ever"])
def test_a_target_survives_the_end_of_the_injector_at_each_of_its_steps(
    victim, interrupted, mode
) -> None:
    target = victim(mode, nr_threads=1)
    before = target.traits()
    for step in count():
        if not interrupted.kill(target, target.pid, step):
            break
        assert target.works(), step
        assert target.settles_to(before), (step, target.traits(), before)
    assert step > 40
    assert target.states() <= {"R", "S"}
