"""The primitive ``page_fault``: hands its hooks to the mechanism that fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from damon_core import Availability, Provides
from damon_core.mechanism import MechanismPrimitive
from damon_core.model import Ops

from ._native import lib
from .numa_balancing import NumaBalancing, tell_repaired
from .options import Options as _Options
from .probe import choose, probe_all

if TYPE_CHECKING:
    from damon_core.mechanism import Mechanism
    from damon_core.primitive import PrimitiveContext


class PageFault(MechanismPrimitive):
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

    def choose_mechanism(self, ctx: PrimitiveContext) -> Mechanism:
        tell_repaired(NumaBalancing(), ctx)
        return choose(self._options, ctx)
