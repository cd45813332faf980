"""Where the pages of a process lie in physical memory: told of it, known of it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from attrs import frozen

from damon_core.model import AddrRange
from damon_core.paddr import biggest_range, system_ram
from damon_core.spans import Spans

PAGE = 4096
_PRESENT = np.uint64(1 << 63)
_FRAME = np.uint64((1 << 55) - 1)


@frozen(eq=False)
class Frames:
    """Pages that are present, at one moment: their virtual and physical addresses, uint64."""

    virtual: np.ndarray
    physical: np.ndarray

    @classmethod
    def of(cls, pid: int, areas: Iterable[AddrRange]) -> Frames:
        """Read from pagemap, as root; OSError."""
        virtual, physical = [], []
        with open(f"/proc/{pid}/pagemap", "rb") as file:
            for area in areas:
                file.seek(area.start // PAGE * 8)
                words = np.frombuffer(file.read(area.size // PAGE * 8), np.uint64)
                present = words & _PRESENT != 0
                pages = np.uint64(area.start) + np.arange(len(words), dtype=np.uint64) * PAGE
                virtual.append(pages[present])
                physical.append((words[present] & _FRAME) * np.uint64(PAGE))
        return cls(np.concatenate(virtual), np.concatenate(physical))

    def seen(self, physical: Spans) -> Spans:
        """The virtual pages whose frames begin in a set of physical addresses."""
        at = np.searchsorted(physical.starts, self.physical, side="right")
        inside = at > 0
        inside[inside] = self.physical[inside] < physical.ends[at[inside] - 1]
        return Spans.of_pages(self.virtual[inside] // np.uint64(PAGE), PAGE)


def biggest_ram() -> AddrRange:
    """What kernels up to 7.0 watch of physical memory unless told otherwise."""
    with open("/proc/iomem") as iomem:
        return biggest_range(system_ram(iomem))
