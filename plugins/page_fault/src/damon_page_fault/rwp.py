"""Every access: pages are protected against reads and writes (userfaultfd of coming kernels).

Written from what is published of it (feature bits and ioctls as merged for Linux after 7.2), used
where UFFDIO_API offers it, and not yet run on a real kernel: tested with the ioctls scripted.
"""

from __future__ import annotations

from typing import ClassVar

from damon_core.model import Ops
from damon_core.primitive import Provides

from ._native import lib
from .kernel import lack
from .page_watch import PageWatch
from .userfaultfd import Kind


class ReadWriteProtect(PageWatch):
    """Every page of anonymous and shared memory that was read or written, without direction."""

    name: ClassVar[str] = "rwp"
    kind: ClassVar[Kind] = Kind.READS_WRITES
    features: ClassVar[int] = lib.UFFD_RWP | lib.UFFD_RWP_ASYNC
    flags: ClassVar[int] = 0
    provides = Provides(
        granularity="page",
        charges=True,
        disturbs="the first access to a page in an interval costs the target a fault; "
        "with `inject: yes` one thread is stopped once, for about 0.1 ms; "
        "not yet run on a real kernel",
    )

    @classmethod
    def probe(cls, ops: Ops, pid: int | None = None) -> str:
        """ "" if this kernel can; whether a target lets us is seen when it is taken."""
        if ops is Ops.PADDR:
            return "it watches processes, not physical memory: use ops vaddr, or first_touch"
        return lack(
            cls.features,
            "UFFD_FEATURE_RWP_ASYNC",
            "kernels after Linux 7.2 are to have it (CONFIG_USERFAULTFD_RWP=y)",
        )
