"""What of this machine can be sampled, found out by opening it on one processor."""

from __future__ import annotations

from damon_core import Availability
from damon_core.cpus import online_cpus
from damon_core.errors import DamonError
from damon_core.model import Ops
from damon_core.perf_event import Opener, PerfError, PerfEvent
from damon_core.perf_targets import is_denied

from .events import resolve_on
from .ladder import find_opening
from .layout import layout_of
from .machine import Machine
from .offers import address_events
from .pmu_event import PmuEvent

AUTO = "auto"
NAMED_ONLY = "no PMU"
"""Mechanism where only events that the kernel makes are there, and have to be named."""

_BREAKPOINT = "mem:"
_ANYWHERE = "mem:0x1000/8:rw"


def probe_events(ops: Ops, machine: Machine, opener: Opener = PerfEvent) -> Availability:
    """Usable if any event that tells addresses opens; ``mechanisms`` has each of them, and auto."""
    physical = ops is Ops.PADDR
    lacks = {AUTO: _missing(AUTO, machine, physical, opener)}
    for offer in address_events(machine):
        if physical and not offer.physical:
            lacks[offer.text] = "it tells no physical addresses"
        else:
            text = _ANYWHERE if offer.text.startswith(_BREAKPOINT) else offer.text
            lacks[offer.text] = _missing(text, machine, physical, opener)
    if all(lacks.values()):
        return Availability(usable=False, missing=lacks[AUTO], mechanisms=lacks)
    return Availability(True, NAMED_ONLY if lacks[AUTO] else AUTO, mechanisms=lacks)


def _missing(text: str, machine: Machine, physical: bool, opener: Opener) -> str:
    """What the event lacks here, "" if nothing."""
    try:
        for event in resolve_on(machine, text):
            _try(event, physical, opener)
    except (DamonError, OSError) as error:
        return str(error).removeprefix(f"event {text!r}: ")
    return ""


def _try(event: PmuEvent, physical: bool, opener: Opener) -> None:
    layout = layout_of(event, physical=physical)
    cpus = online_cpus()
    if event.cpus is not None:
        cpus &= event.cpus
    try:
        find_opening(layout, cpus, opener=opener)
    except PerfError as error:
        if physical or not is_denied(error):
            raise
        find_opening(layout.of_user_mode(), cpus, pid=0, opener=opener)
