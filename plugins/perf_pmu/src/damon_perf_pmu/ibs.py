"""AMD's instruction-based sampling: which events it takes, and what it does not do with them."""

from __future__ import annotations

from attrs import evolve

from damon_core.errors import ConfigError, PrimitiveError
from damon_core.perf_attr import AttrFlag, PerfType

from .machine import Machine
from .named_events import HARDWARE
from .pmu import Pmu
from .pmu_event import PmuEvent

PERIOD = 262144
MISS_PERIOD = 65536
SHORTEST_LATENCY, LONGEST_LATENCY = 128, 2048

# The low bits of the period, and its highest ones; only what is sampled without a period has them.
_PERIOD_BITS = 0x7F0FFFF
_WHOSE = AttrFlag.EXCLUDE_USER | AttrFlag.EXCLUDE_KERNEL | AttrFlag.EXCLUDE_HV
_NEVER = AttrFlag.EXCLUDE_IDLE | AttrFlag.EXCLUDE_HOST | AttrFlag.EXCLUDE_GUEST
# The raw numbers of cycles and of micro-operations.
_FORWARDED_RAW = (0x76, 0xC1)


def is_forwarded(event: PmuEvent, machine: Machine) -> bool:
    """Whether the kernel hands the event on to IBS as soon as it is to be precise."""
    if machine.vendor != "amd" or "ibs_op" not in machine.pmus:
        return False
    if event.type == PerfType.HARDWARE:
        return event.config == HARDWARE["cycles"]
    return event.type == PerfType.RAW and event.config in _FORWARDED_RAW


def checked_ibs(event: PmuEvent, pmu: Pmu) -> PmuEvent:
    """An event of ``ibs_op`` as the kernel takes it; ConfigError, PrimitiveError if it does not."""
    if event.config & _PERIOD_BITS:
        raise ConfigError("config of ibs_op has bits of the period set: say period=N instead")
    if event.flags & _NEVER:
        raise ConfigError("ibs_op cannot leave out the idle task, the host or guests")
    latency = pmu.formats.get("ldlat")
    cycles = latency.read(event.config_words) if latency is not None else 0
    if cycles and not SHORTEST_LATENCY <= cycles <= LONGEST_LATENCY:
        raise ConfigError(
            f"term ldlat={cycles} of ibs_op: expected {SHORTEST_LATENCY} to {LONGEST_LATENCY}"
        )
    # Its samples are always precise, and nothing is asked for that the kernel might refuse.
    event = evolve(event, precise=None)
    return _filtered(event, pmu) if event.flags & _WHOSE else event


def ibs_period(event: PmuEvent, pmu: Pmu | None) -> int:
    """The period that is used if none was asked for: shorter if only misses are sampled.

    By latency only misses are sampled too.
    """
    formats = pmu.formats if pmu is not None else {}
    of_misses = (formats[name] for name in ("l3missonly", "ldlat") if name in formats)
    return MISS_PERIOD if any(one.read(event.config_words) for one in of_misses) else PERIOD


def _filtered(event: PmuEvent, pmu: Pmu) -> PmuEvent:
    """With the switch that lets the kernel drop samples of the kernel or of user space."""
    switch = pmu.formats.get("swfilt")
    if switch is None:
        raise PrimitiveError(
            "ibs_op of this kernel cannot leave out the kernel or user space: drop the modifier "
            "(addresses of the kernel are dropped anyway)"
        )
    return evolve(event, config2=event.config2 | switch.mask)
