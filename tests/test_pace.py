"""Intervals within a CPU quota: facts about single decisions."""

from __future__ import annotations

import pytest

from damon_core.model import Intervals
from damon_core.pace import Pace, TickCost, nr_samples_for

MS = 1_000_000


def test_a_mechanism_that_sees_every_page_needs_five_samples_others_twenty() -> None:
    assert nr_samples_for({"page"}) == 5
    assert nr_samples_for({"region"}) == 20
    assert nr_samples_for({"page", "event"}) == 20


def test_automatic_intervals_begin_at_five_milliseconds() -> None:
    assert Pace(None, 0.05, 20).intervals == Intervals(5_000, 100_000, 1_000_000)


def test_calibration_leaves_intervals_that_are_far_off_at_once() -> None:
    pace = Pace(None, 0.05, 5)
    changed = pace.calibrate(TickCost(15 * MS))
    assert changed is not None
    assert 300_000 <= changed.sample_us <= 360_000
    assert changed.aggr_us == 5 * changed.sample_us


def test_after_a_window_within_the_quota_one_dear_window_changes_nothing_two_do() -> None:
    pace = Pace(None, 0.05, 5)
    assert pace.observe(TickCost(MS // 10)) is None
    assert pace.observe(TickCost(MS)) is None
    changed = pace.observe(TickCost(2 * MS))
    assert changed is not None
    assert changed.sample_us == 24_000  # what the cheaper of the two calls for


def test_until_a_window_has_kept_the_quota_each_dear_one_lengthens_the_intervals() -> None:
    pace = Pace(None, 0.05, 5)
    pace.calibrate(TickCost(MS))
    first = pace.observe(TickCost(5 * MS))
    assert first is not None
    second = pace.observe(TickCost(20 * MS))
    assert second is not None
    assert second.sample_us > first.sample_us


def test_asked_intervals_are_stretched_with_their_number_of_samples_kept() -> None:
    pace = Pace(Intervals(5_000, 100_000, 1_000_000), 0.1)
    changed = pace.calibrate(TickCost(10 * MS))
    assert changed is not None
    assert changed.nr_samples == 20
    assert changed.sample_us >= 100_000


def test_intervals_shorten_only_after_several_cheap_windows_and_never_below_the_asked() -> None:
    pace = Pace(Intervals(20_000, 200_000, 1_000_000), 0.05)
    pace.calibrate(TickCost(10 * MS))
    assert [pace.observe(TickCost(MS // 10)) for _ in range(3)] == [None] * 3
    assert pace.observe(TickCost(MS // 10)) == Intervals(20_000, 200_000, 1_000_000)


@pytest.mark.parametrize("quota", [0.01, 0.05, 0.5])
def test_the_chosen_interval_keeps_the_quota_for_the_cost_it_was_chosen_for(quota: float) -> None:
    for cost_us in (1, 50, 999, 12_345, 400_000):
        pace = Pace(None, quota, 5)
        pace.calibrate(TickCost(cost_us * 1000))
        assert cost_us <= quota * pace.intervals.sample_us


def test_the_reason_states_the_cost_the_quota_and_the_ways_out_once() -> None:
    pace = Pace(Intervals(5_000, 100_000, 1_000_000), 0.05)
    assert pace.take_reason() is None  # as asked: nothing to say
    pace.calibrate(TickCost(20 * MS))
    reason = pace.take_reason()
    assert reason is not None
    for part in ("not 5 ms and 0.1 s as asked", "400 %", "20 ms", "cpu_quota is 5 %", "raise"):
        assert part in reason
    assert pace.take_reason() is None
