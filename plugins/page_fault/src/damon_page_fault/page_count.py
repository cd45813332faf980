"""How many different pages have been seen."""

from __future__ import annotations

from typing import Any

from ._native import ffi, lib

MAX_KEPT = 1 << 17
"""Pages up to which the count is exact; above, it is an estimate to within a per cent."""


class PageCount:
    """Counts each page of each process once, in bounded memory."""

    def __init__(self, page_size: int, max_kept: int = MAX_KEPT) -> None:
        found = lib.page_set_create(page_size, max_kept)
        if found == ffi.NULL:
            raise MemoryError("no memory to count pages")
        self._set: Any = ffi.gc(found, lib.page_set_destroy)

    def add(self, address: int, nr: int) -> int:
        """Count the pages of the ``nr`` reports at ``address``; ``nr``."""
        if lib.page_set_add(self._set, ffi.cast("void *", address), nr):
            raise MemoryError("no memory to count pages")
        return nr

    def __len__(self) -> int:
        return int(lib.page_set_size(self._set))
