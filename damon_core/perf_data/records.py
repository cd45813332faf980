"""One pass over the records of a perf.data file: samples become reports, in C, in the file's order.

Nothing is read twice, and nothing but a piece of the file is ever in memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from attrs import define

from .._native import ffi, lib
from .decoding import FileCounts, FileDecoding
from .layout import PerfLayout
from .pipe import following_size
from .zstd import ZstdStream

PIECE = 1 << 20
"""Bytes of the file that are read at a time."""

_HEADER_SIZE = 8
_ROUND, _AUX, _ZSTD, _ZSTD2 = 68, 71, 81, 83
_KNOWN_OF_PERF = range(64, 84)


class Room(Protocol):
    """Where reports go."""

    def space(self) -> tuple[int, int]:
        """Address of free slots (``struct damon_access_report``), and how many, at least one."""
        ...

    def commit(self, nr: int) -> None: ...


Tell = Callable[[int, int, bytes], None]
"""Takes kind, misc and body of a record of a task."""


@define
class RecordPass:
    """Reads all records once, as far as the end of the next round with each step of an iteration.

    Perf has by then written all that is older than the latest sample before the *last* round.
    ``tell`` is given the records that name processes and mappings.
    """

    layout: PerfLayout
    decoding: FileDecoding
    _fd: int
    _room: Room
    _tell: Tell | None = None
    _at: int = 0
    _unknown_records: int = 0
    _unread_bytes: int = 0
    _aux_bytes: int = 0
    _cut_short: bool = False
    _zstd: ZstdStream | None = None

    def __iter__(self) -> Iterator[None]:
        self.decoding.c.tell_tasks = self._tell is not None
        self._at = self.layout.start
        outer, inner = _Records(), _Records()
        while piece := self._next_piece():
            outer.append(piece)
            for kind, misc, body in self._told(outer):
                if kind in (_ZSTD, _ZSTD2):
                    yield from self._inflated(inner, kind, body)
                elif self._ends_round(outer, kind, misc, body):
                    yield
        self._cut_short |= bool(len(outer) or len(inner))

    @property
    def counts(self) -> FileCounts:
        """What became of what was read so far."""
        return FileCounts(
            self.decoding.counts,
            self.decoding.c.other_event,
            self.decoding.c.unknown_event,
            self._unknown_records,
            self._unread_bytes,
            self._aux_bytes,
            self._cut_short,
        )

    def _next_piece(self) -> bytes:
        piece = os.pread(self._fd, min(PIECE, max(0, self.layout.end - self._at)), self._at)
        self._at += len(piece)
        return piece

    def _told(self, records: _Records) -> Iterator[tuple[int, int, bytes]]:
        """Decode all records that are whole; yields those that are to be looked at here."""
        c = self.decoding.c
        while True:
            address, nr = self._room.space()
            slots = ffi.cast("struct damon_access_report *", address)
            used = lib.damon_perf_file_decode(c, records.c, len(records), slots, nr)
            records.skip(used)
            self._room.commit(c.nr_reports)
            if c.stop == lib.DAMON_PERF_TOLD:
                yield records.take()
            elif c.stop != lib.DAMON_PERF_NO_ROOM:
                break
        if c.stop == lib.DAMON_PERF_CORRUPT:
            self._give_up(records)

    def _inflated(self, inner: _Records, kind: int, body: bytes) -> Iterator[None]:
        self._zstd = self._zstd or ZstdStream(self.layout.path)
        if kind == _ZSTD2:
            size = int.from_bytes(body[:8], "little")
            body = body[8 : 8 + size]
        for piece in self._zstd.feed(body):
            inner.append(piece)
            for told, misc, inside in self._told(inner):
                if self._ends_round(inner, told, misc, inside):
                    yield

    def _ends_round(self, records: _Records, kind: int, misc: int, body: bytes) -> bool:
        """Look at a record that is no sample: whether it ends a round."""
        if kind < _KNOWN_OF_PERF.start:
            assert self._tell
            self._tell(kind, misc, body)
        elif kind not in _KNOWN_OF_PERF:
            self._unknown_records += 1
        if following := following_size(kind, body):
            self._aux_bytes += following if kind == _AUX else 0
            self._step_over(records, following)
        return kind == _ROUND

    def _step_over(self, records: _Records, nr_bytes: int) -> None:
        inside = min(nr_bytes, len(records))
        records.skip(inside)
        if nr_bytes - inside > self.layout.end - self._at:
            self._cut_short = True
        self._at = min(self._at + nr_bytes - inside, self.layout.end)

    def _give_up(self, records: _Records) -> None:
        """What follows bytes that are no record cannot be found."""
        self._unread_bytes += len(records) + self.layout.end - self._at
        records.skip(len(records))
        self._at = self.layout.end


class _Records:
    """Bytes that are to be decoded, of which the last record may not be whole yet."""

    def __init__(self) -> None:
        self._bytes = b""
        self._start = 0
        self._memory = ffi.from_buffer(b"")

    def __len__(self) -> int:
        return len(self._bytes) - self._start

    def append(self, piece: bytes) -> None:
        self._bytes = self._bytes[self._start :] + piece if len(self) else piece
        self._start = 0
        self._memory = ffi.from_buffer(self._bytes)

    @property
    def c(self) -> Any:
        return self._memory + self._start

    def skip(self, nr_bytes: int) -> None:
        self._start += nr_bytes

    def take(self) -> tuple[int, int, bytes]:
        """Kind, misc and body of the record at the beginning, which is whole."""
        at = self._start
        kind = int.from_bytes(self._bytes[at : at + 4], "little")
        misc = int.from_bytes(self._bytes[at + 4 : at + 6], "little")
        size = int.from_bytes(self._bytes[at + 6 : at + 8], "little")
        self._start += size
        return kind, misc, self._bytes[at + _HEADER_SIZE : at + size]
