"""The mechanism ``hint_faults``: pages that the kernel lets fault for its NUMA balancing."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from attrs import evolve

from damon_core.cpus import online_cpus
from damon_core.errors import PrimitiveError
from damon_core.model import Ops
from damon_core.passing import Passing
from damon_core.primitive import Provides

from .fault_options import FaultEvent
from .fault_sampling import FaultSampling
from .frames import FrameLookup
from .numa_balancing import NumaBalancing
from .page_count import PageCount
from .sampling_probe import missing_for

if TYPE_CHECKING:
    from damon_core.primitive import PrimitiveContext
    from damon_core.reports import SourceReports
    from damon_core.target import Target

    from .options import Options

NOT_ON = (
    "hint_faults needs kernel.numa_balancing, and it is off: it is a switch of the whole machine, "
    "so say enable_numa_balancing: true to have it on while monitoring, or set the sysctl to 1"
)
BURST_BYTES = 64 << 20
"""What all rings together may take from the beginning."""
LIMITS = (
    "hint_faults samples: the kernel makes each page fault once in a scan of some seconds, and "
    "scans less often once accesses are settled; compare pages_seen with pages_resident"
)


class HintFaults:
    """Reads and writes, with thread and CPU, of any process that the kernel balances."""

    name: ClassVar[str] = "hint_faults"

    @classmethod
    def probe(cls, ops: Ops, pid: int | None = None) -> str:
        """Open the events on one processor; look whether the switch is there."""
        switch = NumaBalancing()
        if not switch.is_there:
            return "the kernel has no NUMA balancing: it needs CONFIG_NUMA_BALANCING=y"
        if lack := missing_for(_event(FaultEvent.AUTO, ops), ops, pid):
            return lack
        if not switch.is_on and not switch.may_be_switched:
            return "kernel.numa_balancing is off and may not be switched on: run as root"
        return ""

    def __init__(self, options: Options, switch: NumaBalancing | None = None) -> None:
        self.provides = Provides(granularity="event", write=True, cpu=True, tid=True)
        self._options = options
        self._switch = switch or NumaBalancing()
        self._sampling: FaultSampling | None = None
        self._frames: FrameLookup | None = None
        self._pages: PageCount | None = None
        self._alone: set[Target] = set()
        self._is_told_off = False

    def init(self, ctx: PrimitiveContext) -> None:
        """Open the events, then have the kernel let pages fault; PrimitiveError if it may not."""
        if not self._switch.is_on and not self._options.enable_numa_balancing:
            raise PrimitiveError(NOT_ON)
        event = _event(self._options.fault_event, ctx.ops)
        self._sampling = FaultSampling(_for_bursts(self._options), ctx.ops, event)
        self._sampling.open(ctx)
        self._pages = PageCount(ctx.page_size)
        if self._sampling.source.needs_frames:
            self._frames = FrameLookup(ctx.page_size)
        if self._options.enable_numa_balancing:
            self._switch.hold()
        self.provides = Provides(
            granularity="event",
            write=self._sampling.source.knows_direction,
            cpu=True,
            tid=True,
            disturbs="has the kernel let pages of all processes fault and, on machines with "
            "several NUMA nodes, move them and threads between nodes",
        )
        ctx.tell(LIMITS)

    def update_targets(self, ctx: PrimitiveContext) -> None:
        """Follow the targets, and say of which nothing will be seen."""
        self._opened.update(ctx)
        if not self._switch.is_on and not self._is_told_off:
            self._is_told_off = True
            ctx.tell("somebody has switched kernel.numa_balancing off: nothing is seen any more")
        self._tell_alone(ctx)
        resident = sum(target.rss() or 0 for target in ctx.targets)
        if resident:
            ctx.counters["pages_resident"] = resident // ctx.page_size

    def prepare(self, ctx: PrimitiveContext) -> None:
        self._opened.begin(ctx)

    def check(self, ctx: PrimitiveContext, reports: SourceReports) -> None:
        """Report the faults of the interval."""
        assert self._pages is not None, "init opens it"
        steps = [self._pages.add]
        if self._frames is not None:
            steps.append(self._frames.find)
        slots = Passing(reports, *steps)
        self._opened.drain(ctx, slots)
        ctx.counters["pages_seen"] = len(self._pages)
        if self._frames is not None:
            ctx.count("no_physical_address", slots.nr_dropped)

    def cleanup(self) -> None:
        """Turn the switch back if it was ours to turn, and close the events."""
        try:
            self._switch.release()
        finally:
            if self._sampling is not None:
                self._sampling.close()
            if self._frames is not None:
                self._frames.close()

    @property
    def _opened(self) -> FaultSampling:
        if self._sampling is None:
            raise PrimitiveError("hint_faults: used before init")
        return self._sampling

    def _tell_alone(self, ctx: PrimitiveContext) -> None:
        """Private pages of a process with one thread do not fault on the node where it runs."""
        alone = {target for target in ctx.targets if target.pid and _nr_threads(target) == 1}
        for target in alone - self._alone:
            ctx.tell(
                f"process {target.pid} ({target.comm}) has a single thread: of its private memory "
                "on the NUMA node where it runs nothing is seen"
            )
        self._alone = alone
        ctx.counters["single_threaded_targets"] = len(alone)


def _event(event: FaultEvent, ops: Ops) -> FaultEvent:
    """Also of physical memory the one that tells reads from writes: that is what this is for."""
    if event is FaultEvent.AUTO and ops is Ops.PADDR:
        return FaultEvent.TRACEPOINT
    return event


def _for_bursts(options: Options) -> Options:
    """Larger rings, where processors are few: a scan lets 256 MiB of pages fault at once."""
    share = 1 << (BURST_BYTES // len(online_cpus())).bit_length() - 1
    return evolve(options, ring_size=max(options.ring_size, min(options.max_ring_size, share)))


def _nr_threads(target: Target) -> int:
    with suppress(OSError):  # it has ended
        return len(os.listdir(f"/proc/{target.pid}/task"))
    return 0
