"""Which events of Intel's processors sample the addresses of data, and what they say of them."""

from __future__ import annotations

from damon_core.access import ReportFlag
from damon_core.errors import DamonError

from .event_terms import read_terms
from .event_text import Term
from .machine import Machine
from .pace import LOADS_PERIOD, PERIOD
from .pmu import Pmu

AUXILIARY = "mem-loads-aux"
"""The event that must lead a group with loads by latency, on processors that have it."""

LOADS_BY_LATENCY = 0x01CD

_EVENT_AND_UMASK = 0xFFFF
_EVENT = 0xFF
# From Haswell on, by umask: retired memory instructions.
_RETIRED = 0xD0
_RETIRED_LOADS = frozenset((0x11, 0x21, 0x41, 0x81))
_RETIRED_STORES = frozenset((0x12, 0x22, 0x42, 0x82))
# Loads that hit or missed a level, hit another core's cache, came from memory.
_LOADS = frozenset((0xD1, 0xD2, 0xD3))
_MISSES_PERIOD = 1009
_MISSES = 0x20D1
_FROM_MEMORY = 0xD3


def alias_config(pmu: Pmu, alias: str) -> int | None:
    """``config`` of an event that the kernel names; None if it does not."""
    if alias not in pmu.events:
        return None
    try:
        return read_terms(pmu, (Term(alias),)).words[0]
    except DamonError:
        return None


def intel_access(machine: Machine, pmu: Pmu, config: int) -> ReportFlag | None:
    """READ or WRITE, as all samples of the event are; None if it is not known to have addresses.

    The kernel names mem-loads where precise sampling works; where it does not nothing is known.
    """
    loads, stores = alias_config(pmu, "mem-loads"), alias_config(pmu, "mem-stores")
    if loads is None:
        return None
    if config == loads:
        return ReportFlag.READ
    if config == stores:
        return ReportFlag.WRITE
    if config & ~_EVENT_AND_UMASK or machine.is_old_intel or _is_atom(loads):
        return None
    event, umask = config & _EVENT, config >> 8
    if event in _LOADS and umask:
        return ReportFlag.READ
    if event == _RETIRED and umask in _RETIRED_LOADS:
        return ReportFlag.READ
    if event == _RETIRED and umask in _RETIRED_STORES:
        return ReportFlag.WRITE
    return None


def needs_auxiliary(pmu: Pmu, config: int) -> bool:
    """Whether the kernel wants :data:`AUXILIARY` as the leader of the event's group."""
    return AUXILIARY in pmu.events and config & _EVENT_AND_UMASK == LOADS_BY_LATENCY


def intel_period(pmu: Pmu, config: int) -> int:
    """The period that is used if none was asked for."""
    if config == alias_config(pmu, "mem-loads"):
        return LOADS_PERIOD
    if config == _MISSES or config & _EVENT == _FROM_MEMORY:
        return _MISSES_PERIOD
    return PERIOD


def _is_atom(loads: int) -> bool:
    """Whether loads are sampled as the small cores do; the big ones have an event of their own."""
    return loads & _EVENT == _RETIRED
