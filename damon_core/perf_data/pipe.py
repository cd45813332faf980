"""What perf wrote to a pipe: attributes and features are records there, before all samples."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import count

from ..errors import RecordError
from .event import FileEvent
from .features import MAX_FEATURES, read_features
from .layout import MAX_EVENTS, PIPE_HEADER_SIZE, FileBytes, PerfLayout, ids_of, with_names

_RECORD = struct.Struct("<IHH")
_SAMPLE, _ATTR, _EVENT_UPDATE, _FEATURE = 9, 64, 78, 80
_COMPRESSED = (81, 83)
_UPDATE_NAME = 2


def read_piped(file: FileBytes) -> PerfLayout:
    """The layout of such a file; RecordError if it has no events."""
    events: list[FileEvent] = []
    parts: dict[int, bytes] = {}
    places: dict[int, int] = {}
    for kind, body in _records_before_samples(file):
        if kind == _ATTR and len(events) < MAX_EVENTS:
            size = int.from_bytes(body[4:8], "little")
            event = FileEvent.unpack(body[:size], ids_of(body[size:]))
            places.update(dict.fromkeys(event.ids, len(events)))
            events.append(event)
        elif kind == _FEATURE and int.from_bytes(body[:8], "little") < MAX_FEATURES:
            parts[int.from_bytes(body[:8], "little")] = body[8:]
        elif kind == _EVENT_UPDATE:
            _update(events, places, body)
    if not events:
        raise RecordError(f"{file.path}: has no events: perf record wrote nothing to its pipe")
    features = read_features(parts)
    return PerfLayout(
        path=file.path,
        events=with_names(events, features),
        start=PIPE_HEADER_SIZE,
        end=file.size,
        features=features,
    )


def _records_before_samples(file: FileBytes) -> Iterator[tuple[int, bytes]]:
    at = PIPE_HEADER_SIZE
    for nr in count():
        start = file.read(at, _RECORD.size)
        if len(start) < _RECORD.size or nr > 4 * MAX_EVENTS:
            return
        kind, _, size = _RECORD.unpack(start)
        if size < _RECORD.size or kind == _SAMPLE or kind in _COMPRESSED:
            return
        yield kind, file.read(at + _RECORD.size, size - _RECORD.size)
        at += size + following_size(kind, file.read(at + _RECORD.size, 8))


def _update(events: list[FileEvent], places: dict[int, int], body: bytes) -> None:
    """Give an event the name that a record has for it."""
    kind, id_ = struct.unpack_from("<QQ", body.ljust(16, b"\0"))
    if kind == _UPDATE_NAME and id_ in places:
        name = body[16:].split(b"\0", 1)[0].decode(errors="replace")
        events[places[id_]] = events[places[id_]].named(name)


def following_size(kind: int, body: bytes) -> int:
    """Bytes that lie behind some records without being part of them."""
    if kind == 66:  # the formats of tracepoints
        return int.from_bytes(body[:4], "little") + 7 & ~7
    return int.from_bytes(body[:8], "little") if kind == 71 else 0  # what is traced in AUX areas
