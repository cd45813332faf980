"""The faults of the targets, sampled by perf on all processors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from damon_core.model import AddrRange, Ops
from damon_core.perf_sampling import PerfSampling
from damon_core.perf_targets import Scope, TargetSampling

from .fault_options import FaultEvent
from .fault_source import FaultSource, fault_source

if TYPE_CHECKING:
    from damon_core.perf_ring import Slots
    from damon_core.primitive import PrimitiveContext
    from damon_core.target import Target

    from .options import Options

MAX_FILTERED = 16  # ranges in a filter: it is evaluated at every fault


class FaultSampling:
    """Samples from :meth:`begin` on, once it is opened; what is lost is counted."""

    def __init__(self, options: Options, ops: Ops, event: FaultEvent) -> None:
        self.source: FaultSource = fault_source(event, ops)
        self._ops = ops
        self._options = options
        self._filter = ""
        self._targets = TargetSampling(self._make, options.scope, ops)
        self._counted = dict.fromkeys(("faults", "kernel_address", "rings_grown"), 0)

    @property
    def is_of_machine(self) -> bool:
        """Whether the faults of all processes are sampled, once it is opened."""
        return self._targets.is_of_machine

    def open(self, ctx: PrimitiveContext) -> None:
        """Open the events; PerfError says what is not permitted."""
        self._filter = self._wanted_filter(ctx.targets)
        self._targets.open(ctx)
        if self._targets.is_of_user_mode:
            ctx.tell(
                "only faults in user mode are sampled: for all run as root or with CAP_PERFMON"
            )

    def update(self, ctx: PrimitiveContext) -> None:
        """Follow the context's targets, and the processors that come and go."""
        self._targets.update(ctx)
        self._targets.sampling.set_filter(self._wanted_filter(ctx.targets), ctx.reports)

    def begin(self, ctx: PrimitiveContext) -> None:
        """Let the events begin, and find the threads that are new."""
        self._targets.begin(ctx)

    def drain(self, ctx: PrimitiveContext, slots: Slots) -> None:
        """Report all faults since the last time."""
        self._targets.drain(ctx, slots)
        totals = self._targets.sampling.totals
        # However long intervals are, each fault is sampled: this does not lengthen them.
        nr_new = totals.nr_events - self._counted["faults"]
        ctx.charge(max(0, nr_new) * self.source.sample_ns, paced=False)
        self._count(ctx, "faults", totals.nr_events)
        self._count(ctx, "kernel_address", totals.counts.kernel)
        self._count(ctx, "rings_grown", totals.nr_grown)

    def close(self) -> None:
        """Close all; harmless a second time."""
        self._targets.close()

    def _make(self, scope: Scope, of_user_mode: bool) -> PerfSampling:
        if of_user_mode:
            self.source = self.source.of_user_mode()
        return PerfSampling(
            self.source.attrs,
            self.source.decoding,
            ring_size=self._options.ring_size,
            max_ring_size=self._options.max_ring_size,
            filter=self._filter,
        )

    def _wanted_filter(self, targets: Sequence[Target]) -> str:
        """What the kernel is to let through: fixed ranges, if there are few of them."""
        ranges = sorted({one for target in targets for one in target.ranges or target.given_ranges})
        if self._ops is not Ops.FVADDR or not self.source.takes_filters:
            return ""
        return range_filter(ranges) if 0 < len(ranges) <= MAX_FILTERED else ""

    def _count(self, ctx: PrimitiveContext, name: str, total: int) -> None:
        ctx.count(name, total - self._counted[name])
        self._counted[name] = total


def range_filter(ranges: Sequence[AddrRange]) -> str:
    """A filter for tracepoints with a field ``address``."""
    return " || ".join(f"(address >= {one.start:#x} && address < {one.end:#x})" for one in ranges)
