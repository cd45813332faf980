"""The writer half of a report buffer that keeps everything, and catches a writer out of bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field, frozen

from ..access import REPORT_DTYPE, AccessReport, ReportFlag
from .rule import BrokenRule, Rule

if TYPE_CHECKING:
    from ..target import Target

_GUARD = 0xA5


@frozen(eq=False)
class Bitmap:
    """One call of ``extend_bitmap``; bit i of ``words`` is the page i from ``start``."""

    target: Target
    start: int
    page_size: int
    words: np.ndarray
    flags: ReportFlag

    def addresses(self) -> np.ndarray:
        """The addresses of the pages whose bits are set, uint64."""
        bits = np.unpackbits(self.words.view(np.uint8), bitorder="little")
        pages = np.flatnonzero(bits).astype(np.uint64)
        addresses: np.ndarray = np.uint64(self.start) + pages * np.uint64(self.page_size)
        return addresses


@define(eq=False)
class RecordedReports:
    """Takes what ``damon_check_accesses`` reports; BrokenRule if it cannot.

    ``broken`` keeps the first such error.  ``space`` never has room for more than ``cap`` reports
    at once, with a guard behind them.
    """

    cap: int = 8
    bitmaps: list[Bitmap] = field(factory=list)
    nr_lost: int = 0
    broken: BrokenRule | None = None
    _parts: list[np.ndarray] = field(factory=list)
    _slots: np.ndarray | None = None

    def report_access(self, report: AccessReport | np.ndarray) -> int:
        """Keep one access, or an array of them."""
        return self.extend(report.to_array() if isinstance(report, AccessReport) else report)

    def extend(self, array: np.ndarray) -> int:
        """Keep rows of REPORT_DTYPE; all fit."""
        self._must(array.dtype == REPORT_DTYPE, f"reports are {array.dtype}, not REPORT_DTYPE")
        self._must(array.ndim == 1, f"reports have {array.ndim} dimensions, not one")
        self._parts.append(array.copy())
        return len(array)

    def extend_bitmap(
        self, target: Target, start: int, page_size: int, words: np.ndarray, flags: int = 0
    ) -> None:
        """Keep a run of pages."""
        power = page_size > 0 and not page_size & (page_size - 1)
        self._must(words.dtype == np.uint64, f"words are {words.dtype}, not uint64")
        self._must(words.flags.c_contiguous, "words are not contiguous")
        self._must(power, f"page size {page_size} is no power of two")
        self._must(start % page_size == 0, f"start {start:#x} is not aligned to {page_size}")
        kept = Bitmap(target, start, page_size, words.copy(), ReportFlag(flags))
        self.bitmaps.append(kept)

    def space(self) -> tuple[int, int]:
        """New slots, at most ``cap``."""
        self.check_guard()
        slots = np.zeros(self.cap + 1, REPORT_DTYPE)
        slots[self.cap :].view(np.uint8)[:] = _GUARD
        self._slots = slots
        return int(slots.ctypes.data), self.cap

    def commit(self, nr: int) -> None:
        """Keep the first ``nr`` slots."""
        if self._slots is None:
            raise self._broken(Rule.BUFFER, "commit before space")
        if not 0 <= nr <= self.cap:
            raise self._broken(Rule.BUFFER, f"{nr} committed, there was space for {self.cap}")
        self.check_guard()
        self._parts.append(self._slots[:nr].copy())

    def lose(self, nr: int) -> None:
        """Count what the mechanism lost."""
        self._must(nr >= 0, f"{nr} reports lost")
        self.nr_lost += nr

    def check_guard(self) -> None:
        """BrokenRule if something was written behind the slots that ``space`` gave."""
        if self._slots is not None and (self._slots[self.cap :].view(np.uint8) != _GUARD).any():
            raise self._broken(Rule.BUFFER, f"more than {self.cap} reports were written")

    def clear(self) -> None:
        """Forget what was reported so far."""
        self.bitmaps.clear()
        self._parts.clear()
        self.nr_lost = 0

    def rows(self) -> np.ndarray:
        """All reports so far, without those given as bitmaps."""
        return np.concatenate(self._parts) if self._parts else np.empty(0, REPORT_DTYPE)

    def addresses(self, kind: str = "vaddr") -> np.ndarray:
        """Every address reported, one for each report and each set page, uint64."""
        rows = [self.rows()[kind]]
        return np.concatenate([*rows, *(bitmap.addresses() for bitmap in self.bitmaps)])

    def _must(self, holds: object, found: str) -> None:
        if not holds:
            raise self._broken(Rule.REPORT, found)

    def _broken(self, rule: Rule, found: str) -> BrokenRule:
        # The host contains what a hook raises: kept, so that it is not lost.
        self.broken = self.broken or BrokenRule(rule, found)
        return self.broken
