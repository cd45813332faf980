"""Whether faults can be sampled here: found out by opening the events on one processor."""

from __future__ import annotations

from damon_core.cpus import online_cpus
from damon_core.errors import PrimitiveError
from damon_core.model import Ops
from damon_core.perf_event import PerfEvent

from .fault_options import FaultEvent
from .fault_source import FaultSource, fault_source


def missing_for(event: FaultEvent, ops: Ops, pid: int | None) -> str:
    """What sampling lacks for a process (for ourselves if there is none), "" if nothing."""
    try:
        source = fault_source(event, ops)
        try:
            _try(source, -1)
        except PrimitiveError:
            if ops is Ops.PADDR:
                raise
            _try(source.of_user_mode(), pid or 0)
    except (PrimitiveError, OSError) as error:
        return str(error)
    return ""


def _try(source: FaultSource, pid: int) -> None:
    cpu = min(online_cpus())
    for attr in source.attrs:
        PerfEvent(attr, pid=pid, cpu=cpu).close()
