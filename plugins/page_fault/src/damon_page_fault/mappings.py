"""Which mappings of a process can be watched through a userfaultfd."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from damon_core.maps import MappingFlag, MappingKind, read_maps
from damon_core.spans import Spans

from .userfaultfd import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from damon_core.model import AddrRange

_SPECIAL = (MappingKind.VDSO, MappingKind.VVAR, MappingKind.DEVICE)
_HUGE_PAGES = (b"AnonHugePages:", b"ShmemPmdMapped:", b"FilePmdMapped:")


@frozen(eq=False)
class Mappings:
    """The mappings to watch, as ``starts`` and ``ends``, ascending; ``is_file``: not anonymous.

    ``others`` are mappings that must not be registered with them: of devices and of the kernel,
    and files that cannot be touched.  Those that are neither are memory, unwanted as yet.
    """

    starts: np.ndarray
    ends: np.ndarray
    is_file: np.ndarray
    others: Spans

    @classmethod
    def read(cls, pid: int, kind: Kind, ranges: Sequence[AddrRange], known: Spans) -> Mappings:
        """Those of ``pid`` that can be touched, or are ``known``, and reach into ``ranges``.

        Mappings of devices and of the kernel are left out.  OSError if they cannot be read.
        """
        rows = read_maps(pid)
        starts, ends = rows["start"].copy(), rows["end"].copy()
        access = MappingFlag.WRITE
        if kind is Kind.READS_WRITES:
            access |= MappingFlag.READ
        is_file, is_special = rows["inode"] != 0, np.isin(rows["kind"], _SPECIAL)
        touchable = (rows["flags"] & int(access)) != 0
        # Code that is compiled at run time loses its write permission between two looks.
        touchable |= overlapping(starts, ends, known)
        wanted = touchable & ~is_special
        wanted &= overlapping(starts, ends, Spans.of((one.start, one.end) for one in ranges))
        other = is_special | (is_file & ~touchable)
        others = Spans.union_of(starts[other], ends[other])
        return cls(starts[wanted], ends[wanted], is_file[wanted], others)

    @property
    def spans(self) -> Spans:
        """All of them, joined where they touch."""
        return Spans.union_of(self.starts, self.ends)

    @property
    def files(self) -> Spans:
        """Files and shared memory."""
        return Spans.union_of(self.starts[self.is_file], self.ends[self.is_file])

    def within(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Each mapping from ``start`` to ``end``."""
        inside = (self.starts >= start) & (self.ends <= end)
        yield from zip(self.starts[inside].tolist(), self.ends[inside].tolist(), strict=True)

    def without(self, spans: Spans) -> Mappings:
        """Those that have nothing in ``spans``."""
        kept = ~overlapping(self.starts, self.ends, spans)
        others = self.others | Spans.union_of(self.starts[~kept], self.ends[~kept])
        return Mappings(self.starts[kept], self.ends[kept], self.is_file[kept], others)


def overlapping(starts: np.ndarray, ends: np.ndarray, spans: Spans) -> np.ndarray:
    """Which of the ranges, given by column, have a byte in ``spans``."""
    if not len(spans):
        return np.zeros(len(starts), bool)
    after = np.searchsorted(spans.ends, starts, side="right")
    found: np.ndarray = after < len(spans)
    found &= spans.starts[np.minimum(after, len(spans) - 1)] < ends
    return found


def huge_mappings(pid: int) -> tuple[Spans, int]:
    """The mappings that have transparent huge pages, and how many bytes of these; slow.

    OSError if they cannot be read.
    """
    found, nr_bytes = [], 0
    bounds = (0, 0)
    with open(f"/proc/{pid}/smaps", "rb") as file:
        for line in file:
            word, _, rest = line.partition(b" ")
            if word in _HUGE_PAGES:
                if size := int(rest.split()[0]) * 1024:
                    found.append(bounds)
                    nr_bytes += size
            elif not word.endswith(b":"):
                start, _, end = word.partition(b"-")
                bounds = (int(start, 16), int(end, 16))
    return Spans.of(found), nr_bytes
