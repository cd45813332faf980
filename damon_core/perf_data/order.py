"""Reports in the order of time, out of files in which each processor's come by themselves.

Perf reads the rings of all processors in rounds.  What it found in one may be older than what it
found before, but not older than the latest of the round before that: so much can be let go at the
end of each round.  Memory is bounded: what a round is too long for waits, sorted, in a file.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..access import REPORT_DTYPE
from .spool import Spool

MAX_ROWS = 1 << 19
"""Reports that wait in memory, 64 bytes each."""

_FIRST_ROWS = 1 << 13
_BLOCK_ROWS = 1 << 12
_END = 2**64 - 1


class TimeOrder:
    """Takes reports in the order of the file (a ``Room``), and gives them by time.

    ``max_rows`` at most, a power of two, wait in memory.
    """

    def __init__(self, max_rows: int = MAX_ROWS) -> None:
        self._max_rows = max_rows
        self._rows = np.empty(min(_FIRST_ROWS, max_rows), REPORT_DTYPE)
        self._nr = 0
        self._file: Spool | None = None
        self._runs: list[_Run] = []
        self._latest = 0
        self._limit = 0

    def space(self) -> tuple[int, int]:
        """Address of free slots, and how many, at least one."""
        if self._nr == len(self._rows):
            if len(self._rows) < self._max_rows:
                self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
            else:
                self._put_away()
        return self._rows[self._nr :].ctypes.data, len(self._rows) - self._nr

    def commit(self, nr: int) -> None:
        """Take the first ``nr`` of the slots."""
        if nr:
            times = self._rows["time_ns"][self._nr : self._nr + nr]
            self._latest = max(self._latest, int(times.max()))
            self._nr += nr

    def end_round(self) -> Iterator[np.ndarray]:
        """What cannot be preceded any more by what is still to come."""
        yield from self._release(self._limit)
        self._limit = self._latest

    def end(self) -> Iterator[np.ndarray]:
        """The rest."""
        yield from self._release(_END)

    def close(self) -> None:
        """Remove the file, if there is one; harmless a second time."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._runs = []

    def _release(self, limit: int) -> Iterator[np.ndarray]:
        rows = _sorted(self._rows[: self._nr])
        nr = int(np.searchsorted(rows["time_ns"], np.uint64(limit), side="right"))
        self._nr -= nr
        self._rows[: self._nr] = rows[nr:]
        if self._runs:
            yield from _merged([*self._runs, _Run(rows[:nr])], limit)
            self._runs = [run for run in self._runs if len(run)]
        elif nr:
            yield rows[:nr]

    def _put_away(self) -> None:
        """Move what waits to the file, as a run of its own."""
        if self._file is None:
            self._file = Spool()
        at = self._file.append(_sorted(self._rows).tobytes())
        self._runs.append(_Run(np.empty(0, REPORT_DTYPE), self._file, at, self._nr))
        self._nr = 0


class _Run:
    """Sorted reports, of which a block is in memory and the rest, ``nr``, in a file."""

    def __init__(
        self, rows: np.ndarray, file: Spool | None = None, at: int = 0, nr: int = 0
    ) -> None:
        self._rows = rows
        self._times = rows["time_ns"].copy()  # side by side: they are searched again and again
        self._file = file
        self._at = at
        self._nr = nr
        self._refill()

    def __len__(self) -> int:
        return len(self._rows) + self._nr

    @property
    def horizon(self) -> int:
        """Up to which time the block in memory has all."""
        return int(self._times[-1]) if self._nr else _END

    def take(self, limit: int) -> np.ndarray:
        """The reports of the block up to that time."""
        nr = int(np.searchsorted(self._times, np.uint64(limit), side="right"))
        taken: np.ndarray = self._rows[:nr]
        self._rows, self._times = self._rows[nr:], self._times[nr:]
        self._refill()
        return taken

    def _refill(self) -> None:
        if len(self._rows) or not self._nr or self._file is None:
            return
        nr = min(self._nr, _BLOCK_ROWS)
        content = self._file.read(self._at, nr * REPORT_DTYPE.itemsize)
        self._rows = np.frombuffer(content, REPORT_DTYPE)
        self._times = self._rows["time_ns"].copy()
        self._at += len(content)
        self._nr -= nr


def _merged(runs: list[_Run], limit: int) -> Iterator[np.ndarray]:
    """All reports of the runs up to a time, sorted, a piece at a time."""
    while True:
        bound = min(limit, *(run.horizon for run in runs))
        parts = [part for part in (run.take(bound) for run in runs) if len(part)]
        if parts:
            yield _sorted(np.concatenate(parts))
        elif bound == limit:
            return


def _sorted(rows: np.ndarray) -> np.ndarray:
    """The reports by time, of equal ones the first first; always a copy."""
    times = rows["time_ns"].copy()
    if len(times) < 2 or bool((times[1:] >= times[:-1]).all()):
        order = np.arange(len(times))
    else:
        order = np.argsort(times, kind="stable")
    return rows.take(order)
