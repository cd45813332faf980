"""Two primitives that note every call, hosted and run as the engine runs them."""

from __future__ import annotations

from collections.abc import Callable

from damon_core.host import PrimitiveChoice, PrimitiveHost
from damon_core.model import Intervals, Ops
from damon_core.primitive import PrimitiveContext

# Notes each call in CALLS; FAULTS maps (primitive, hook) to what the hook is to do.
NOTING = """
from damon_core import Availability, Provides, hookimpl

CALLS = []
FAULTS = {}

def note(self, hook):
    CALLS.append(f"{type(self).__name__}.{hook}")
    fault = FAULTS.get((type(self).__name__, hook))
    return fault() if fault else None

class First:
    ops = frozenset({"vaddr"})
    provides = Provides()

    @classmethod
    def probe(cls, ops):
        CALLS.append(f"{cls.__name__}.probe")
        return Availability(True, mechanism="eyes")

    @hookimpl
    def damon_init(self, ctx):
        return note(self, "init")

    @hookimpl
    def damon_update_targets(self, ctx):
        return note(self, "update_targets")

    @hookimpl
    def damon_prepare_access_checks(self, ctx):
        return note(self, "prepare")

    @hookimpl
    def damon_check_accesses(self, ctx, reports):
        return note(self, "check")

    @hookimpl
    def damon_cleanup(self, ctx):
        return note(self, "cleanup")

class Second(First):
    pass
"""


class Run:
    """Two noting primitives, hosted; ``calls`` and ``faults`` are those of their module."""

    def __init__(self, *names: str) -> None:
        import noting  # type: ignore[import-not-found]  # written by the fixture

        noting.CALLS.clear()
        noting.FAULTS.clear()
        self.calls: list[str] = noting.CALLS
        self.faults: dict[tuple[str, str], Callable[[], object]] = noting.FAULTS
        self.told: list[str] = []
        self.host = PrimitiveHost([PrimitiveChoice(name) for name in names], Ops.VADDR)
        self.ctxs = [
            PrimitiveContext(name, Ops.VADDR, Intervals(), 4096, None, tell=self.told.append)
            for name in names
        ]

    def whole(self, nr_ticks: int = 1) -> None:
        """What the engine does, in its order."""
        try:
            self.host.init(self.ctxs)
            self.host.update_targets()
            for _ in range(nr_ticks):
                self.host.prepare()
                self.host.check()
        finally:
            self.host.cleanup()
