"""Pages as the processor has them: small ones, and huge ones, which are accessed as a whole."""

from __future__ import annotations

import ctypes
import fcntl
import struct
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np
from attrs import frozen

from ..model import AddrRange
from ..spans import Spans

# PAGEMAP_SCAN of <linux/fs.h>, Linux 6.7: _IOWR('f', 16, struct pm_scan_arg).
_SCAN = 0xC0606610
_ARG = struct.Struct("=12Q")
_REGION = np.dtype([("start", np.uint64), ("end", np.uint64), ("categories", np.uint64)])
_PRESENT, _HUGE = 1 << 3, 1 << 6
_NR_REGIONS = 4096
_USUAL_SIZE = 2 << 20
_HUGE_SIZE = Path("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size")


@frozen(eq=False)
class PageUnits:
    """``huge``: whole huge pages, of ``huge_size`` bytes; all others have ``page_size``."""

    page_size: int
    huge: Spans
    huge_size: int

    def whole(self, spans: Spans) -> Spans:
        """The pages that have a byte of ``spans``."""
        return spans.widened(self.page_size) | (spans & self.huge).widened(self.huge_size)

    def count(self, spans: Spans) -> int:
        """How many pages these are, of which each is there as a whole; a huge one is one."""
        huge = (spans & self.huge).size
        return (spans.size - huge) // self.page_size + huge // self.huge_size


def huge_page_size() -> int:
    """Bytes of a transparent huge page."""
    try:
        return int(_HUGE_SIZE.read_text())
    except OSError:
        return _USUAL_SIZE


def huge_pages(pid: int, areas: Iterable[AddrRange]) -> Spans:
    """What of the areas huge pages map now.

    Nothing where the kernel does not tell (before 6.7), and of a process that is gone.
    """
    size = huge_page_size()
    found: list[tuple[int, int]] = []
    gone = suppress(FileNotFoundError, ProcessLookupError)
    with gone, open(f"/proc/{pid}/pagemap", "rb") as file:
        for area in areas:
            try:
                regions = list(_scan(file.fileno(), area))
            except OSError:
                continue
            # Of one that reaches out of the area the rest is not monitored: no whole page.
            found += [(start + -start % size, end - end % size) for start, end in regions]
    return Spans.of(found)


def _scan(fd: int, area: AddrRange) -> Iterable[tuple[int, int]]:
    regions = np.zeros(_NR_REGIONS, _REGION)
    start = area.start
    while start < area.end:
        mask = _PRESENT | _HUGE
        vector = regions.ctypes.data_as(ctypes.c_void_p).value
        arg = bytearray(
            _ARG.pack(
                _ARG.size, 0, start, area.end, 0, vector, _NR_REGIONS, 0, 0, mask, 0, _HUGE
            )
        )  # fmt: skip
        nr = fcntl.ioctl(fd, _SCAN, arg)
        for region in regions[:nr]:
            yield int(region["start"]), int(region["end"])
        start = _ARG.unpack(arg)[4]
