"""How a perf.data file is laid out: which events it has, where their records are, and of where."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator
from contextlib import suppress
from itertools import count

from attrs import evolve, field, frozen

from ..errors import RecordError
from .event import MIN_ATTR_SIZE, FileEvent
from .features import MAX_SIZE, Feature, FileFeatures, read_features

MAGIC = b"PERFILE2"
MAX_EVENTS, MAX_IDS = 1 << 14, 1 << 20

_HEADER = struct.Struct("<8sQQ6Q32s")
_SECTION = struct.Struct("<QQ")
_RECORD = struct.Struct("<IHH")
_PIPE_HEADER_SIZE = 16
_SAMPLE, _ATTR, _EVENT_UPDATE, _FEATURE = 9, 64, 78, 80
_COMPRESSED = (81, 83)
_UPDATE_NAME = 2
_LAST_FEATURE = 256


@frozen(kw_only=True)
class PerfLayout:
    """A perf.data file that has been opened: records lie from ``start`` to ``end``, in bytes.

    ``notes``: what is unusual about it, in one line each.
    """

    path: str
    events: tuple[FileEvent, ...]
    start: int
    end: int
    mtime_ns: int = 0
    features: FileFeatures = field(factory=FileFeatures)
    notes: tuple[str, ...] = ()

    @property
    def id_at(self) -> int | None:
        """Where samples have their ids; None of a single event; RecordError if they cannot tell."""
        places = {event.id_at for event in self.events}
        if len(self.events) == 1:
            return None
        if len(places) > 1 or None in places:
            raise RecordError(
                f"{self.path}: samples of its {len(self.events)} events do not tell which they are "
                "of: use `perf script | damon import -`"
            )
        return places.pop()


def read_layout(path: str, fd: int) -> PerfLayout:
    """The layout of an open file; RecordError says what is wrong with it, and what to do."""
    status = os.fstat(fd)
    if stat.S_ISDIR(status.st_mode):
        raise RecordError(
            f"{path}: is a directory of perf record --threads: use `perf script -i {path} | "
            "damon import -`"
        )
    if not stat.S_ISREG(status.st_mode):
        raise RecordError(f"{path}: is no regular file: write what comes out of it to one first")
    file = _File(path, fd, status.st_size)
    start = file.read(0, _HEADER.size)
    if start[:8] == MAGIC[::-1]:
        raise RecordError(
            f"{path}: was recorded on a machine of the other byte order: use `perf script -i {path}"
            " | damon import -`"
        )
    if start[:8] != MAGIC:
        raise RecordError(f"{path}: is not a perf.data file: it does not begin with PERFILE2")
    with suppress(struct.error):
        size = int.from_bytes(start[8:16], "little")
        layout = _piped(file) if size == _PIPE_HEADER_SIZE else _seekable(file, start)
        return evolve(layout, mtime_ns=status.st_mtime_ns)
    raise RecordError(f"{path}: its header is cut short: copy the file again, it is not whole")


@frozen
class _File:
    path: str
    fd: int
    size: int

    def read(self, at: int, size: int) -> bytes:
        """At most ``size`` bytes; fewer at the end of the file."""
        return os.pread(self.fd, size, at) if 0 <= at < self.size else b""

    def section(self, offset: int, size: int, most: int, what: str) -> bytes:
        """All of a part of the file; RecordError if it is not in it, or is absurdly long."""
        if size > most or offset + size > self.size:
            raise RecordError(
                f"{self.path}: is damaged: {what} lies at {offset}, {size} bytes, of a file of "
                f"{self.size}"
            )
        return self.read(offset, size)


def _seekable(file: _File, start: bytes) -> PerfLayout:
    header = _HEADER.unpack(start)
    attr_size, attrs_at, attrs_size, data_at, data_size = header[2:7]
    events = _read_events(file, attr_size, attrs_at, attrs_size)
    notes = []
    end = data_at + data_size
    features = FileFeatures()
    if data_size == 0:
        end = file.size
        notes.append("its recorder was killed: it is read to its end, and names no events")
    elif end > file.size:
        notes.append(f"it is cut short: {end - file.size:,} bytes of records are missing")
        end = file.size
    else:
        features = read_features(_read_parts(file, end, int.from_bytes(header[9], "little")))
    if not 0 < data_at <= end:
        raise RecordError(f"{file.path}: is damaged: its records begin at {data_at}")
    if Feature.DIR_FORMAT in features.present:
        raise RecordError(
            f"{file.path}: is one file of a directory of perf record --threads: use `perf script "
            "-i DIRECTORY | damon import -`"
        )
    return PerfLayout(
        path=file.path,
        events=_with_names(events, features),
        start=data_at,
        end=end,
        features=features,
        notes=tuple(notes),
    )


def _read_events(file: _File, entry_size: int, at: int, size: int) -> list[FileEvent]:
    """The events of the attributes section: each with where its ids are."""
    if entry_size < MIN_ATTR_SIZE + _SECTION.size:
        raise RecordError(f"{file.path}: is damaged: its attributes are of {entry_size} bytes")
    nr = size // entry_size
    if not 0 < nr <= MAX_EVENTS:
        raise RecordError(f"{file.path}: is damaged: it has {nr} events")
    events = []
    nr_ids = 0
    for start in range(at, at + nr * entry_size, entry_size):
        entry = file.section(start, entry_size, MAX_SIZE, "the attributes of an event")
        ids_at, ids_size = _SECTION.unpack(entry[-_SECTION.size :])
        nr_ids += ids_size // 8
        ids = file.section(ids_at, ids_size, 8 * MAX_IDS, "the ids of an event")
        if nr_ids > MAX_IDS:
            raise RecordError(f"{file.path}: is damaged: its events have {nr_ids} ids")
        events.append(FileEvent.unpack(entry[: -_SECTION.size], _ids_of(ids)))
    return events


def _read_parts(file: _File, at: int, bitmap: int) -> dict[int, bytes]:
    """The features by number; one that lies outside of the file is left out."""
    parts = {}
    numbers = (bit for bit in range(_LAST_FEATURE) if bitmap >> bit & 1)
    for index, number in enumerate(numbers):
        entry = file.read(at + index * _SECTION.size, _SECTION.size)
        if len(entry) == _SECTION.size:
            offset, size = _SECTION.unpack(entry)
            parts[number] = file.read(offset, min(size, MAX_SIZE))
    return parts


def _ids_of(content: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(content) // 8}Q", content[: len(content) // 8 * 8])


def _with_names(events: list[FileEvent], features: FileFeatures) -> tuple[FileEvent, ...]:
    """Names by id; of events without ids by their place."""
    in_order = dict(enumerate(features.names_in_order))
    if len(in_order) != len(events):
        in_order = {}
    return tuple(
        event.named(
            event.name
            or next((features.names[i] for i in event.ids if i in features.names), "")
            or in_order.get(index, "")
        )
        for index, event in enumerate(events)
    )


def _piped(file: _File) -> PerfLayout:
    """What went through a pipe: attributes and features are records, before all samples."""
    events: list[FileEvent] = []
    parts: dict[int, bytes] = {}
    for kind, body in _records_before_samples(file):
        if kind == _ATTR and len(events) < MAX_EVENTS:
            size = int.from_bytes(body[4:8], "little")
            events.append(FileEvent.unpack(body[:size], _ids_of(body[size:])))
        elif kind == _FEATURE:
            parts[int.from_bytes(body[:8], "little")] = body[8:]
        elif kind == _EVENT_UPDATE:
            events = [_updated(event, body) for event in events]
    if not events:
        raise RecordError(f"{file.path}: has no events: perf record wrote nothing to its pipe")
    features = read_features(parts)
    return PerfLayout(
        path=file.path,
        events=_with_names(events, features),
        start=_PIPE_HEADER_SIZE,
        end=file.size,
        features=features,
    )


def _records_before_samples(file: _File) -> Iterator[tuple[int, bytes]]:
    at = _PIPE_HEADER_SIZE
    for nr in count():
        start = file.read(at, _RECORD.size)
        if len(start) < _RECORD.size or nr > 4 * MAX_EVENTS:
            return
        kind, _, size = _RECORD.unpack(start)
        if size < _RECORD.size or kind == _SAMPLE or kind in _COMPRESSED:
            return
        yield kind, file.read(at + _RECORD.size, size - _RECORD.size)
        at += size + following_size(kind, file.read(at + _RECORD.size, 8))


def _updated(event: FileEvent, body: bytes) -> FileEvent:
    """An event with the name that a record gives it, if it is of this event."""
    kind, id_ = struct.unpack_from("<QQ", body.ljust(16, b"\0"))
    if kind != _UPDATE_NAME or id_ not in event.ids:
        return event
    return event.named(body[16:].split(b"\0", 1)[0].decode(errors="replace"))


def following_size(kind: int, body: bytes) -> int:
    """Bytes that lie behind some records without being part of them."""
    if kind == 66:  # the formats of tracepoints
        return int.from_bytes(body[:4], "little") + 7 & ~7
    return int.from_bytes(body[:8], "little") if kind == 71 else 0  # what is traced in AUX areas
