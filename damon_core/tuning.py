"""Intervals that follow a goal: see a given share of the accesses that could be seen at most.

The kernel calls this auto-tuning of monitoring intervals (facts: semantics of DAMON, section 12).
Rates are in basis points, 10,000 being all; divisions floor.
"""

from __future__ import annotations

from attrs import frozen

from .errors import ConfigError
from .model import Intervals

_ALL_BP = 10_000
_LEAST_INPUT = 10_000


@frozen
class IntervalsGoal:
    """Observe ``access_bp`` of the highest possible accesses; decide every ``aggrs`` windows.

    ``aggrs`` 0 turns it off.  The sampling interval stays within ``min_sample_us`` and
    ``max_sample_us``; ConfigError if the first is above the second.
    """

    access_bp: int = 400
    aggrs: int = 3
    min_sample_us: int = 5_000
    max_sample_us: int = 10_000_000

    def __attrs_post_init__(self) -> None:
        if self.aggrs and self.min_sample_us > self.max_sample_us:
            raise ConfigError(
                f"intervals goal: min_sample_us {self.min_sample_us} is above "
                f"max_sample_us {self.max_sample_us}"
            )

    def check(self, intervals: Intervals) -> None:
        """ConfigError if the sampling interval is outside the goal's limits."""
        if self.aggrs and not self.min_sample_us <= intervals.sample_us <= self.max_sample_us:
            raise ConfigError(
                f"sample_us {intervals.sample_us} is outside the intervals goal's "
                f"{self.min_sample_us} to {self.max_sample_us}"
            )

    def due(self, nr_windows: int) -> bool:
        """Whether to decide at the end of this window, the first being number 1."""
        return self.aggrs > 0 and nr_windows % self.aggrs == 0

    def score(self, seen: int, possible: int) -> int:
        """How much of the goal was seen, 10,000 being all of it.

        ``seen`` and ``possible``: bytes times nr_accesses, and times samples, over all regions.
        """
        wanted = max(1, possible * self.access_bp // _ALL_BP)
        return seen * _ALL_BP // wanted

    def tuned(self, intervals: Intervals, score: int) -> Intervals | None:
        """The next intervals, with as many samples a window as now; None if they are right."""
        factor_bp = adaptation_bp(score)
        if factor_bp == _ALL_BP:
            return None
        wanted_us = intervals.sample_us * factor_bp // _ALL_BP
        sample_us = max(self.min_sample_us, min(self.max_sample_us, wanted_us))
        return Intervals(sample_us, sample_us * intervals.nr_samples, intervals.ops_update_us)


def next_input(last: int, score: int) -> int:
    """Feedback loop: the next input of a process whose output scored ``score`` for ``last``.

    Below the goal of 10,000 it grows in proportion, at most twofold; above it shrinks.
    """
    if score == _ALL_BP:
        return last
    if score >= 2 * _ALL_BP:
        return _LEAST_INPUT
    change = last * abs(score - _ALL_BP) // _ALL_BP
    return max(last - change, _LEAST_INPUT) if score > _ALL_BP else last + change


def adaptation_bp(score: int) -> int:
    """Factor for the intervals: 20,000 doubles them, 5,000, the least, halves them."""
    factor_bp = next_input(100_000_000, score) // _ALL_BP
    return factor_bp if factor_bp > _ALL_BP else _ALL_BP // 2 + factor_bp // 2
