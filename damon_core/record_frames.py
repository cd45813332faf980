"""Frames of an Arrow IPC stream: where each message lies, and whether it is safe to hand to Arrow.

A recording is untrusted input.  Arrow believes the lengths that a message states, so they are
checked here first, against the file and against what a snapshot can need.  Layout: "Encapsulated
message format" of the Arrow columnar specification, Message.fbs, the FlatBuffers binary format.
"""

from __future__ import annotations

import os
import struct
from enum import Enum

from attrs import frozen

from .errors import RecordError

CONTINUATION = b"\xff\xff\xff\xff"
END_OF_STREAM = CONTINUATION + b"\0\0\0\0"

MAX_METADATA = 2**26
MAX_BODY = 2**30

_SCHEMA = 1
_RECORD_BATCH = 3
_FRAME_PREFIX = len(END_OF_STREAM)


class End(Enum):
    """How a stream ends where no whole frame follows."""

    MARKED = "by its end mark"
    CUT = "in the middle, or without its end mark"


@frozen
class Frame:
    """One message: ``metadata_size`` includes its prefix; ``marked``: the metadata have a mark."""

    offset: int
    metadata_size: int
    body_size: int
    is_schema: bool
    marked: bool

    @property
    def end(self) -> int:
        """Offset of the byte after it."""
        return self.offset + self.metadata_size + self.body_size


def read_frame(fd: int, offset: int, file_size: int, mark: bytes = b"") -> Frame | End:
    """The frame at ``offset``, or how the stream ends there; RecordError on senseless bytes."""
    if file_size - offset < _FRAME_PREFIX:
        return End.CUT
    prefix = os.pread(fd, _FRAME_PREFIX, offset)
    size = int.from_bytes(prefix[4:], "little", signed=True)
    if prefix[:4] != CONTINUATION or not 0 <= size <= MAX_METADATA:
        raise RecordError(f"is damaged at byte {offset}: no message starts there")
    if size == 0:
        if offset + _FRAME_PREFIX != file_size:
            raise RecordError(f"is damaged at byte {offset}: an end mark in the middle")
        return End.MARKED
    if offset + _FRAME_PREFIX + size > file_size:
        return End.CUT
    try:
        metadata = os.pread(fd, size, offset + _FRAME_PREFIX)
        message = _Table.root(metadata)
        kind = message.number(1, "B")
        body_size = message.number(3, "q")
    except (struct.error, ValueError) as error:
        raise RecordError(f"is damaged at byte {offset}: its message cannot be read") from error
    if kind not in (_SCHEMA, _RECORD_BATCH) or not 0 <= body_size <= MAX_BODY or body_size % 8:
        raise RecordError(f"is damaged at byte {offset}: its message is none of a recording")
    frame = Frame(offset, _FRAME_PREFIX + size, body_size, kind == _SCHEMA, mark in metadata)
    return frame if frame.end <= file_size else End.CUT


def check_batch(frame: bytes, metadata_size: int, nr_columns: int, max_rows: int) -> None:
    """Refuse a record batch whose lengths lie, before Arrow allocates what they ask for.

    ``frame``: the whole message; ``nr_columns`` fixed-width columns of at most 8 bytes a row.
    """
    body_size = len(frame) - metadata_size
    try:
        batch = _Table.root(frame[_FRAME_PREFIX:metadata_size]).table(2)
        rows = batch.number(0, "q")
        nodes = batch.pairs(1)
        buffers = batch.pairs(2)
        if not 0 <= rows <= max_rows or len(nodes) != nr_columns or len(buffers) != 2 * nr_columns:
            raise ValueError("wrong number of rows, columns or buffers")
        if any(length != rows or not 0 <= nulls <= rows for length, nulls in nodes):
            raise ValueError("a column is of another length")
        for start, size in buffers:
            if start < 0 or size < 0 or start + size > body_size:
                raise ValueError("a buffer lies outside its message")
            if 0 < size < 8:
                raise ValueError("a buffer without its length")
            if size:
                unpacked = struct.unpack_from("<q", frame, metadata_size + start)[0]
                if not -1 <= unpacked <= 8 * rows + 64:
                    raise ValueError("a buffer that unpacks to more than its rows need")
    except (struct.error, ValueError) as error:
        raise RecordError("its lengths contradict each other") from error


class _Table:
    """A table inside a flatbuffer; every position is checked against the buffer."""

    def __init__(self, buffer: bytes, position: int) -> None:
        self.buffer = buffer
        self.position = position
        self.vtable = position - self._at("i", position)
        self.vtable_size = self._at("H", self.vtable)

    @classmethod
    def root(cls, buffer: bytes) -> _Table:
        return cls(buffer, struct.unpack_from("<I", buffer)[0])

    def number(self, field: int, code: str) -> int:
        """A scalar field; 0 where it is absent, as all fields read here have it."""
        position = self._field(field)
        return self._at(code, position) if position else 0

    def table(self, field: int) -> _Table:
        return _Table(self.buffer, self._target(field))

    def pairs(self, field: int) -> list[tuple[int, int]]:
        """A vector of structs of two 64-bit numbers."""
        position = self._target(field)
        length = self._at("I", position)
        start, end = position + 4, position + 4 + 16 * length
        if end > len(self.buffer):
            raise ValueError("a vector leaves its buffer")
        return list(struct.iter_unpack("<qq", self.buffer[start:end]))

    def _field(self, field: int) -> int:
        """Position of a field, 0 if absent."""
        entry = 4 + 2 * field
        if entry + 2 > self.vtable_size:
            return 0
        offset = self._at("H", self.vtable + entry)
        return self.position + offset if offset else 0

    def _target(self, field: int) -> int:
        position = self._field(field)
        if not position:
            raise ValueError(f"field {field} is missing")
        return position + self._at("I", position)

    def _at(self, code: str, position: int) -> int:
        if position < 0:
            raise ValueError("a position before its buffer")
        number: int = struct.unpack_from("<" + code, self.buffer, position)[0]
        return number
