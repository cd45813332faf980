"""When, counted in ticks, a window ends and the targets are looked at anew."""

from __future__ import annotations

from .model import Intervals


class Schedule:
    """Counts ticks (sampling intervals); an event is due once its tick has come.

    The next event is counted from when the last one was due, so it does not drift
    (Documentation/mm/damon/design.rst; kernel function kdamond_fn).
    """

    def __init__(self, intervals: Intervals) -> None:
        self.passed = 0
        self.intervals = intervals
        self.next_aggregation = intervals.nr_samples
        self.next_ops_update = intervals.nr_update_samples

    def tick(self) -> None:
        self.passed += 1

    @property
    def aggregation_due(self) -> bool:
        return self.passed >= self.next_aggregation

    @property
    def ops_update_due(self) -> bool:
        return self.passed >= self.next_ops_update

    @property
    def samples_left(self) -> int:
        """Ticks until the window ends."""
        return max(0, self.next_aggregation - self.passed)

    def aggregated(self) -> None:
        self.next_aggregation += self.intervals.nr_samples

    def updated(self) -> None:
        self.next_ops_update += self.intervals.nr_update_samples

    def change(self, intervals: Intervals) -> None:
        """Go on with other intervals: a window and an update interval begin now."""
        self.intervals = intervals
        self.next_aggregation = self.passed + intervals.nr_samples
        self.next_ops_update = self.passed + intervals.nr_update_samples
