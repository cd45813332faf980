"""What every mechanism of the primitive implements, and the options they share."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Protocol

from attrs import frozen

if TYPE_CHECKING:
    from damon_core.model import Ops
    from damon_core.primitive import PrimitiveContext, Provides
    from damon_core.reports import SourceReports


class Choice(str, Enum):
    """Which mechanism reads and clears accessed bits."""

    AUTO = "auto"
    BPF = "bpf"
    PAGE_IDLE = "page_idle"
    COLD = "cold"
    SMAPS = "smaps"

    def __str__(self) -> str:
        return self.value


class Flush(str, Enum):
    """Whether the TLB is flushed after accessed bits were cleared.

    Without a flush the hottest pages, whose translations stay in the TLB, look idle.  ``auto``
    flushes in the way that disturbs least; ``always`` through clear_refs whatever that costs.
    """

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"

    def __str__(self) -> str:
        return self.value


@frozen
class Options:
    """The primitive's options in YAML."""

    mechanism: Choice = Choice.AUTO
    flush: Flush = Flush.AUTO


class Mechanism(Protocol):
    """One way to learn which pages were accessed since ``prepare``.

    The hooks are those of the primitive, called in the same order.  ``init`` raises PrimitiveError.
    """

    name: ClassVar[str]
    provides: Provides

    @classmethod
    def probe(cls, ops: Ops, pid: int | None = None) -> str:
        """ "" if usable here (for ``pid``, if given), else what is missing and how to get it.

        One line; found out by trying, never from the kernel's version.
        """

    def __init__(self, options: Options) -> None: ...

    def init(self, ctx: PrimitiveContext) -> None: ...

    def update_targets(self, ctx: PrimitiveContext) -> None: ...

    def prepare(self, ctx: PrimitiveContext) -> None: ...

    def check(self, ctx: PrimitiveContext, reports: SourceReports) -> None: ...

    def cleanup(self) -> None:
        """Undo ``init``; idempotent, and fine after an ``init`` that failed."""
