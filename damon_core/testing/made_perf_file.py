"""A perf.data file put together byte by byte: what its reader is compared with.

Written from the format (tools/perf/Documentation/perf.data-file-format.txt), not from the reader.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from ..perf_attr import ReadFormat, SampleType
from .perf_records import record, words

ATTR, EVENT_UPDATE, TRACING, ROUND, AUX, FEATURE, ZSTD, ZSTD2 = 64, 78, 66, 68, 71, 80, 81, 83
MMAP, COMM, FORK, MMAP2 = 1, 3, 7, 10
SAMPLE_ID_ALL = 1 << 18
END_OF_ROUND = record(ROUND)

_ATTR_AT = {"branch_sample_type": 72, "regs_user": 80, "regs_intr": 96}


@frozen(kw_only=True)
class MadeEvent:
    """The attributes of an event and its ids; ``size`` is that of the attributes, in bytes."""

    sample_type: SampleType
    type: int = 4
    config: int = 0x1CD
    sample_period: int = 1000
    read_format: ReadFormat = ReadFormat.ID
    flags: int = SAMPLE_ID_ALL
    bp_type: int = 0
    branch_sample_type: int = 0
    regs_user: int = 0
    regs_intr: int = 0
    ids: tuple[int, ...] = ()
    size: int = 128
    name: str = ""

    def attr(self) -> bytes:
        """``struct perf_event_attr``."""
        packed = bytearray(max(self.size, 128))
        numbers = (self.config, self.sample_period, self.sample_type, self.read_format, self.flags)
        struct.pack_into("<II5QII", packed, 0, self.type, self.size, *numbers, 0, self.bp_type)
        for name, at in _ATTR_AT.items():
            struct.pack_into("<Q", packed, at, getattr(self, name))
        return bytes(packed[: self.size])


def text(string: str) -> bytes:
    """A string as features have it: its length, and padding to 64 bytes."""
    padded = string.encode() + b"\0"
    padded += bytes(-len(padded) % 64)
    return struct.pack("<I", len(padded)) + padded


def texts(strings: Sequence[str]) -> bytes:
    """Several of them, after their number."""
    return struct.pack("<I", len(strings)) + b"".join(map(text, strings))


def event_names(events: Sequence[MadeEvent]) -> bytes:
    """The feature EVENT_DESC."""
    parts = [struct.pack("<II", len(events), 128)]
    for event in events:
        parts += [event.attr()[:128].ljust(128, b"\0"), struct.pack("<I", len(event.ids))]
        parts += [text(event.name), words(*event.ids)]
    return b"".join(parts)


@frozen(kw_only=True)
class MadeFile:
    """A file of events, records in any order, and features by number."""

    events: Sequence[MadeEvent]
    records: bytes = b""
    features: Mapping[Any, bytes] = field(factory=dict)

    def seekable(self, data_size: int | None = None) -> bytes:
        """As perf writes it to a file; a recorder that was killed leaves ``data_size`` 0."""
        size = self.events[0].size
        ids = [words(*event.ids) for event in self.events]
        attrs_at = 104 + sum(map(len, ids))
        ids_at = [104 + sum(map(len, ids[:index])) for index in range(len(ids))]
        attrs = b"".join(
            event.attr() + words(at, len(own))
            for event, at, own in zip(self.events, ids_at, ids, strict=True)
        )
        data_at = attrs_at + len(attrs)
        data_size = len(self.records) if data_size is None else data_size
        sections = words(size + 16, attrs_at, len(attrs), data_at, data_size, 0, 0)
        bitmap = sum(1 << number for number in self.features).to_bytes(32, "little")
        start: bytes = b"PERFILE2" + words(104) + sections + bitmap
        return start + b"".join(ids) + attrs + self.records + self._feature_sections(data_at)

    def piped(self) -> bytes:
        """As perf writes it to a pipe."""
        parts = [b"PERFILE2", words(16)]
        parts += [record(ATTR, event.attr() + words(*event.ids)) for event in self.events]
        parts += [
            record(FEATURE, words(number) + content)
            for number, content in sorted(self.features.items())
        ]
        for event in self.events:
            if event.name:
                name = event.name.encode() + b"\0"
                update = words(2, event.ids[0]) + name + bytes(-len(name) % 8)
                parts.append(record(EVENT_UPDATE, update))
        return b"".join([*parts, self.records])

    def _feature_sections(self, data_at: int) -> bytes:
        at = data_at + len(self.records) + 16 * len(self.features)
        table, contents = [], []
        for _, content in sorted(self.features.items()):
            table.append(words(at, len(content)))
            contents.append(content)
            at += len(content)
        return b"".join(table + contents)


def comm(pid: int, name: str, *, exec: bool = False) -> bytes:
    """A record of the name of a process, without a trailer."""
    padded = name.encode() + b"\0"
    body = struct.pack("<II", pid, pid) + padded + bytes(-len(padded) % 8)
    return record(COMM, body, misc=1 << 13 if exec else 0)


def mmap(pid: int, start: int, size: int, name: str, *, mmap2: bool = True) -> bytes:
    """A record of a mapping, without a trailer."""
    padded = name.encode() + b"\0"
    body = struct.pack("<IIQQQ", pid, pid, start, size, 0)
    if mmap2:
        body += bytes(24) + struct.pack("<II", 3, 2)
    return record(MMAP2 if mmap2 else MMAP, body + padded + bytes(-len(padded) % 8))


def fork(pid: int, parent: int) -> bytes:
    """A record of a new process, without a trailer."""
    return record(FORK, struct.pack("<IIIIQ", pid, parent, pid, parent, 0))
