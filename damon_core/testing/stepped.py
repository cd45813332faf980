"""A whole monitoring context over one process, in which something is done in each wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ..clock import ManualClock
from ..engine import Monitor
from ..host import PrimitiveChoice, PrimitiveHost
from ..model import AddrRange, Intervals, NrRegions, Ops, SampleFilter
from ..snapshot import Snapshot
from ..spec import ContextSpec
from ..target import Target
from ..vaddr import FixedVaddr
from .given_targets import GivenTargets

Step = Callable[[int], object]
"""Done while the monitor waits; gets the number of the sampling interval, from 0."""

_SAMPLE_US = 1000


class SteppedClock(ManualClock):
    """Each wait lets a step happen instead of time passing."""

    def __init__(self, step: Step) -> None:
        super().__init__(start_ns=time.monotonic_ns())
        self._step = step

    def wait_until(self, deadline_ns: int) -> bool:
        self._step(len(self.deadlines))
        return super().wait_until(deadline_ns)


def monitor_steps(
    primitives: Sequence[PrimitiveChoice],
    pid: int,
    area: AddrRange,
    step: Step,
    *filters: SampleFilter,
    nr_steps: int = 4,
) -> Snapshot:
    """The snapshot of one aggregation interval of ``nr_steps`` sampling intervals over ``area``.

    What ``step`` does lies in exactly one sampling interval, however slow the machine is; nothing
    is lengthened or made rarer for a quota.  Errors are those of the primitives' hooks.
    """
    spec = ContextSpec(
        Ops.FVADDR,
        Intervals(_SAMPLE_US, nr_steps * _SAMPLE_US, 1_000_000),
        cpu_quota=100,
        nr_regions=NrRegions(3, 16),
        filters=filters,
        seed=1,
    )
    snapshots: list[Snapshot] = []
    Monitor(
        spec,
        GivenTargets(Target.open(pid)),
        PrimitiveHost(primitives, spec.ops),
        snapshots.append,
        space=FixedVaddr([area]),
        clock=SteppedClock(step),
    ).run(duration_us=nr_steps * _SAMPLE_US)
    (snapshot,) = snapshots
    return snapshot
