"""Which way, if any, the TLB is flushed after accessed bits were cleared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._native import lib
from .eviction import TlbEviction
from .options import Flush

if TYPE_CHECKING:
    from damon_core.primitive import PrimitiveContext

NOT_FLUSHED = (
    "the TLB is not flushed after a clear: some of the hottest pages can look idle "
    "(option flush: auto)"
)
CANNOT_EVICT = (
    "the TLB cannot be flushed without side effects here ({error}): "
    "some of the hottest pages can look idle"
)


class TlbFlush:
    """``writes``: clear_refs is to flush, by its value for soft-dirty bits.

    ``auto`` does that where the kernel has no soft-dirty bits (tried), so that it is a flush and
    nothing else; where it has them, other address spaces are run, which evicts the target's.
    """

    def __init__(self, flush: Flush, ctx: PrimitiveContext, *, by_clear_refs: bool = True) -> None:
        """``by_clear_refs``: bits are cleared through it, so that it can flush as well."""
        self.writes = by_clear_refs and (
            flush is Flush.ALWAYS or (flush is Flush.AUTO and not has_soft_dirty())
        )
        self._eviction: TlbEviction | None = None
        if self.writes:
            return
        if flush is Flush.NEVER:
            ctx.tell(NOT_FLUSHED)
            return
        try:
            self._eviction = TlbEviction()
        except OSError as error:
            ctx.tell(CANNOT_EVICT.format(error=error))

    @property
    def disturbs(self) -> str:
        """What the flush adds to what a clear disturbs."""
        if self._eviction is not None:
            return "; runs seven tiny processes on each CPU for some microseconds, to flush the TLB"
        if not self.writes:
            return ""
        if has_soft_dirty():
            return "; flushes the TLB, protects all pages against writes, takes soft-dirty bits"
        return "; flushes the TLB"

    def after_clear(self) -> None:
        """Flush what clear_refs did not; it comes within a millisecond or so."""
        if self._eviction is not None:
            self._eviction.flush()

    def close(self) -> None:
        """Idempotent."""
        if self._eviction is not None:
            self._eviction.close()
            self._eviction = None


def has_soft_dirty() -> bool:
    """Whether the kernel has soft-dirty bits: unless it surely has none, it does."""
    return bool(lib.soft_dirty_works() != 0)
