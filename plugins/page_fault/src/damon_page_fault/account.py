"""What is not watched of the targets, or is changed by watching them: counted, and told once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field, frozen

from .options import Thp
from .userfaultfd import Kind

if TYPE_CHECKING:
    from damon_core.primitive import PrimitiveContext
    from damon_core.target import Target

    from .watched import Look

_MIB = 1 << 20
_BUSY = (
    "are watched by another userfaultfd already, of its own or of another monitor: "
    "nothing is seen there"
)
_UNPROTECTED = "are files so large that the first read of a page counts as a write"
_SPLITS_HUGE = (
    "are in huge pages: the first write to each splits it "
    "(`thp: skip` leaves them whole, and unseen)"
)
_SKIPS_HUGE = "are in huge pages: nothing is seen in the mappings that have them (`thp: skip`)"


@frozen
class _Fact:
    counter: str
    nr_bytes: int
    text: str


@define(eq=False)
class Account:
    """Keeps the account of one context."""

    kind: Kind
    thp: Thp
    _told: set[str] = field(factory=set)

    def add(self, target: Target, look: Look, ctx: PrimitiveContext) -> None:
        """Take in what a look at the mappings of ``target`` has found."""
        facts = (
            _Fact("busy_bytes", look.nr_busy, _BUSY),
            _Fact("refused_bytes", look.nr_refused, ""),
            _Fact("unprotected_bytes", look.nr_unprotected, _UNPROTECTED),
            _Fact("huge_bytes", look.nr_huge, self._on_huge_pages()),
        )
        for fact in facts:
            if not fact.nr_bytes:
                continue
            ctx.count(fact.counter, fact.nr_bytes)
            if fact.text and fact.counter not in self._told:
                self._told.add(fact.counter)
                mib = f"{fact.nr_bytes / _MIB:.1f} MiB of process {target.pid} ({target.comm})"
                ctx.tell(f"{mib} {fact.text}")

    def _on_huge_pages(self) -> str:
        if self.thp is Thp.SKIP:
            return _SKIPS_HUGE
        return _SPLITS_HUGE if self.kind is Kind.WRITES else ""
