"""All events of a context: refused at the door, sampled live, kept within the CPU quota."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from damon_core.errors import PrimitiveError
from damon_core.model import Ops
from damon_core.passing import Passing
from damon_core.perf_attr import PerfType
from damon_core.perf_event import Opener, PerfEvent
from damon_core.primitive import Provides

from .budget import Budget, kernel_ns
from .capability import require_addresses
from .event_sampling import EventSampling
from .frame_search import FrameSearch
from .layout import layout_of
from .options import Addresses, Options, SelfTest
from .self_test import self_test
from .shown import Outcome

if TYPE_CHECKING:
    from damon_core.primitive import PrimitiveContext
    from damon_core.reports import SourceReports

    from .machine import Machine
    from .pmu_event import PmuEvent


class LiveSampling:
    """Samples ``events`` from :meth:`begin` on, once it is opened.

    ``opener``, ``now_ns`` and ``cpu_ns`` stand for the kernel and its clocks in tests.
    """

    def __init__(
        self,
        events: Sequence[PmuEvent],
        options: Options,
        machine: Machine,
        *,
        opener: Opener = PerfEvent,
        now_ns: Callable[[], int] = time.monotonic_ns,
        cpu_ns: Callable[[], int] = time.thread_time_ns,
    ) -> None:
        self._events = events
        self._options = options
        self._machine = machine
        self._opener = opener
        self._now_ns, self._cpu_ns = now_ns, cpu_ns
        self._samplings: list[EventSampling] = []
        self._frames: FrameSearch | None = None
        self._passing: Passing | None = None
        self._nr_unmatched = 0
        self._budget = Budget()
        self._told: set[str] = set()
        self._is_told_dear = False

    @property
    def mechanism(self) -> str:
        """The events that are sampled."""
        return ", ".join(one.event.name for one in self._samplings)

    @property
    def provides(self) -> Provides:
        """What the reports can tell, and whom it disturbs."""
        whose = (
            "of all processes"
            if any(one.is_of_machine for one in self._samplings)
            else ("of the targets")
        )
        cost_ns = max(kernel_ns(one.layout) for one in self._samplings)
        return Provides(
            granularity="event",
            write=any(one.layout.tells_direction for one in self._samplings),
            cpu=True,
            tid=True,
            disturbs=f"each sample {whose} takes about {cost_ns / 1000:g} us",
        )

    def open(self, ctx: PrimitiveContext) -> None:
        """Open all events; PrimitiveError if one cannot be of use here, or none opens."""
        physical = ctx.ops is Ops.PADDR or self._options.addresses is Addresses.PHYSICAL
        require_addresses(self._events, self._machine, physical=physical, force=self._options.force)
        failures = []
        for event in self._events:
            try:
                self._open(event, ctx, physical)
            except PrimitiveError as error:
                failures.append(str(error))
        if not self._samplings:
            raise PrimitiveError("; ".join(failures))
        for failure in failures:
            ctx.count("events_not_opened")
            ctx.tell(f"{failure}; the other events are sampled")
        self._budget = Budget(max_scale=max(one.max_scale for one in self._samplings))
        if any(one.is_physical for one in self._samplings) and ctx.ops is not Ops.PADDR:
            self._frames = FrameSearch(ctx.page_size)
            self._passing = Passing(ctx.reports, self._frames.find)

    def update(self, ctx: PrimitiveContext) -> None:
        """Follow the targets, and the processors that come and go."""
        for sampling in self._samplings:
            sampling.update(ctx)
        if self._frames is not None:
            self._frames.update(ctx.targets)
            if self._frames.nr_beyond:
                self._tell_once(
                    ctx,
                    "the targets have so much memory that not all of it is looked through: "
                    f"{self._frames.nr_beyond} pages, there or not, have no virtual address",
                )

    def begin(self, ctx: PrimitiveContext) -> None:
        """Let the events begin, and find the threads that are new."""
        for sampling in self._samplings:
            sampling.begin(ctx)

    def drain(self, ctx: PrimitiveContext, reports: SourceReports) -> None:
        """Report all samples since the last time; PrimitiveError once an event shows no use."""
        before_ns = self._cpu_ns()
        nr_samples = spent_ns = 0
        for sampling in self._samplings:
            through = self._passing if sampling.is_physical else None
            nr = sampling.drain(ctx, through or reports)
            nr_samples += nr
            spent_ns += nr * kernel_ns(sampling.layout)
        if self._passing is not None:
            ctx.count("no_virtual_address", self._passing.nr_dropped - self._nr_unmatched)
            self._nr_unmatched = self._passing.nr_dropped
        drain_ns = self._cpu_ns() - before_ns
        # Longer intervals find more samples, not fewer: periods keep the quota, not the pace.
        ctx.charge(spent_ns, paced=False)
        if self._budget.observe(self._now_ns(), drain_ns, nr_samples, spent_ns, ctx.cpu_quota):
            self._rescale(ctx)

    def close(self) -> None:
        """Close all; harmless a second time."""
        for sampling in self._samplings:
            sampling.close()

    def _open(self, event: PmuEvent, ctx: PrimitiveContext, physical: bool) -> None:
        if self._is_tested(event):
            physical = self._tested(event, ctx, physical)
        sampling = EventSampling(
            event, self._options, ctx.ops, physical=physical, opener=self._opener
        )
        self._samplings.append(sampling)
        try:
            sampling.open(ctx)
        except BaseException:
            self._samplings.remove(sampling)
            sampling.close()
            raise
        self._tell_opened(sampling, ctx)

    def _is_tested(self, event: PmuEvent) -> bool:
        wanted = self._options.self_test
        if wanted is SelfTest.AUTO:
            return not event.is_kernel_made
        return wanted is SelfTest.YES and event.type != PerfType.BREAKPOINT

    def _tested(self, event: PmuEvent, ctx: PrimitiveContext, physical: bool) -> bool:
        """Whether physical addresses are used, after a test; PrimitiveError if it shows no use."""
        shown = self_test(layout_of(event, physical=physical), self._opener)
        may_translate = self._options.addresses is Addresses.AUTO and not physical
        if shown.outcome is Outcome.NO_ADDRESS and may_translate:
            other = self_test(layout_of(event, physical=True), self._opener)
            if other.outcome is Outcome.PASSED:
                ctx.tell(
                    f"{event.name} tells physical addresses only: virtual ones are looked up in "
                    "the page maps of the targets"
                )
                return True
        if shown.is_refusal:
            raise PrimitiveError(f"event {event.text!r} fails its self-test: {shown}")
        if shown.outcome is not Outcome.PASSED:
            ctx.count("events_not_shown")
            ctx.tell(f"{event.name}: {shown}; it is sampled all the same")
        return physical

    def _tell_opened(self, sampling: EventSampling, ctx: PrimitiveContext) -> None:
        facts = [*sampling.event.notes, *sampling.steps]
        if sampling.unable:
            cpus = ", ".join(map(str, sorted(sampling.unable)))
            facts.append(f"processors that cannot count it, and are not sampled: {cpus}")
        for fact in facts:
            ctx.tell(f"{sampling.event.name}: {fact}")
        if sampling.is_of_user_mode:
            self._tell_once(
                ctx,
                "only accesses in user mode are sampled: for all run as root or with CAP_PERFMON",
            )

    def _rescale(self, ctx: PrimitiveContext) -> None:
        """Sample as rarely as the quota asks for now."""
        scale = self._budget.scale
        changed = [one for one in self._samplings if one.rescale(scale)]
        is_rarer = self._budget.is_rarer
        if changed:
            ctx.count("periods_lengthened" if is_rarer else "periods_shortened")
        if is_rarer:
            self._tell_dear(ctx)

    def _tell_dear(self, ctx: PrimitiveContext) -> None:
        if self._is_told_dear:
            return
        self._is_told_dear = True
        of_all = ctx.ops is not Ops.PADDR and any(one.is_of_machine for one in self._samplings)
        paces = ", ".join(f"{one.event.name} {one.pace}" for one in self._samplings)
        ctx.tell(
            f"samples cost {self._budget.share * 100:.3g} % of a CPU and {ctx.cpu_quota * 100:g} % "
            f"are for this primitive: events are sampled more rarely from now on ({paces}), and "
            "as often as asked when that is possible again; to change this raise cpu_quota"
            f"{', or ask for scope: threads' if of_all else ''}"
        )

    def _tell_once(self, ctx: PrimitiveContext, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            ctx.tell(text)
