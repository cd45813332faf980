"""Physical addresses for reports that have only virtual ones."""

from __future__ import annotations

from typing import Any

from ._native import ffi, lib


class FrameLookup:
    """Looks up, in /proc/PID/pagemap, where the pages lie that processes have accessed."""

    def __init__(self, page_size: int) -> None:
        self._frames: Any = lib.frames_create(page_size)
        if self._frames == ffi.NULL:
            raise MemoryError("no memory to look up physical addresses")

    def find(self, address: int, nr: int) -> int:
        """Add physical addresses to the ``nr`` reports at ``address``; how many have one.

        The others are left out: their pages have gone since.
        """
        return int(lib.frames_find(self._frames, ffi.cast("void *", address), nr))

    def close(self) -> None:
        """Close its files; harmless a second time."""
        frames, self._frames = self._frames, ffi.NULL
        lib.frames_destroy(frames)
