"""Primitives for tests: a good one, to be broken in one place, and one that sees and does."""

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

SEEING = """
import os, signal, threading
from damon_core import AccessReport, Provides, hookimpl

class Eyes:
    ops = frozenset({{"vaddr"}})
    provides = Provides()
    nr_ticks = 0

    def __init__(self, options=None):
        pass

    @hookimpl
    def damon_check_accesses(self, ctx, reports):
        self.nr_ticks += 1
        for target in ctx.targets:
            if len(target.sampling_addrs):
                address = int(target.sampling_addrs[0])
                reports.report_access(AccessReport(vaddr=address, pid=target.pid))
        if self.nr_ticks == 30:
            {at_the_30th}
        if self.nr_ticks == 60:
            {at_the_60th}

    @hookimpl
    def damon_cleanup(self, ctx):
        {at_the_end}
"""
"""To be formatted: what is to be done at the 30th and 60th tick, and at the end."""


def host(*names: str, ops: Ops = Ops.VADDR, **options: object) -> PrimitiveHost:
    return PrimitiveHost([PrimitiveChoice(name, options, "my.yaml:7") for name in names], ops)
