"""What a PMU makes of an event: precision, exclusion, leader, direction and pace."""

from __future__ import annotations

from attrs import evolve

from damon_core.errors import ConfigError, PrimitiveError
from damon_core.perf_attr import PerfType

from .breakpoint import READ
from .event_terms import read_terms
from .event_text import Term
from .ibs import checked_ibs, ibs_period, is_forwarded
from .intel_events import AUXILIARY, intel_access, intel_period, needs_auxiliary
from .machine import Machine
from .modifiers import parse_modifiers
from .pace import KERNEL_PERIOD, PERIOD, Pace, paced
from .pmu import Pmu
from .pmu_event import PmuEvent, Precise

_AMD_MOST_PRECISE = 2


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
    separator = "" if event.name.endswith("/") else ":"
    event = evolve(
        event,
        name=f"{event.name}{separator}{letters}" if letters else event.name,
        flags=event.flags | modifiers.flags,
        precise=event.precise if modifiers.precise is None else modifiers.precise,
        leader=leader,
    )
    if event.is_kernel_made:
        if event.precise:
            raise ConfigError("precision (p, P) is for events of a PMU: the kernel makes this one")
        if event.type == PerfType.BREAKPOINT and event.bp_type == READ and machine.vendor:
            raise PrimitiveError("x86 processors cannot watch reads alone: use rw")
        return paced(event, pace, KERNEL_PERIOD)
    pmu = machine.pmus.get(event.pmu)
    if pmu is not None and pmu.is_ibs_op:
        event = evolve(checked_ibs(event, pmu), by_ibs=True)
        return paced(event, pace, ibs_period(event, pmu))
    _check_precision(event.precise, pmu, machine)
    if event.precise and is_forwarded(event, machine):
        event = evolve(event, by_ibs=True)
        return paced(event, pace, ibs_period(event, None))
    if pmu is None or not pmu.is_core or machine.vendor != "intel":
        return paced(event, pace, PERIOD)
    return _of_intel(event, pace, pmu, machine)


def _of_intel(event: PmuEvent, pace: Pace, pmu: Pmu, machine: Machine) -> PmuEvent:
    if event.type in (PerfType.HARDWARE, PerfType.HW_CACHE):
        return paced(event, pace, PERIOD)
    if event.config == _auxiliary_config(pmu):
        return evolve(event, precise=0, is_auxiliary=True)
    if needs_auxiliary(pmu, event.config):
        event = evolve(event, leader=event.leader or _auxiliary(event, pmu))
        if event.leader is not None and not event.leader.is_auxiliary:
            raise ConfigError(
                f"loads by latency must be led by {AUXILIARY}, not by {event.leader.name}: write "
                "them outside of the group, it is added"
            )
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
    return read_terms(pmu, (Term(AUXILIARY),)).words[0]


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
