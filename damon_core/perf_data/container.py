"""The beginning of a perf.data file, and what lies behind its records."""

from __future__ import annotations

import os
import stat
import struct
from contextlib import suppress

from attrs import evolve

from ..errors import RecordError
from .event import MIN_ATTR_SIZE, FileEvent
from .features import MAX_FEATURES, MAX_SIZE, Feature, FileFeatures, read_features
from .layout import (
    MAGIC,
    MAX_EVENTS,
    MAX_IDS,
    PIPE_HEADER_SIZE,
    FileBytes,
    PerfLayout,
    ids_of,
    with_names,
)
from .pipe import read_piped

_HEADER = struct.Struct("<8sQQ6Q32s")
_SECTION = struct.Struct("<QQ")


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
    file = FileBytes(path, fd, status.st_size)
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
        layout = read_piped(file) if size == PIPE_HEADER_SIZE else _seekable(file, start)
        return evolve(layout, mtime_ns=status.st_mtime_ns)
    raise RecordError(f"{path}: its header is cut short: copy the file again, it is not whole")


def _seekable(file: FileBytes, start: bytes) -> PerfLayout:
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
        events=with_names(events, features),
        start=data_at,
        end=end,
        features=features,
        notes=tuple(notes),
    )


def _read_events(file: FileBytes, entry_size: int, at: int, size: int) -> list[FileEvent]:
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
        events.append(FileEvent.unpack(entry[: -_SECTION.size], ids_of(ids)))
    return events


def _read_parts(file: FileBytes, at: int, bitmap: int) -> dict[int, bytes]:
    """The features by number; one that lies outside of the file is left out."""
    parts = {}
    numbers = (bit for bit in range(MAX_FEATURES) if bitmap >> bit & 1)
    for index, number in enumerate(numbers):
        entry = file.read(at + index * _SECTION.size, _SECTION.size)
        if len(entry) == _SECTION.size:
            offset, size = _SECTION.unpack(entry)
            parts[number] = file.read(offset, min(size, MAX_SIZE))
    return parts
