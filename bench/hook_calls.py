"""What the host adds to a hook: one call through it, and the same method called directly.

One JSON line: nanoseconds of each for a context of one and of three primitives, and their share of
the shortest sampling interval, 5 ms, in which a primitive has two hooks called.
"""

from __future__ import annotations

import json
import timeit
from importlib.metadata import EntryPoint

from damon_core import Provides, hookimpl
from damon_core.catalogue import Declaration
from damon_core.host import PrimitiveChoice, PrimitiveHost
from damon_core.model import Intervals, Ops
from damon_core.primitive import PrimitiveContext

NR_CALLS = 20_000
REPEAT = 7
SAMPLE_NS = 5_000_000


class Idle:
    """A primitive that does nothing."""

    ops = frozenset({Ops.VADDR})
    provides = Provides()

    @hookimpl
    def damon_prepare_access_checks(self, ctx: PrimitiveContext) -> None:
        pass

    @hookimpl
    def damon_check_accesses(self, ctx: PrimitiveContext) -> None:
        pass


def find(name: str) -> tuple[Declaration, object]:
    entry_point = EntryPoint(name, "hook_calls:Idle", "damon.primitives")
    return Declaration(name, entry_point, "bench", "0"), Idle


def best_ns(call: object) -> float:
    return min(timeit.repeat(call, number=NR_CALLS, repeat=REPEAT)) / NR_CALLS * 1e9


def main() -> None:
    idle = Idle()
    direct_ns = best_ns(lambda: idle.damon_check_accesses(None))
    for nr_primitives in (1, 3):
        names = [f"idle{i}" for i in range(nr_primitives)]
        host = PrimitiveHost([PrimitiveChoice(name) for name in names], Ops.VADDR, find)
        host.init([PrimitiveContext(name, Ops.VADDR, Intervals(), 4096, None) for name in names])
        hosted_ns = best_ns(host.check) / nr_primitives
        host.cleanup()
        line = {
            "bench": "hook_calls",
            "nr_primitives": nr_primitives,
            "direct_ns": round(direct_ns),
            "hosted_ns": round(hosted_ns),
            "share_of_5_ms_percent": round(100 * 2 * nr_primitives * hosted_ns / SAMPLE_NS, 3),
        }
        print(json.dumps(line))


if __name__ == "__main__":
    main()
