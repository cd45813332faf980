"""Scans of processes for pages that were touched, each handed over as bitmaps."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ._native import ffi, lib
from .userfaultfd import Kind

if TYPE_CHECKING:
    import numpy as np

    from damon_core.spans import Spans

_KINDS = {Kind.WRITES: lib.PAGE_SCAN_WRITTEN, Kind.READS_WRITES: lib.PAGE_SCAN_ACCESSED}


class PageScan:
    """Memory for the results of one scan at a time, kept from scan to scan."""

    def __init__(self, page_size: int) -> None:
        scan = lib.page_scan_create(page_size)
        if scan == ffi.NULL:
            raise MemoryError("page_fault")
        self._scan = ffi.gc(scan, lib.page_scan_destroy)
        self._nr_strange = ffi.new("size_t *")

    @property
    def nr_pages(self) -> int:
        """Pages that the last scan has found."""
        return int(self._scan.bits.nr_pages)

    @property
    def nr_faults(self) -> int:
        """Faults that these took, of which a page that came to exist took one in any case."""
        return int(self._scan.nr_faults)

    def run(self, pagemap: int, uffd: int, kind: Kind, ranges: Spans) -> int:
        """Find the pages touched since the last scan, and protect them anew; OSError.

        How many ranges have a mapping that is not registered; that is left out.
        """
        array = ffi.new("struct page_range[]", len(ranges))
        columns = zip(ranges.starts.tolist(), ranges.ends.tolist(), strict=True)
        for index, (start, end) in enumerate(columns):
            array[index] = (start, end)
        result = lib.page_scan_run(
            self._scan, pagemap, uffd, _KINDS[kind], array, len(ranges), self._nr_strange
        )
        if result < 0:
            raise OSError(-result, f"scanning pages: {os.strerror(-result)}")
        return int(self._nr_strange[0])

    def runs(self) -> Iterator[tuple[int, np.ndarray]]:
        """Address of the first page, and words of bits, of each run; valid until the next scan."""
        import numpy as np

        bits = self._scan.bits
        if not bits.nr_runs:
            return
        words = np.frombuffer(ffi.buffer(bits.words, bits.nr_words * 8), np.uint64)
        for run in ffi.unpack(bits.runs, bits.nr_runs):
            yield run.start, words[run.offset : run.offset + run.nr]
