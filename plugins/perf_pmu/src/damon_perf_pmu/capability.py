"""Whether the samples of an event hold the address that was accessed: yes, no, or not known.

That an event opens proves nothing: the kernel lets a clock be sampled with addresses, all of
them 0.  What is not known here must show it in a test of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from attrs import frozen

from damon_core.errors import PrimitiveError
from damon_core.perf_attr import PerfType, SoftwareEvent

from .ibs import is_forwarded
from .intel_events import intel_access
from .machine import NO_SAMPLING, Machine
from .offers import address_events
from .pmu import Pmu
from .pmu_event import PmuEvent
from .tags import SPE


class Answer(str, Enum):
    """Whether there are addresses; UNKNOWN: only samples can tell."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@frozen
class Capability:
    """``why``: in a few words, behind "NAME gives no address: "."""

    answer: Answer
    why: str


_HANDLED_FAULTS = (SoftwareEvent.PAGE_FAULTS_MIN, SoftwareEvent.PAGE_FAULTS_MAJ)
_NO = Answer.NO
_YES = Answer.YES


def classify(event: PmuEvent, machine: Machine, *, physical: bool = False) -> Capability:
    """Whether samples of ``event`` hold virtual or, with ``physical``, physical addresses."""
    if event.type == PerfType.SOFTWARE:
        return _software(event.config, physical)
    if event.type == PerfType.BREAKPOINT:
        return Capability(_YES, "a breakpoint knows its address")
    if event.type == PerfType.TRACEPOINT:
        return _tracepoint(event, physical)
    if event.pmu == "ibs_op":
        return Capability(_YES, "IBS of operations, of which loads and stores have addresses")
    if event.pmu == "ibs_fetch":
        return Capability(_NO, "it samples the addresses of code")
    if event.pmu.startswith("arm_spe"):
        return Capability(_NO, f"Arm SPE {SPE}")
    pmu = machine.pmus.get(event.pmu)
    if pmu is None and not machine.core_pmus:
        return Capability(_NO, NO_SAMPLING)
    if pmu is None or not pmu.is_core:
        return Capability(_NO, f"PMU {event.pmu} counts outside of the cores")
    if machine.vendor == "amd":
        return _amd(event, machine)
    if machine.vendor == "intel":
        return _intel(event, pmu, machine)
    return Capability(_NO, "core events of this processor are sampled without addresses")


def require_addresses(
    events: Iterable[PmuEvent], machine: Machine, *, physical: bool = False, force: bool = False
) -> None:
    """PrimitiveError for the first event without addresses; ``force`` lets the unknown pass."""
    for event in events:
        found = classify(event, machine, physical=physical)
        if found.answer is _YES or (force and found.answer is Answer.UNKNOWN):
            continue
        fit = [one for one in address_events(machine) if one.physical or not physical]
        gives = "gives no" if found.answer is _NO else "is not known to give"
        kind = "physical addresses" if physical else "addresses"
        raise PrimitiveError(
            f"event {event.text!r} {gives} {kind}: {found.why}; "
            f"what gives them here: {', '.join(one.text for one in fit)}"
        )


def _software(config: int, physical: bool) -> Capability:
    if config in _HANDLED_FAULTS:
        return Capability(_YES, "faults know their address")
    if config != SoftwareEvent.PAGE_FAULTS:
        return Capability(_NO, "it is no access to memory")
    if physical:
        return Capability(_NO, "page-faults are counted before the page is there")
    return Capability(_YES, "faults know their address")


def _tracepoint(event: PmuEvent, physical: bool) -> Capability:
    if event.raw is None:
        return Capability(_NO, "it has no fields that are known to be address and direction")
    if physical:
        return Capability(_NO, "the tracepoint knows virtual addresses only")
    return Capability(_YES, "its raw data hold the address")


def _amd(event: PmuEvent, machine: Machine) -> Capability:
    if "ibs_op" not in machine.pmus:
        return Capability(_NO, f"the processor samples addresses by IBS only, and {NO_SAMPLING}")
    if event.by_ibs:
        return Capability(_YES, "the kernel hands it on to IBS")
    forwarded = is_forwarded(event, machine)
    hint = "with modifier p the kernel hands it on to IBS" if forwarded else "use ibs_op//"
    return Capability(_NO, f"counters of AMD have none: {hint}")


def _intel(event: PmuEvent, pmu: Pmu, machine: Machine) -> Capability:
    if event.precise == 0:
        return Capability(_NO, "without precise sampling (p, P, precise_ip) there is none")
    if pmu.cap("max_precise") == 0 or "mem-loads" not in pmu.events:
        return Capability(_NO, f"{pmu.name} does not sample precisely: {NO_SAMPLING}")
    if event.type == PerfType.HARDWARE:
        return Capability(_NO, "it counts more than loads and stores")
    if event.type == PerfType.HW_CACHE:
        return Capability(Answer.UNKNOWN, "which event stands for it depends on the processor")
    if intel_access(machine, pmu, event.config) is not None:
        return Capability(_YES, "precise samples of it hold the address")
    return Capability(Answer.UNKNOWN, "it is none of the events known to")
