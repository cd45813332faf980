"""The mechanism ``first_touch``: page faults that happen anyway, as they happen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from damon_core.errors import PrimitiveError
from damon_core.model import Ops
from damon_core.passing import Passing
from damon_core.primitive import Provides

from .fault_options import FaultEvent
from .fault_sampling import FaultSampling
from .frames import FrameLookup
from .sampling_probe import missing_for

if TYPE_CHECKING:
    from damon_core.primitive import PrimitiveContext
    from damon_core.reports import SourceReports

    from .options import Options


class FirstTouch:
    """Where memory grows, is copied on write, comes back from disk: nothing is made to fault."""

    name: ClassVar[str] = "first_touch"

    @classmethod
    def probe(cls, ops: Ops, pid: int | None = None) -> str:
        """Open the events on one processor, and close them again."""
        return missing_for(FaultEvent.AUTO, ops, pid)

    def __init__(self, options: Options) -> None:
        self.provides = Provides(granularity="event", cpu=True, tid=True)
        self._options = options
        self._sampling: FaultSampling | None = None
        self._frames: FrameLookup | None = None

    def init(self, ctx: PrimitiveContext) -> None:
        """Open the events of all targets; they begin with the first sampling interval."""
        self._sampling = FaultSampling(self._options, ctx.ops, self._options.fault_event)
        self._sampling.open(ctx)
        source = self._sampling.source
        if source.needs_frames:
            self._frames = FrameLookup(ctx.page_size)
        self.provides = Provides(
            granularity="event",
            write=source.knows_direction,
            cpu=True,
            tid=True,
            disturbs="each page fault takes about a microsecond longer "
            f"(of {'all processes' if self._sampling.is_of_machine else 'the targets'})",
        )

    def update_targets(self, ctx: PrimitiveContext) -> None:
        self._opened.update(ctx)

    def prepare(self, ctx: PrimitiveContext) -> None:
        self._opened.begin(ctx)

    def check(self, ctx: PrimitiveContext, reports: SourceReports) -> None:
        """Report the faults of the interval."""
        if self._frames is None:
            self._opened.drain(ctx, reports)
            return
        slots = Passing(reports, self._frames.find)
        self._opened.drain(ctx, slots)
        ctx.count("no_physical_address", slots.nr_dropped)

    def cleanup(self) -> None:
        """Close the events; nothing stays."""
        if self._sampling is not None:
            self._sampling.close()
        if self._frames is not None:
            self._frames.close()

    @property
    def _opened(self) -> FaultSampling:
        if self._sampling is None:
            raise PrimitiveError("first_touch: used before init")
        return self._sampling
