"""When periods become longer or shorter, on a clock in the test's hand."""

from __future__ import annotations

from attrs import define, field

from damon_perf_pmu.budget import CALM_NS, MIN_SAMPLES, WINDOW_NS, Budget

MS = 1_000_000
QUOTA = 0.05
TICK_NS = 10 * MS
IDLE_NS = 300_000


@define
class Run:
    """Ticks of 10 ms, in each of which draining the rings takes a while even if they are empty."""

    budget: Budget = field(factory=Budget)
    now_ns: int = 1_000 * MS
    kernel_ns: int = 1_000

    def tick(self, nr_samples: int, drain_ns: int = 0) -> bool:
        self.now_ns += TICK_NS
        return self.budget.observe(
            self.now_ns, IDLE_NS + drain_ns, nr_samples, nr_samples * self.kernel_ns, QUOTA
        )

    def ticks(self, nr: int, nr_samples: int, drain_ns: int = 0) -> list[int]:
        """The scale after each tick in which it changed."""
        return [self.budget.scale for _ in range(nr) if self.tick(nr_samples, drain_ns)]


PER_WINDOW = WINDOW_NS // TICK_NS


def test_samples_above_the_quota_double_the_period_once_a_window() -> None:
    run = Run()
    run.tick(0)
    assert run.ticks(3 * PER_WINDOW, 1000) == [2, 4, 8]
    assert run.budget.is_rarer
    assert round(run.budget.share, 3) == 0.1


def test_samples_within_the_quota_change_nothing() -> None:
    run = Run()
    run.tick(0)
    assert run.ticks(50 * PER_WINDOW, 490) == []


def test_what_reading_the_rings_takes_counts_too_but_for_what_empty_ones_take() -> None:
    run = Run()
    run.tick(0)
    assert run.ticks(5 * PER_WINDOW, 20) == []  # 3 % of the time, all of it idle cost
    assert run.ticks(PER_WINDOW, 100, drain_ns=500_000) == [2]


def test_few_samples_are_never_dear() -> None:
    run = Run(kernel_ns=100 * MS)
    run.tick(0)
    per_tick = MIN_SAMPLES // PER_WINDOW - 1
    assert run.ticks(5 * PER_WINDOW, per_tick) == []


def test_the_period_comes_back_step_by_step_to_what_was_asked_and_never_below() -> None:
    run = Run()
    run.tick(0)
    run.ticks(3 * PER_WINDOW, 1000)
    calm = CALM_NS // TICK_NS
    assert run.ticks(5 * calm, 0) == [4, 2, 1]
    assert not run.budget.is_rarer


def test_the_period_does_not_come_back_while_half_of_it_would_be_too_dear() -> None:
    run = Run()
    run.tick(0)
    run.ticks(PER_WINDOW, 1000)
    assert run.ticks(10 * CALM_NS // TICK_NS, 300) == []  # 3 %: twice that is above the quota


def test_a_burst_in_the_calm_begins_it_anew() -> None:
    run = Run()
    run.tick(0)
    run.ticks(PER_WINDOW, 1000)
    nearly = CALM_NS // TICK_NS - PER_WINDOW
    assert run.ticks(nearly, 0) == []
    assert run.ticks(PER_WINDOW, 300) == []
    assert run.ticks(nearly, 0) == []
    assert run.ticks(2 * PER_WINDOW, 0) == [1]


def test_the_period_grows_to_its_limit_and_no_further() -> None:
    run = Run(Budget(max_scale=4))
    run.tick(0)
    assert run.ticks(5 * PER_WINDOW, 10_000) == [2, 4]
