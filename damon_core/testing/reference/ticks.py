"""Time in plain Python: which tick ends a window, the moving sum, counters after a change."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field, frozen

from ...model import Intervals
from .regions import Target, start_window


def nr_samples(sample_us: int, aggr_us: int) -> int:
    """The highest nr_accesses of a window: whole samples in it, at least 1."""
    return min(max(1, aggr_us // max(1, sample_us)), 2**32 - 1)


@frozen
class Due:
    """What a tick ends with."""

    aggregation: bool
    ops_update: bool
    tune: bool


@define
class Schedule:
    """Counts ticks; intervals that are no multiple of the sampling interval are floored."""

    intervals: Intervals
    goal_aggrs: int = 0
    passed: int = 0
    next_aggregation: int = field(init=False)
    next_ops_update: int = field(init=False)
    next_tune: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.next_aggregation = self._aggr_ticks
        self.next_ops_update = self._update_ticks
        self.next_tune = self._aggr_ticks * self.goal_aggrs

    @property
    def _aggr_ticks(self) -> int:
        return self.intervals.aggr_us // max(1, self.intervals.sample_us)

    @property
    def _update_ticks(self) -> int:
        return self.intervals.ops_update_us // max(1, self.intervals.sample_us)

    def tick(self) -> Due:
        """One sampling interval has passed."""
        self.passed += 1
        aggregation = self.passed >= self.next_aggregation
        ops_update = self.passed >= self.next_ops_update
        tune = aggregation and self.goal_aggrs > 0 and self.passed >= self.next_tune
        if aggregation:
            self.next_aggregation += self._aggr_ticks
        if ops_update:
            self.next_ops_update += self._update_ticks
        if tune:
            self.next_tune += self._aggr_ticks * self.goal_aggrs
        return Due(aggregation, ops_update, tune)

    def change(self, intervals: Intervals) -> bool:
        """New intervals from here on; whether that is in the middle of a window."""
        aggregating = self.passed < self.next_aggregation
        self.intervals = intervals
        self.next_aggregation = self.passed + self._aggr_ticks
        self.next_ops_update = self.passed + self._update_ticks
        return aggregating


def moving_sum(nr: int, last: int, samples: int, left: int) -> int:
    """nr_accesses of the last ``samples`` ticks; ``left`` of this window are still to come."""
    left_bp = max(0, left) * 10_000 // samples
    return last if left_bp == 10_000 else nr + last * left_bp // 10_000


def update_results(
    targets: Sequence[Target], old: Intervals, new: Intervals, aggregating: bool
) -> None:
    """Express the counters in new intervals; the part of an unfinished window is thrown away."""
    if not (old.sample_us and old.aggr_us and new.sample_us and new.aggr_us):
        return
    old_max, new_max = old.nr_samples, new.nr_samples

    def converted(nr: int) -> int:
        return nr * 10_000 // old_max * new_max // 10_000

    for region in (r for t in targets for r in t.regions):
        region.last_nr_accesses = converted(region.last_nr_accesses)
        if aggregating:
            start_window(region)
        else:
            region.nr_accesses = converted(region.nr_accesses)
        region.age = region.age * old.aggr_us // new.aggr_us
