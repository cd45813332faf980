"""The primitive ``page_fault``: hands its hooks to the mechanism that fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from damon_core import Availability, Provides, hookimpl
from damon_core.errors import PrimitiveError
from damon_core.model import Ops

from ._native import lib
from .mechanism import Options as _Options
from .numa_balancing import NumaBalancing, tell_repaired
from .probe import choose, probe_all

if TYPE_CHECKING:
    from damon_core.primitive import PrimitiveContext
    from damon_core.reports import SourceReports

    from .mechanism import Mechanism


class PageFault:
    """Accesses that the processor reported to the kernel, as faults."""

    ops = frozenset({Ops.VADDR, Ops.FVADDR, Ops.PADDR})
    provides = Provides(
        granularity="page",
        write=True,
        disturbs="wp_async: a fault at the first write to a page in an interval, which splits huge "
        "pages; rwp: at the first access; both: with `inject: yes` one thread is stopped once; "
        "hint_faults: NUMA balancing of the whole machine, with `enable_numa_balancing: yes`; "
        "first_touch: slower page faults",
    )
    report_abi: int = lib.DAMON_REPORT_ABI
    Options = _Options

    @classmethod
    def probe(cls, ops: Ops) -> Availability:
        """Which mechanisms work here, tried in the order of preference."""
        return probe_all(ops)

    def __init__(self, options: _Options | None = None) -> None:
        self._options = options or _Options()
        self._mechanism: Mechanism | None = None

    @property
    def _chosen(self) -> Mechanism:
        if self._mechanism is None:
            raise PrimitiveError("page_fault: a hook was called before damon_init")
        return self._mechanism

    @hookimpl
    def damon_init(self, ctx: PrimitiveContext) -> None:
        tell_repaired(NumaBalancing(), ctx)
        mechanism = choose(self._options, ctx)
        self._mechanism = mechanism
        mechanism.init(ctx)
        self.provides = mechanism.provides
        ctx.mechanism = mechanism.name

    @hookimpl
    def damon_update_targets(self, ctx: PrimitiveContext) -> None:
        self._chosen.update_targets(ctx)

    @hookimpl
    def damon_prepare_access_checks(self, ctx: PrimitiveContext) -> None:
        self._chosen.prepare(ctx)

    @hookimpl
    def damon_check_accesses(self, ctx: PrimitiveContext, reports: SourceReports) -> None:
        self._chosen.check(ctx, reports)

    @hookimpl
    def damon_cleanup(self, ctx: PrimitiveContext) -> None:
        if self._mechanism is not None:
            self._mechanism.cleanup()
