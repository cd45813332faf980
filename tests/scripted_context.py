"""A monitor over a real process, with scripted accesses and a clock in the test's hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from attrs import define, evolve, field

from damon_core.access import REPORT_DTYPE, ReportFlag
from damon_core.clock import ManualClock
from damon_core.engine import Monitor
from damon_core.model import AddrRange, Intervals, Ops
from damon_core.primitive import Primitives
from damon_core.snapshot import Snapshot
from damon_core.spec import ContextSpec
from damon_core.target import Target
from damon_core.vaddr import FixedVaddr

PAGE = 4096
RANGE = AddrRange(0x100000, 0x100000 + 256 * PAGE)
SPEC = ContextSpec(
    ops=Ops.FVADDR, intervals=Intervals(5_000, 100_000, 1_000_000), ranges=(RANGE,), seed=7
)


def touch(pid: int, *addrs: int, flags: int = 0, size: int = 1, time_ns: int = 0) -> np.ndarray:
    """One report per address."""
    rows = np.zeros(len(addrs), REPORT_DTYPE)
    rows["vaddr"], rows["size"], rows["pid"], rows["time_ns"] = addrs, size, pid, time_ns
    rows["flags"] = ReportFlag.HAS_VADDR | flags
    return rows


class GivenTargets:
    """Hands out its targets batch by batch, one batch a poll."""

    def __init__(self, *batches: Sequence[Target]) -> None:
        self.batches = list(batches)
        self.opened: list[Target] = []
        self.closed = self.released = False

    def poll(self) -> Sequence[Target]:
        batch = self.batches.pop(0) if self.batches else ()
        self.opened += batch
        return batch

    def release(self) -> None:
        self.released = True

    def close(self) -> None:
        self.closed = True
        for target in self.opened:
            target.close()


@define
class Scripted:
    """A monitor, what it was made of, and the snapshots it gave."""

    monitor: Monitor
    clock: ManualClock
    source: GivenTargets
    snapshots: list[Snapshot] = field(factory=list)


def scripted(
    primitives: Primitives,
    *batches: Sequence[Target],
    spec: ContextSpec = SPEC,
    clock: ManualClock | None = None,
    **changes: object,
) -> Scripted:
    """A monitor over ``batches`` of targets, ready to run."""
    snapshots: list[Snapshot] = []
    clock, source = clock or ManualClock(), GivenTargets(*batches)
    spec = evolve(spec, **changes)  # type: ignore[arg-type]
    monitor = Monitor(
        spec, source, primitives, snapshots.append, space=FixedVaddr(spec.ranges), clock=clock
    )
    return Scripted(monitor, clock, source, snapshots)
