"""The primitive ``accessed_bit``: hands its hooks to the mechanism that works here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from damon_core import Availability, Provides
from damon_core.mechanism import MechanismPrimitive
from damon_core.model import Ops

from ._native import lib
from .bpf import DISTURBS
from .options import Options as _Options
from .probe import choose, probe_all

if TYPE_CHECKING:
    from damon_core.mechanism import Mechanism
    from damon_core.primitive import PrimitiveContext


class AccessedBit(MechanismPrimitive):
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

    def choose_mechanism(self, ctx: PrimitiveContext) -> Mechanism:
        return choose(self._options, ctx.ops, ctx.targets)
