"""How often a context may look, so that it stays within its CPU quota."""

from __future__ import annotations

from collections import deque
from operator import attrgetter

from attrs import define, field, frozen

from .model import Intervals

MIN_SAMPLE_US = 5_000
OPS_UPDATE_US = 1_000_000

CAREFUL_SAMPLE_US = 100_000
"""What automatic intervals begin with where each look makes the targets pay."""

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

_us = attrgetter("us")


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


@frozen
class TickCost:
    """What a tick costs, in CPU time: ``cpu_ns`` of the monitor, ``target_ns`` of the targets.

    The latter grows with the interval, to an end, and by less than the interval: so what was learnt
    with a longer one holds for a shorter one, and lengthening comes to an end.
    """

    cpu_ns: int
    target_ns: int = 0

    @property
    def us(self) -> float:
        """All of it."""
        return (self.cpu_ns + self.target_ns) / 1000

    def __str__(self) -> str:
        ours = f"{self.cpu_ns / 1e6:.3g} ms of CPU time"
        if not self.target_ns:
            return ours
        return f"{ours} here and {self.target_ns / 1e6:.3g} ms in the targets"


@define
class Pace:
    """Chooses intervals: the asked ones, or the shortest (auto), stretched to keep the quota.

    ``quota`` is a share of one CPU.  ``nr_samples``: sampling intervals per window under auto,
    which begins with the shortest, or ``begins_long``.
    """

    asked: Intervals | None
    quota: float
    nr_samples: int = _NR_SAMPLES_OTHERWISE
    begins_long: bool = False
    intervals: Intervals = field(init=False)
    _told_us: int = field(default=0, init=False)
    _tick: TickCost = field(default=TickCost(0), init=False)
    _remembered: deque[TickCost] = field(init=False)

    def __attrs_post_init__(self) -> None:
        first_us = CAREFUL_SAMPLE_US if self.begins_long else MIN_SAMPLE_US
        self.intervals = self.asked or self._of(first_us)
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

    def calibrate(self, tick: TickCost) -> Intervals | None:
        """Learn what the first ticks cost; other intervals, if these are far off."""
        self._tick = tick
        allowed_us = self.quota * self.intervals.sample_us
        if tick.us > allowed_us or (self.begins_long and tick.us < allowed_us * _SHORTEN_BELOW):
            return self._change(tick)
        return None

    def observe(self, tick: TickCost) -> Intervals | None:
        """Learn what a tick of a whole window costs; other intervals, if that calls for them.

        Once a window has kept the quota, one dear window changes nothing, two in a row do: a single
        one may be the page cache's, or the neighbours', fault.
        """
        self._tick = tick
        allowed_us = self.quota * self.intervals.sample_us
        steady = min(tick, self._remembered[-1], key=_us) if self._remembered else tick
        self._remembered.append(tick)
        if steady.us > allowed_us:
            return self._change(steady)
        dearest = max(self._remembered, key=_us)
        if (
            len(self._remembered) == _WINDOWS_REMEMBERED
            and dearest.us < allowed_us * _SHORTEN_BELOW
        ):
            return self._change(dearest)
        return None

    def _change(self, tick: TickCost) -> Intervals | None:
        needed_us = max(self._shortest_us, _round_up(tick.us / (self.quota * _AIM)))
        if needed_us == self.intervals.sample_us:
            return None
        self._tick = tick
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
            f"one sample costs {self._tick}{',' if self._tick.target_ns else ''} "
            f"and cpu_quota is {self.quota * 100:g} % of one CPU"
        )
        if self.asked is None or self._as_asked:
            return cost
        share = self._tick.us / self.asked.sample_us * 100
        up_to = "up to " if self._tick.target_ns else ""  # it was learnt with another interval
        return (
            f"not {self.asked.sample_us / 1000:g} ms and {self.asked.aggr_us / 1e6:g} s "
            f"as asked, which would take {up_to}{share:.3g} %: {cost}; to change this "
            "ask for a longer interval, raise cpu_quota, or choose a mechanism that samples"
        )
