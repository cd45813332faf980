"""Intervals within a CPU quota: facts about single decisions."""

from __future__ import annotations

from collections.abc import Callable

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


def test_what_targets_pay_counts_like_the_monitors_own_time_and_is_told_apart() -> None:
    pace = Pace(None, 0.05, 5)
    changed = pace.calibrate(TickCost(MS // 2, 5 * MS))
    assert changed == Pace(None, 0.05, 5)._of(130_000)
    reason = pace.take_reason()
    assert reason is not None
    assert (
        "one sample costs 0.5 ms of CPU time here and 5 ms in the targets, and cpu_quota" in reason
    )


def test_where_targets_pay_automatic_intervals_begin_long_and_asked_ones_as_asked() -> None:
    assert Pace(None, 0.05, 5, begins_long=True).intervals.sample_us == 100_000
    asked = Intervals(5_000, 100_000, 1_000_000)
    assert Pace(asked, 0.05, 5, begins_long=True).intervals == asked


def test_intervals_that_began_long_are_shortened_as_soon_as_they_prove_cheap() -> None:
    pace = Pace(None, 0.05, 5, begins_long=True)
    changed = pace.calibrate(TickCost(MS // 10, MS // 10))
    assert changed is not None
    assert changed.sample_us == 5_000
    unhurried = Pace(None, 0.05, 5, begins_long=True)
    assert unhurried.calibrate(TickCost(4 * MS)) is None


FAULT_NS = 700


def writer(nr_pages: int, write_ns: int) -> Callable[[int], TickCost]:
    """What a tick costs of a target that writes to its pages in turn and does nothing else."""

    def cost(sample_us: int) -> TickCost:
        nr = min(nr_pages, sample_us * 1000 // (write_ns + FAULT_NS))
        return TickCost(100_000 + nr * 10, nr * FAULT_NS)

    return cost


@pytest.mark.parametrize("nr_pages", [100, 4096, 65_536, 4 << 20])
@pytest.mark.parametrize("write_ns", [10, 1_000, 100_000])
@pytest.mark.parametrize("begins_long", [False, True])
def test_intervals_come_to_rest_within_the_quota_for_whoever_writes_its_pages_in_turn(
    nr_pages: int, write_ns: int, begins_long: bool
) -> None:
    cost, pace = writer(nr_pages, write_ns), Pace(None, 0.05, 5, begins_long=begins_long)
    pace.calibrate(cost(pace.intervals.sample_us))
    kept = []
    for _ in range(40):
        pace.observe(cost(pace.intervals.sample_us))
        kept.append(pace.intervals.sample_us)
    assert len(set(kept[-8:])) == 1
    assert cost(kept[-1]).us <= 0.05 * kept[-1]
    assert cost(5_000).us > 0.05 * 5_000 or kept[-1] == 5_000


def test_a_saturated_writer_has_its_intervals_after_two_changes() -> None:
    cost, pace = writer(8192, 10), Pace(None, 0.05, 5, begins_long=True)
    changes = [pace.calibrate(cost(pace.intervals.sample_us))]
    changes += [pace.observe(cost(pace.intervals.sample_us)) for _ in range(20)]
    assert sum(change is not None for change in changes) <= 2
    assert pace.intervals.sample_us == 140_000


def test_a_burst_of_writes_in_one_window_changes_nothing_in_two_it_does() -> None:
    pace = Pace(None, 0.05, 5)
    calm, burst = TickCost(MS // 10), TickCost(MS // 10, 10 * MS)
    assert [pace.observe(one) for one in (calm, burst, calm, burst, calm)] == [None] * 5
    assert pace.observe(burst) is None
    assert pace.observe(burst) is not None


def test_asked_intervals_are_lengthened_for_the_targets_too_and_a_larger_quota_lifts_it() -> None:
    asked = Intervals(5_000, 100_000, 1_000_000)
    pace = Pace(asked, 0.05)
    changed = pace.calibrate(TickCost(MS // 10, 2 * MS))
    assert changed is not None
    assert changed.nr_samples == 20
    assert "as asked, which would take up to 42 %" in (pace.take_reason() or "")
    assert Pace(asked, 1.0).calibrate(TickCost(MS // 10, 2 * MS)) is None
