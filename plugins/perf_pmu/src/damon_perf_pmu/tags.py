"""Short names for what memory is sampled by on this machine, whatever it is called there."""

from __future__ import annotations

from damon_core.errors import ConfigError, PrimitiveError

from .machine import NO_SAMPLING, Machine
from .offers import address_events
from .pmu import Pmu

TAGS = {
    "auto": "loads and stores, by the best event of this processor",
    "ldlat-loads": "loads that took 30 cycles or more (Intel)",
    "ldlat-stores": "stores (Intel)",
    "mem-ldst": "loads and stores (AMD)",
}
SPE = "is not sampled live: record with perf record, then damon import the output of perf script"

_REFUSED = ("spe-load", "spe-store", "spe-ldst")
_LOADS = "mem-loads"
_STORES = "mem-stores"
_IBS = "ibs_op//"


def is_tag(word: str) -> bool:
    """Whether ``word`` is a tag, be it one that is not sampled live."""
    return word in TAGS or word in _REFUSED


def tag_events(tag: str, machine: Machine) -> tuple[str, ...]:
    """The events that ``tag`` stands for here, as a user would write them.

    PrimitiveError if there are none, with what there is instead.
    """
    if tag in _REFUSED:
        raise ConfigError(f"Arm SPE {SPE}")
    ibs = [_IBS for pmu in machine.memory_pmus if pmu.is_ibs_op]
    loads, stores = _of_cores(machine, _LOADS), _of_cores(machine, _STORES)
    found = {
        "auto": (*loads, *stores) or tuple(ibs),
        "ldlat-loads": loads,
        "ldlat-stores": stores,
        "mem-ldst": tuple(ibs),
    }[tag]
    if not found:
        raise PrimitiveError(_why_none(tag, machine))
    return found


def tag_notes(tag: str, machine: Machine) -> tuple[str, ...]:
    """What its events do not see, of what the tag promises elsewhere."""
    if tag == "auto" and _of_cores(machine, _LOADS) and not _of_cores(machine, _STORES):
        return ("this processor samples loads, and no stores",)
    return ()


def _of_cores(machine: Machine, alias: str) -> tuple[str, ...]:
    return tuple(_text(pmu, alias) for pmu in machine.core_pmus if alias in pmu.events)


def _text(pmu: Pmu, alias: str) -> str:
    if alias == _LOADS and "ldlat" in pmu.formats:
        return f"{pmu.name}/{alias},ldlat=30/P"
    return f"{pmu.name}/{alias}/P"


def _why_none(tag: str, machine: Machine) -> str:
    instead = ", ".join(one.text for one in address_events(machine))
    memory = machine.memory_pmus
    if not memory:
        return f"{NO_SAMPLING}; what works here instead: {instead}"
    if all(pmu.is_spe for pmu in memory):
        return f"{memory[0].name} {SPE}; what works live here: {instead}"
    return f"this processor has no {tag} ({TAGS[tag]}); what works here: {instead}"
