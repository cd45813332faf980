"""How often a context may look, so that it stays within its CPU quota."""

from __future__ import annotations

from collections import deque

from attrs import define, field

from .model import Intervals

MIN_SAMPLE_US = 5_000
OPS_UPDATE_US = 1_000_000

CALIBRATION_TICKS = 3
"""Ticks after which a run has seen enough of its cost to leave intervals that are far off."""

# Samples per window: a mechanism that sees every page in each sample needs few.
_NR_SAMPLES = {"page": 5, "mapping": 5}
_NR_SAMPLES_OTHERWISE = 20

# Aim below the quota, so that noise does not push a context over it each second window;
# shorten only when several windows had room, so that intervals do not swing.
_AIM = 0.85
_SHORTEN_BELOW = 0.6
_WINDOWS_REMEMBERED = 4


def nr_samples_for(granularities: set[str]) -> int:
    """Sampling intervals per window for primitives of these granularities."""
    return max(
        (_NR_SAMPLES.get(g, _NR_SAMPLES_OTHERWISE) for g in granularities),
        default=_NR_SAMPLES_OTHERWISE,
    )


def _round_up(us: float) -> int:
    """To two digits, so that intervals can be read."""
    step = 1_000
    while us / step >= 100:
        step *= 10
    return int(-(-us // step) * step)


@define
class Pace:
    """Chooses intervals: the asked ones, or the shortest (auto), stretched to keep the quota.

    ``quota`` is a share of one CPU.  ``nr_samples``: sampling intervals per window under auto.
    """

    asked: Intervals | None
    quota: float
    nr_samples: int = _NR_SAMPLES_OTHERWISE
    intervals: Intervals = field(init=False)
    _told_us: int = field(default=0, init=False)
    _tick_us: float = field(default=0.0, init=False)
    _remembered: deque[float] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.intervals = self.asked or self._of(MIN_SAMPLE_US)
        self._remembered = deque(maxlen=_WINDOWS_REMEMBERED)

    @property
    def _shortest_us(self) -> int:
        return self.asked.sample_us if self.asked else MIN_SAMPLE_US

    def _of(self, sample_us: int) -> Intervals:
        if self.asked is None:
            return Intervals(sample_us, sample_us * self.nr_samples, max(OPS_UPDATE_US, sample_us))
        if sample_us <= self.asked.sample_us:
            return self.asked
        return Intervals(
            sample_us,
            sample_us * self.asked.nr_samples,
            max(self.asked.ops_update_us, sample_us),
        )

    def calibrate(self, tick_cpu_ns: int) -> Intervals | None:
        """Learn what the first ticks cost; other intervals, if these are far off."""
        self._tick_us = tick_cpu_ns / 1000
        if self._tick_us > self.quota * self.intervals.sample_us:
            return self._change(self._tick_us)
        return None

    def observe(self, tick_cpu_ns: int) -> Intervals | None:
        """Learn what a tick of a whole window costs; other intervals, if that calls for them.

        Once a window has kept the quota, one dear window changes nothing, two in a row do: a single
        one may be the page cache's, or the neighbours', fault.
        """
        self._tick_us = tick_cpu_ns / 1000
        allowed_us = self.quota * self.intervals.sample_us
        steady_us = min(self._tick_us, self._remembered[-1] if self._remembered else self._tick_us)
        self._remembered.append(self._tick_us)
        if steady_us > allowed_us:
            return self._change(steady_us)
        if (
            len(self._remembered) == _WINDOWS_REMEMBERED
            and max(self._remembered) < allowed_us * _SHORTEN_BELOW
        ):
            return self._change(max(self._remembered))
        return None

    def _change(self, tick_us: float) -> Intervals | None:
        needed_us = max(self._shortest_us, _round_up(tick_us / (self.quota * _AIM)))
        if needed_us == self.intervals.sample_us:
            return None
        self._tick_us = tick_us
        self._remembered.clear()
        self.intervals = self._of(needed_us)
        return self.intervals

    def take_reason(self) -> str | None:
        """Why the intervals are what they are, in one line, when that is news; else None."""
        present_us = self.intervals.sample_us
        if self._told_us and self._told_us / 2 < present_us < self._told_us * 2:
            return None
        if self.asked and not self._told_us and present_us <= self.asked.sample_us:
            return None
        self._told_us = present_us
        separator = ": " if self._as_asked else ", "
        return (
            f"sampling every {self.intervals.sample_us / 1000:g} ms, "
            f"aggregating {self.intervals.aggr_us / 1e6:g} s{separator}{self.reason}"
        )

    @property
    def _as_asked(self) -> bool:
        return self.asked is None or self.intervals == self.asked

    @property
    def reason(self) -> str:
        """Why the intervals are what they are, in one line."""
        cost = (
            f"one sample costs {self._tick_us / 1000:.3g} ms of CPU time and cpu_quota is "
            f"{self.quota * 100:g} % of one CPU"
        )
        if self.asked is None or self._as_asked:
            return cost
        share = self._tick_us / self.asked.sample_us * 100
        return (
            f"not {self.asked.sample_us / 1000:g} ms and {self.asked.aggr_us / 1e6:g} s "
            f"as asked, which would take {share:.3g} %: {cost}; to change this ask for a longer "
            "interval, raise cpu_quota, or choose a mechanism that samples"
        )
