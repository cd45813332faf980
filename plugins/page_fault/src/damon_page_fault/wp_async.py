"""Exact writes: pages are write-protected, and the kernel lifts that at the first write itself."""

from __future__ import annotations

from typing import ClassVar

from damon_core.access import ReportFlag
from damon_core.model import Ops
from damon_core.primitive import Provides

from ._native import lib
from .kernel import lack
from .page_watch import PageWatch
from .userfaultfd import Kind


class WriteProtect(PageWatch):
    """Every page that was written in a sampling interval, and no other; reads are never seen."""

    name: ClassVar[str] = "wp_async"
    kind: ClassVar[Kind] = Kind.WRITES
    features: ClassVar[int] = lib.UFFD_WP_ASYNC | lib.UFFD_WP_UNPOPULATED
    flags: ClassVar[int] = int(ReportFlag.WRITE)
    provides = Provides(
        granularity="page",
        charges=True,
        write=True,
        disturbs="the first write to a page in an interval costs the target a fault (about 1.3 us, "
        "more for shared files) and splits a huge page; "
        "with `inject: yes` one thread is stopped once, for about 0.1 ms",
    )

    @classmethod
    def probe(cls, ops: Ops, pid: int | None = None) -> str:
        """ "" if this kernel can; whether a target lets us is seen when it is taken."""
        if ops is Ops.PADDR:
            return "it watches processes, not physical memory: use ops vaddr, or first_touch"
        return lack(
            cls.features,
            "UFFD_FEATURE_WP_ASYNC",
            "Linux 6.7 or later with CONFIG_PTE_MARKER_UFFD_WP=y has it (x86-64, arm64)",
        )
