"""A good primitive, to be broken by the tests of the host in one place at a time."""

from __future__ import annotations

from collections.abc import Callable

from damon_core.host import PrimitiveChoice, PrimitiveHost
from damon_core.model import Ops

Install = Callable[..., None]

GOOD = """
from damon_core import Availability, Provides, hookimpl

class Eyes:
    ops = frozenset({"vaddr", "fvaddr"})
    provides = Provides(granularity="page", write=True)

    @hookimpl
    def damon_check_accesses(self, ctx, reports):
        pass
"""


def host(*names: str, ops: Ops = Ops.VADDR, **options: object) -> PrimitiveHost:
    return PrimitiveHost([PrimitiveChoice(name, options, "my.yaml:7") for name in names], ops)
