"""The primitive ``perf_pmu``: accesses to memory, as perf events sample them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from damon_core import Availability, Provides, hookimpl
from damon_core.errors import ConfigError, PrimitiveError
from damon_core.model import Ops

from .events import resolve_on
from .live_sampling import LiveSampling
from .machine import Machine
from .options import Options as _Options
from .probe import probe_events

if TYPE_CHECKING:
    from damon_core.primitive import PrimitiveContext
    from damon_core.reports import SourceReports

    from .pmu_event import PmuEvent

_DISTURBS = "each sample costs the accessing program a microsecond or so (breakpoints 12 us)"


class PerfPmu:
    """Single accesses, with address, direction, thread and processor; most are not sampled."""

    ops = frozenset({Ops.VADDR, Ops.FVADDR, Ops.PADDR})
    provides = Provides(granularity="event", write=True, cpu=True, tid=True, disturbs=_DISTURBS)
    Options = _Options

    @classmethod
    def probe(cls, ops: Ops) -> Availability:
        """Which events of this machine tell addresses, and open."""
        return probe_events(ops, Machine())

    def __init__(self, options: _Options | None = None, machine: Machine | None = None) -> None:
        self._options = options or _Options()
        self._machine = machine or Machine()
        self._sampling: LiveSampling | None = None
        # What is written wrong is wrong on every machine; what this one lacks is said at the start.
        try:
            self._resolve()
        except ConfigError:
            raise
        except PrimitiveError:
            pass

    def _resolve(self) -> tuple[PmuEvent, ...]:
        return resolve_on(self._machine, self._options.events)

    @property
    def _started(self) -> LiveSampling:
        if self._sampling is None:
            raise PrimitiveError("perf_pmu: a hook was called before damon_init")
        return self._sampling

    @hookimpl
    def damon_init(self, ctx: PrimitiveContext) -> None:
        self._sampling = LiveSampling(self._resolve(), self._options, self._machine)
        self._sampling.open(ctx)
        self.provides = self._sampling.provides
        ctx.mechanism = self._sampling.mechanism

    @hookimpl
    def damon_update_targets(self, ctx: PrimitiveContext) -> None:
        self._started.update(ctx)

    @hookimpl
    def damon_prepare_access_checks(self, ctx: PrimitiveContext) -> None:
        self._started.begin(ctx)

    @hookimpl
    def damon_check_accesses(self, ctx: PrimitiveContext, reports: SourceReports) -> None:
        self._started.drain(ctx, reports)

    @hookimpl
    def damon_cleanup(self, ctx: PrimitiveContext) -> None:
        if self._sampling is not None:
            self._sampling.close()
