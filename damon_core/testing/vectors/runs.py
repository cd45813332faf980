"""Whole runs of the real monitor on a manual clock, with accesses that a script knows."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np

from ...clock import ManualClock
from ...engine import Monitor
from ...model import AddrRange, Ops
from ...primitive import PrimitiveContext
from ...snapshot import Snapshot
from ...spec import ContextSpec
from ...target import PAGE_SIZE, Target
from ...vaddr import FixedVaddr
from ..given_targets import GivenTargets
from ..scripted import ScriptedPrimitives

# No process has it: limits of the kernel end below.
NO_PID = 2**22 + 1
START = 1 << 30


def monitor(
    nr_primitives: int = 1,
    spec: ContextSpec | None = None,
    primitives: ScriptedPrimitives | None = None,
    on_snapshot: Callable[[Snapshot], None] = lambda snapshot: None,
) -> Monitor:
    """A monitor of fixed ranges of one target, which is no process, on a manual clock."""
    spec = spec or ContextSpec(ops=Ops.FVADDR, ranges=(AddrRange(START, START + 2**20),), seed=1)
    return Monitor(
        spec,
        GivenTargets(Target(pid=NO_PID, comm="scripted")),
        primitives or ScriptedPrimitives(*[[]] * nr_primitives),
        on_snapshot,
        space=FixedVaddr(spec.ranges),
        clock=ManualClock(),
    )


@attrs.frozen
class Areas:
    """Neighbouring areas of equal size, of which each second one is accessed all the time."""

    nr: int
    size: int

    @property
    def range(self) -> AddrRange:
        return AddrRange(START, START + self.nr * self.size)

    def script(self, ctx: PrimitiveContext, tick: int) -> None:
        """Every page of the even areas, in every tick."""
        nr_words = self.size // PAGE_SIZE // 64
        words = np.full(nr_words, 2**64 - 1, np.uint64)
        for area in range(0, self.nr, 2):
            start = START + area * self.size
            ctx.reports.extend_bitmap(ctx.targets[0], start, PAGE_SIZE, words)
