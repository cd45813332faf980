"""How often an event is sampled: what was asked, what the kernel takes, what is used if nothing."""

from __future__ import annotations

from attrs import evolve, frozen

from damon_core.errors import ConfigError, PrimitiveError

from .machine import Machine
from .pmu_event import PmuEvent

MAX_PERIOD = (1 << 63) - 1

# Every page fault or access to a breakpoint is rare and exact: all of them.
KERNEL_PERIOD = 1
# About a thousand samples a second and core; primes, so as not to fall in step with loops.
LOADS_PERIOD = 2003
PERIOD = 100003

IBS_STEP = 16
IBS_SHORTEST = 144  # 16 before Linux 6.15


@frozen
class Pace:
    """A period in events, or a frequency in Hz; None: not said."""

    period: int | None = None
    freq: int | None = None

    @property
    def is_asked(self) -> bool:
        return self.period is not None or self.freq is not None

    def over(self, other: Pace) -> Pace:
        """What both say together; ConfigError if they say different things."""
        if self.is_asked and other.is_asked and self != other:
            raise ConfigError(f"sampled both by {self} and by {other}: say one of them")
        return self if self.is_asked else other

    def __str__(self) -> str:
        parts = [("period", self.period), ("freq", self.freq)]
        return " and ".join(f"{name} {value}" for name, value in parts if value is not None)


NO_PACE = Pace()


def checked_pace(pace: Pace, machine: Machine) -> Pace:
    """``pace``; ConfigError if no kernel takes it, PrimitiveError if not this one now."""
    if pace.period is not None and pace.freq is not None:
        raise ConfigError(
            f"both period {pace.period} and freq {pace.freq}: a sample is taken every so many "
            "events, or so often a second; say one of them"
        )
    if pace.period is not None and not 1 <= pace.period <= MAX_PERIOD:
        raise ConfigError(f"period {pace.period}: expected 1 to {MAX_PERIOD}")
    if pace.freq is not None and pace.freq < 1:
        raise ConfigError(f"freq {pace.freq}: expected 1 or more samples a second")
    limit = machine.max_sample_rate
    if pace.freq is not None and limit is not None and pace.freq > limit:
        raise PrimitiveError(
            f"freq {pace.freq} is above this kernel's limit of {limit} samples a second: ask for "
            f"less, or raise it by sysctl kernel.perf_event_max_sample_rate={pace.freq}"
        )
    return pace


def paced(event: PmuEvent, pace: Pace, default: int) -> PmuEvent:
    """``event`` with its pace, of which IBS takes only some; else every ``default`` events."""
    asked = evolve(event, pace_asked=pace.is_asked)
    if pace.freq is not None:
        return evolve(asked, freq=pace.freq)
    period = pace.period if pace.period is not None else default
    if not event.by_ibs:
        return evolve(asked, period=period)
    if period < IBS_SHORTEST:
        raise ConfigError(f"period {period} is too short for IBS: expected {IBS_SHORTEST} or more")
    rounded = min(period + IBS_STEP // 2, MAX_PERIOD) // IBS_STEP * IBS_STEP
    if rounded == period:
        return evolve(asked, period=period)
    note = f"period {period} becomes {rounded}: IBS takes multiples of {IBS_STEP}"
    return evolve(asked, period=rounded, notes=(*event.notes, note))
