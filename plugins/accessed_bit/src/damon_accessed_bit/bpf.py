"""The mechanism ``bpf``: clears accessed bits through clear_refs, reads page tables with BPF."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

from damon_core.errors import PrimitiveError
from damon_core.model import Ops
from damon_core.primitive import Provides

from . import clearing, walker
from .machine import Machine
from .processes import Processes
from .tlb import TlbFlush
from .walker import Walker

if TYPE_CHECKING:
    from damon_core.primitive import PrimitiveContext
    from damon_core.reports import SourceReports

    from .options import Options

DISTURBS = "clears the accessed bits that reclaim also reads"


class Memory(Protocol):
    """What is monitored: some processes, or all of the machine's page frames."""

    def update(self, ctx: PrimitiveContext) -> None: ...

    def clear(self, ctx: PrimitiveContext) -> None: ...

    def report(self, ctx: PrimitiveContext, reports: SourceReports) -> None: ...

    def close(self) -> None: ...


class PageTableWalk:
    """Every page, in each sampling interval, exactly."""

    name: ClassVar[str] = "bpf"

    @classmethod
    def probe(cls, ops: Ops, pid: int | None = None) -> str:
        """Load the programs and find the direct map; open the process's clear_refs."""
        return walker.missing() or clearing.missing(pid)

    def __init__(self, options: Options) -> None:
        self._flush = options.flush
        self.provides = Provides(granularity="page", disturbs=DISTURBS, clears=True)
        self._walker: Walker | None = None
        self._memory: Memory | None = None
        self._tlb: TlbFlush | None = None
        self._nr_failed = 0

    def init(self, ctx: PrimitiveContext) -> None:
        """Load the programs."""
        self._tlb = TlbFlush(self._flush, ctx)
        self.provides = Provides(
            granularity="page", disturbs=DISTURBS + self._tlb.disturbs, clears=True
        )
        self._walker = Walker()
        memory = Machine if ctx.ops is Ops.PADDR else Processes
        self._memory = memory(self._walker, self._tlb.writes)

    def update_targets(self, ctx: PrimitiveContext) -> None:
        """Open what is new, close what has gone."""
        self._monitored.update(ctx)

    def prepare(self, ctx: PrimitiveContext) -> None:
        """Clear the accessed bits of the targets, or of all processes."""
        self._monitored.clear(ctx)
        if self._tlb is not None:
            self._tlb.after_clear()

    def check(self, ctx: PrimitiveContext, reports: SourceReports) -> None:
        """Hand over the bitmaps of what was accessed since."""
        self._monitored.report(ctx, reports)
        if self._walker is not None and self._walker.nr_failed > self._nr_failed:
            ctx.count("tables_changed", self._walker.nr_failed - self._nr_failed)
            self._nr_failed = self._walker.nr_failed

    def cleanup(self) -> None:
        """Close and unload."""
        if self._memory is not None:
            self._memory.close()
            self._memory = None
        if self._walker is not None:
            self._walker.close()
            self._walker = None
        if self._tlb is not None:
            self._tlb.close()
            self._tlb = None

    @property
    def _monitored(self) -> Memory:
        if self._memory is None:
            raise PrimitiveError("bpf: used before init or after cleanup")
        return self._memory
