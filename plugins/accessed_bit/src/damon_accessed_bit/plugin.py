"""The primitive ``accessed_bit``: hands its hooks to the mechanism that works here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from damon_core import Availability, Provides, hookimpl
from damon_core.errors import PrimitiveError
from damon_core.model import Ops

from ._native import lib
from .bpf import DISTURBS
from .mechanism import Options as _Options
from .probe import choose, probe_all

if TYPE_CHECKING:
    from damon_core.primitive import PrimitiveContext
    from damon_core.reports import SourceReports

    from .mechanism import Mechanism


class AccessedBit:
    """Which pages have page-table entries that the processor marked as accessed."""

    ops = frozenset({Ops.VADDR, Ops.FVADDR, Ops.PADDR})
    provides = Provides(granularity="page", disturbs=DISTURBS, clears=True)
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
            raise PrimitiveError("accessed_bit: a hook was called before damon_init")
        return self._mechanism

    @hookimpl
    def damon_init(self, ctx: PrimitiveContext) -> None:
        pids = [target.pid for target in ctx.targets]
        mechanism = choose(self._options, ctx.ops, pids)
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
