"""What a PMU makes of an event: precision, exclusion, leader, direction and pace."""

from __future__ import annotations

from attrs import evolve

from damon_core.errors import ConfigError, PrimitiveError
from damon_core.perf_attr import AttrFlag, PerfType

from .event_terms import read_terms
from .event_text import Term
from .intel_events import AUXILIARY, intel_access, intel_period, needs_auxiliary
from .machine import Machine
from .modifiers import parse_modifiers
from .pace import IBS_MISS_PERIOD, IBS_PERIOD, KERNEL_PERIOD, PERIOD, Pace, paced
from .pmu import Pmu
from .pmu_event import PmuEvent, Precise

_IBS_PERIOD_BITS = 0xFFFF
_AMD_MOST_PRECISE = 2
_WHOSE = AttrFlag.EXCLUDE_USER | AttrFlag.EXCLUDE_KERNEL | AttrFlag.EXCLUDE_HV
_NEVER_IBS = AttrFlag.EXCLUDE_IDLE | AttrFlag.EXCLUDE_HOST | AttrFlag.EXCLUDE_GUEST


def refined(
    event: PmuEvent,
    pace: Pace,
    machine: Machine,
    *,
    letters: str = "",
    leader: PmuEvent | None = None,
) -> PmuEvent:
    """``event`` with its modifiers and all that follows from its PMU; ConfigError says what not."""
    modifiers = parse_modifiers(letters)
    event = evolve(
        event,
        flags=event.flags | modifiers.flags,
        precise=event.precise if modifiers.precise is None else modifiers.precise,
        leader=leader,
    )
    if event.is_kernel_made:
        if event.precise:
            raise ConfigError("precision (p, P) is for events of a PMU: the kernel makes this one")
        return paced(event, pace, KERNEL_PERIOD)
    pmu = machine.pmus.get(event.pmu)
    if event.is_ibs_op and pmu is not None:
        return _of_ibs(event, pace, pmu)
    _check_precision(event.precise, pmu, machine)
    if pmu is None or not pmu.is_core or machine.vendor != "intel":
        return paced(event, pace, PERIOD)
    return _of_intel(event, pace, pmu, machine)


def _of_intel(event: PmuEvent, pace: Pace, pmu: Pmu, machine: Machine) -> PmuEvent:
    if event.type in (PerfType.HARDWARE, PerfType.HW_CACHE):
        return paced(event, pace, PERIOD)
    if event.config == _auxiliary_config(pmu):
        return evolve(event, precise=0, is_auxiliary=True)
    if event.leader is None and needs_auxiliary(pmu, event.config):
        event = evolve(event, leader=_auxiliary(event, pmu))
    access = intel_access(machine, pmu, event.config)
    if access is not None:
        event = evolve(event, direction=access)
    return paced(event, pace, intel_period(pmu, event.config))


def _auxiliary(event: PmuEvent, pmu: Pmu) -> PmuEvent:
    """The event that has to lead loads by latency: it counts, and is not sampled."""
    return PmuEvent(
        text=event.text,
        name=f"{pmu.name}/{AUXILIARY}/",
        pmu=pmu.name,
        type=event.type,
        config=_auxiliary_config(pmu) or 0,
        precise=0,
        flags=event.flags,
        cpus=event.cpus,
        is_auxiliary=True,
    )


def _auxiliary_config(pmu: Pmu) -> int | None:
    if AUXILIARY not in pmu.events:
        return None
    return read_terms(pmu, (Term(AUXILIARY),)).config.words[0]


def _of_ibs(event: PmuEvent, pace: Pace, pmu: Pmu) -> PmuEvent:
    if event.leader is not None:
        raise ConfigError("ibs_op cannot be in a group: write it as an event of its own")
    if event.config & _IBS_PERIOD_BITS:
        raise ConfigError("bits 0 to 15 of config are the period of ibs_op: say period=N instead")
    if event.flags & _NEVER_IBS:
        raise ConfigError("ibs_op cannot leave out the idle task, the host or guests")
    event = evolve(event, precise=None)
    if event.flags & _WHOSE:
        event = _filtered(event, pmu)
    only_misses = pmu.formats.get("l3missonly")
    misses = only_misses is not None and event.config & only_misses.mask
    return paced(event, pace, IBS_MISS_PERIOD if misses else IBS_PERIOD)


def _filtered(event: PmuEvent, pmu: Pmu) -> PmuEvent:
    """With the switch that makes the kernel filter samples of IBS by privilege."""
    switch = pmu.formats.get("swfilt")
    if switch is None:
        raise PrimitiveError(
            "ibs_op of this kernel cannot leave out the kernel or user space: drop the modifier "
            "(addresses of the kernel are dropped anyway)"
        )
    return evolve(event, config2=event.config2 | switch.mask)


def _check_precision(precise: Precise, pmu: Pmu | None, machine: Machine) -> None:
    if not isinstance(precise, int) or not precise:
        return
    if machine.vendor == "amd" and precise > _AMD_MOST_PRECISE:
        raise ConfigError(f"precision {precise}: processors of AMD have p and pp, or ibs_op//")
    most = pmu.cap("max_precise") if pmu is not None else None
    if most is not None and precise > most:
        raise PrimitiveError(
            f"precision {precise}: {pmu.name if pmu else 'this PMU'} of this machine has at most "
            f"{most} (caps/max_precise); P takes the highest there is"
        )
