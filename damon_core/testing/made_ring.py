"""A ring of perf records in a file of memory: what the kernel would have written, byte by byte."""

from __future__ import annotations

import mmap
import os
from types import TracebackType
from typing import Any

import numpy as np

from .._native import ffi, lib
from ..access import REPORT_DTYPE
from ..perf_decoding import PerfDecoder

HEAD, TAIL = 1024, 1032
"""Offsets in the control page: where the kernel writes, and where the reader reads."""


class MadeRing:
    """A ring of ``size`` bytes (a power of two of pages) that nobody but the test fills."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._fd = os.memfd_create("perf ring")
        os.truncate(self._fd, mmap.PAGESIZE + size)
        self._memory = mmap.mmap(self._fd, mmap.PAGESIZE + size)
        ring = ffi.new("struct damon_perf_ring **")
        error = lib.damon_perf_ring_create(self._fd, size, ring)
        assert not error, os.strerror(-error)
        self._ring: Any = ring[0]

    def fill(self, records: bytes, first: int = 0) -> None:
        """Put records at the position ``first``, round the end if need be, as if just written."""
        at = first % self.size
        to_end = self.size - at
        data = mmap.PAGESIZE
        assert len(records) <= self.size
        self._memory[data + at : data + at + len(records[:to_end])] = records[:to_end]
        self._memory[data : data + len(records[to_end:])] = records[to_end:]
        self.set_position(HEAD, first + len(records))
        self.set_position(TAIL, first)

    def set_position(self, which: int, position: int) -> None:
        """Let HEAD or TAIL be ``position``, a free-running 64-bit number."""
        self._memory[which : which + 8] = (position % 2**64).to_bytes(8, "little")

    def position(self, which: int) -> int:
        return int.from_bytes(self._memory[which : which + 8], "little")

    def drain(self, decoder: PerfDecoder, room: int = 1 << 16, now_ns: int = 0) -> np.ndarray:
        """The reports of one call with room for so many."""
        rows = np.zeros(room, REPORT_DTYPE)
        return rows[: self.drain_into(decoder, rows, now_ns)]

    def drain_into(self, decoder: PerfDecoder, rows: np.ndarray, now_ns: int = 0) -> int:
        return int(
            lib.damon_perf_ring_drain(
                self._ring,
                decoder.c_decoding,
                now_ns,
                ffi.cast("struct damon_access_report *", rows.ctypes.data),
                len(rows),
                decoder.c_counts,
            )
        )

    def close(self) -> None:
        lib.damon_perf_ring_destroy(self._ring)
        self._memory.close()
        os.close(self._fd)

    def __enter__(self) -> MadeRing:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
