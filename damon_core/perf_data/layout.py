"""How a perf.data file is laid out: which events it has, where their records are, and of where."""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence

from attrs import field, frozen

from ..errors import RecordError
from .event import FileEvent
from .features import FileFeatures

MAGIC = b"PERFILE2"
PIPE_HEADER_SIZE = 16
MAX_EVENTS, MAX_IDS = 1 << 12, 1 << 20


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


@frozen
class FileBytes:
    """An open file, read here and there; its bytes are not trusted."""

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


def ids_of(content: bytes) -> tuple[int, ...]:
    """The ids of an event, as many as are whole."""
    return struct.unpack(f"<{len(content) // 8}Q", content[: len(content) // 8 * 8])


def with_names(events: Sequence[FileEvent], features: FileFeatures) -> tuple[FileEvent, ...]:
    """Names by id, of events without ids by their place; and names of sources by type."""
    in_order = dict(enumerate(features.names_in_order))
    if len(in_order) != len(events):
        in_order = {}
    return tuple(
        event.named(
            event.name
            or next((features.names[i] for i in event.ids if i in features.names), "")
            or in_order.get(index, ""),
            features.pmus.get(event.type, ""),
        )
        for index, event in enumerate(events)
    )
