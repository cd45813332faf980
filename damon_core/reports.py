"""The report buffer: where primitives put access reports, and from where they reach the regions."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from ._native import ffi, lib
from .access import REPORT_DTYPE, AccessReport
from .matcher import Counters, Matcher
from .snapshot import SourceCounters

if TYPE_CHECKING:
    from .regions import RegionMap
    from .target import Target


def _new_ring(nr_min: int, nr_max: int) -> Any:
    ring = lib.damon_ring_create(nr_min, nr_max)
    if ring == ffi.NULL:
        raise MemoryError(f"no memory for a ring of {nr_min} access reports")
    return ffi.gc(ring, lib.damon_ring_destroy)


class _Producer:
    """The ring of one thread; when the thread ends this goes, and the ring once it is drained."""

    def __init__(self, ring: Any) -> None:
        self.ring = ring


class SourceReports:
    """The half of the buffer that one primitive writes to.

    :meth:`report_access` may be called from any thread at any time; everything else only from
    within ``damon_check_accesses``.
    """

    def __init__(self, buffer: ReportBuffer, source: int) -> None:
        self._buffer = buffer
        self._source = source
        self._ring = buffer.new_ring()
        self._own = threading.local()
        self._producers: list[tuple[Any, weakref.ref[_Producer]]] = []
        self._lock = threading.Lock()
        self.counters = Counters()

    def report_access(self, report: AccessReport | np.ndarray) -> int:
        """Report one access, or REPORT_DTYPE rows; how many the ring had room for.

        What it had no room for is counted as lost, and the ring doubles, up to its limit.
        """
        rows = report.to_array() if isinstance(report, AccessReport) else report
        if rows.dtype != REPORT_DTYPE or not rows.flags.c_contiguous:
            raise TypeError(f"access reports must be rows of REPORT_DTYPE, not {rows.dtype}")
        pointer = ffi.cast("struct damon_access_report *", rows.ctypes.data)
        return int(lib.damon_ring_extend(self._own_ring(), pointer, len(rows)))

    def extend(self, array: np.ndarray) -> int:
        """Report REPORT_DTYPE rows; all are taken."""
        self._buffer.select(self._source)
        self._buffer.matcher.credit(array, self.counters)
        return len(array)

    def extend_bitmap(
        self, target: Target, start: int, page_size: int, words: np.ndarray, flags: int = 0
    ) -> None:
        """Report whole ranges: bit i (uint64 words, LSB first) is the page i from ``start``.

        Set bits are pages accessed in this sampling interval; each is counted as one report.
        ``flags``: ReportFlag bits that hold for all of them.
        """
        self._buffer.select(self._source)
        self._buffer.matcher.credit_bitmap(
            self._buffer.slot_of(target), start, page_size, words, flags, self.counters
        )

    def space(self) -> tuple[int, int]:
        """Address of free slots (``struct damon_access_report``), and how many, at least one."""
        slots = ffi.new("struct damon_access_report **")
        nr = lib.damon_ring_space(self._ring, slots)
        if not nr:
            self._buffer.select(self._source)
            self._buffer.matcher.drain(self._ring, self.counters)
            nr = lib.damon_ring_space(self._ring, slots)
        return int(ffi.cast("uintptr_t", slots[0])), int(nr)

    def commit(self, nr: int) -> None:
        """Report the first ``nr`` of the slots that :meth:`space` gave."""
        lib.damon_ring_commit(self._ring, nr)

    def lose(self, nr: int) -> None:
        """Count reports that the mechanism itself lost before they reached the buffer."""
        lib.damon_ring_lose(self._ring, nr)

    def drain(self) -> None:
        """Match what is in the rings of this source."""
        self._buffer.select(self._source)
        self._buffer.matcher.drain(self._ring, self.counters)
        if not self._producers:
            return
        with self._lock:
            producers = list(self._producers)
        for producer in producers:
            ring, alive = producer
            ended = alive() is None
            self._buffer.matcher.drain(ring, self.counters)
            if ended:
                with self._lock:
                    self._producers.remove(producer)

    def _own_ring(self) -> Any:
        producer: _Producer | None = getattr(self._own, "producer", None)
        if producer is None:
            producer = _Producer(self._buffer.new_ring())
            self._own.producer = producer
            with self._lock:
                self._producers.append((producer.ring, weakref.ref(producer)))
        return producer.ring


class ReportBuffer:
    """All reports of a context on their way to its regions, one :class:`SourceReports` a primitive.

    Rings start at ``nr_reports_min`` and double after an interval in which they were full, up to
    ``nr_reports_max``.  Each report ends in exactly one counter of its source.
    """

    def __init__(
        self, matcher: Matcher, nr_sources: int, nr_reports_min: int, nr_reports_max: int
    ) -> None:
        self.matcher = matcher
        self._limits = (nr_reports_min, nr_reports_max)
        self._regions: RegionMap | None = None
        self._selected = 0
        self._slots: dict[int, int] = {}
        self.sources = tuple(SourceReports(self, i) for i in range(nr_sources))

    def new_ring(self) -> Any:
        return _new_ring(*self._limits)

    def set_slots(self, slots: dict[int, int]) -> None:
        """Where each target (by ``Target.index``) stands in the region map."""
        self._slots = slots

    def slot_of(self, target: Target) -> int:
        slot = self._slots.get(target.index)
        if slot is None:
            raise ValueError(f"process {target.pid} is no target of this context")
        return slot

    def begin_tick(self, regions: RegionMap, not_before_ns: int) -> None:
        """Be ready for the reports of a tick; exact times before ``not_before_ns`` are stale."""
        self._regions = regions
        self._selected = 0
        self.matcher.begin_tick(regions, not_before_ns)

    def select(self, source: int) -> None:
        """Fold what another source has hit, so that hits are kept per source."""
        if self._regions is None:
            raise RuntimeError("access reports can be put here only in damon_check_accesses")
        if source != self._selected:
            self.matcher.fold(self._regions, self._selected)
            self._selected = source

    def end_tick(self) -> None:
        """Drain every ring and fold; after this the regions know all accesses of the tick."""
        for source in self.sources:
            source.drain()
        if self._regions is not None:
            self.matcher.fold(self._regions, self._selected)
        self._regions = None

    def take_counters(self) -> tuple[SourceCounters, ...]:
        """Where the reports of each source ended since the last call."""
        return tuple(source.counters.take() for source in self.sources)
