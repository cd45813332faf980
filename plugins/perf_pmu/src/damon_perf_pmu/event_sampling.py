"""One event of a context, sampled live: opened as well as it can be, counted, and watched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from damon_core.cpus import online_cpus
from damon_core.errors import PrimitiveError
from damon_core.model import Ops
from damon_core.perf_attr import AttrFlag
from damon_core.perf_event import Opener, PerfEvent
from damon_core.perf_sampling import PerfSampling, PerfTotals
from damon_core.perf_targets import Scope, TargetSampling

from .ladder import find_opening
from .layout import layout_of
from .options import Options
from .tally import Tally

if TYPE_CHECKING:
    from damon_core.perf_ring import Slots
    from damon_core.primitive import PrimitiveContext

    from .pmu_event import PmuEvent

MAX_UNADDRESSED = 1000
"""So many samples without address, and none with, and an event is of no use."""

_MAX_PERIOD = 1 << 62
_MAX_SILENT = 64  # periods
_MAX_WAITING_NS = 5_000_000_000
_ALL, _OURS = -1, 0


class EventSampling:
    """``layout`` is what was asked, and then what was opened; ``steps`` says what is other.

    ``unable``: processors that cannot count the event.
    """

    def __init__(
        self,
        event: PmuEvent,
        options: Options,
        ops: Ops,
        *,
        physical: bool,
        opener: Opener = PerfEvent,
    ) -> None:
        self.event = event
        self.is_physical = physical
        self.layout = layout_of(event, physical=physical, keep_prefetches=options.keep_prefetches)
        self.steps: tuple[str, ...] = ()
        self.unable: frozenset[int] = frozenset()
        self._options = options
        self._opener = opener
        self._targets = TargetSampling(self._make, options.scope, ops)
        self._asked = self.layout.attr.sample_period
        self._tally = Tally(physical, is_of_machine=False)

    @property
    def is_of_machine(self) -> bool:
        """Whether the accesses of all processes are sampled."""
        return self._targets.is_of_machine

    @property
    def is_of_user_mode(self) -> bool:
        """Whether what the kernel accesses on behalf of the targets is not sampled."""
        return self._targets.is_of_user_mode

    def open(self, ctx: PrimitiveContext) -> None:
        """Open the event everywhere; PerfError says what is not permitted or not there."""
        self._targets.open(ctx)
        self.unable |= self._targets.sampling.unable
        self._tally.is_of_machine = self.is_of_machine

    def update(self, ctx: PrimitiveContext) -> None:
        """Follow the targets, and the processors that come and go."""
        self._targets.update(ctx)

    def begin(self, ctx: PrimitiveContext) -> None:
        """Let the event begin, and find the threads that are new."""
        self._targets.begin(ctx)

    def drain(self, ctx: PrimitiveContext, slots: Slots) -> int:
        """Report all samples since the last time; how many there were, with those lost.

        PrimitiveError once it is clear that the event is of no use, or has broken down.
        """
        self._targets.drain(ctx, slots)
        totals = self._targets.sampling.totals
        nr = self._tally.add(ctx, totals)
        self._check(totals)
        return nr

    def close(self) -> None:
        """Close all; harmless a second time."""
        self._targets.close()

    @property
    def max_scale(self) -> int:
        """How many times rarer it may be sampled than was asked."""
        if self._is_by_frequency:
            return self._asked
        return max(1, (self._options.max_period or _MAX_PERIOD) // self._asked)

    def rescale(self, scale: int) -> bool:
        """Sample so many times rarer than was asked; whether that changes anything; PerfError."""
        scale = min(scale, self.max_scale)
        period = self._asked // scale if self._is_by_frequency else self._asked * scale
        if period == self.layout.attr.sample_period:
            return False
        self._targets.sampling.set_period(period)
        self.layout = self.layout.sampled_at(period)
        return True

    @property
    def pace(self) -> str:
        """How often it is sampled now."""
        period = self.layout.attr.sample_period
        return f"{period} times a second" if self._is_by_frequency else f"period {period}"

    @property
    def _is_by_frequency(self) -> bool:
        return AttrFlag.FREQ in self.layout.attr.flags

    def _make(self, scope: Scope, of_user_mode: bool) -> PerfSampling:
        cpus, event = online_cpus(), self.event
        if event.cpus is not None:
            cpus &= event.cpus
        asked = self.layout.of_user_mode() if of_user_mode else self.layout
        pid = _ALL if scope is Scope.MACHINE else _OURS
        found = find_opening(asked, cpus, pid=pid, opener=self._opener)
        self.layout, self.steps, self.unable = found.layout, found.steps, found.unable
        return PerfSampling(
            [found.layout.attr],
            found.layout.decoding,
            ring_size=self._options.ring_size,
            max_ring_size=self._options.max_ring_size,
            leader=found.layout.leader,
            cpus=event.cpus,
            opener=self._opener,
        )

    def _check(self, totals: PerfTotals) -> None:
        """PrimitiveError for samples without addresses, and for a counter without samples."""
        counts = totals.counts
        nr = counts.samples - counts.other_process
        if nr >= MAX_UNADDRESSED and counts.no_address + counts.no_access == nr:
            what = "a physical address" if self.is_physical else "an address"
            raise PrimitiveError(f"event {self.event.name}: none of {nr} samples has {what}")
        if self.is_of_machine and not totals.running_ns and totals.enabled_ns > self._waiting_ns:
            raise PrimitiveError(
                f"event {self.event.name} never got a counter: somebody else has it (perf, another "
                "monitor, the NMI watchdog); of AMD's IBS a processor has one"
            )
        if not counts.samples and not totals.nr_lost and totals.nr_events > self._silent_for:
            raise PrimitiveError(
                f"event {self.event.name} was counted {totals.nr_events} times, and not sampled "
                "once: its PMU gives no interrupts (a virtual machine?)"
            )

    @property
    def _waiting_ns(self) -> int:
        """So long may the events of all processors together have waited for their counters."""
        return _MAX_WAITING_NS * self._targets.sampling.nr_opened

    @property
    def _silent_for(self) -> float:
        """So many events may pass without a sample: each processor and thread counts its own."""
        if self._is_by_frequency:
            return float("inf")
        return _MAX_SILENT * self.layout.attr.sample_period * self._targets.sampling.nr_opened
