"""The text of ``perf script`` as a file of samples: what only perf can read is read by it.

Lines become records like those of perf.data, in a file without a name, and go the same way.
"""

from __future__ import annotations

import os
import struct
import sys
import time
from contextlib import closing
from typing import IO

from attrs import define, field, frozen

from ..errors import RecordError
from ..perf_attr import PerfType, SampleType
from .event import FileEvent
from .file import PerfFile
from .layout import MAGIC, PerfLayout
from .line import ScriptLine, read_line
from .spool import Spool

FIELDS = "pid,tid,cpu,time,addr,data_src"
"""What to ask of ``perf script -F``; phys_addr, period and event are understood too."""

MAX_LINE = 1 << 14
_MAX_EVENTS = 1 << 12
_MAX_COMMS = 1 << 15
_SAMPLE, _COMM = 9, 3
_HEADER = struct.Struct("<IHH")
_MASK = 2**64 - 1
_S = SampleType
_OPTIONAL = (_S.CPU, _S.PERIOD, _S.DATA_SRC, _S.PHYS_ADDR)


@frozen
class _Shape:
    """How lines of one event with the same fields become records."""

    event: FileEvent
    body: struct.Struct

    @classmethod
    def of(cls, line: ScriptLine, id_: int) -> _Shape:
        """That of a line, as an event with an id of its own."""
        sample_type = _S.IDENTIFIER | _S.TID | _S.TIME | _S.ADDR
        for bit, value in zip(_OPTIONAL, _optional(line), strict=True):
            sample_type |= bit if value is not None else _S(0)
        event = FileEvent(
            type=PerfType.SOFTWARE,
            sample_period=1,
            sample_type=sample_type,
            ids=(id_,),
        ).named(line.event)
        return cls(event, struct.Struct(f"<{int(sample_type).bit_count()}Q"))


def _optional(line: ScriptLine) -> tuple[int | None, ...]:
    return line.cpu, line.period, line.data_src, line.phys


@define
class _Lines:
    """Records of the lines so far, and what was strange about them."""

    _out: Spool
    nr_lines: int = 0
    nr_wrong: int = 0
    first_wrong: tuple[int, str] | None = None
    _shapes: dict[tuple[object, ...], _Shape] = field(factory=dict)
    _comms: dict[int, str] = field(factory=dict)

    def add(self, line: bytes) -> None:
        """Take a line; one that is no sample is counted."""
        self.nr_lines += 1
        if not line.strip() or line.startswith(b"#"):
            return
        sample = read_line(line) if len(line) < MAX_LINE else None
        if sample is None or not self._put(sample):
            self.nr_wrong += 1
            shown = line[:100].decode(errors="backslashreplace").strip()
            self.first_wrong = self.first_wrong or (self.nr_lines, shown)

    @property
    def events(self) -> tuple[FileEvent, ...]:
        """Events by name and fields."""
        return tuple(shape.event for shape in self._shapes.values())

    def _put(self, line: ScriptLine) -> bool:
        optional = _optional(line)
        key = (line.event, *[value is None for value in optional])
        shape = self._shapes.get(key)
        if shape is None:
            if len(self._shapes) >= _MAX_EVENTS:
                return False
            shape = self._shapes[key] = _Shape.of(line, len(self._shapes) + 1)
        if line.comm:
            self._name(line)
        task = (line.pid & 0xFFFFFFFF) | (line.tid & 0xFFFFFFFF) << 32
        words = [shape.event.ids[0], task, line.time_ns & _MASK, line.addr]
        words += [value & _MASK for value in optional if value is not None]
        self._record(_SAMPLE, shape.body.pack(*words))
        return True

    def _name(self, line: ScriptLine) -> None:
        """A record of what a process is called, where that is news."""
        if line.pid != line.tid and line.pid in self._comms:
            return
        if line.comm and self._comms.get(line.pid) != line.comm and len(self._comms) < _MAX_COMMS:
            self._comms[line.pid] = line.comm
            name = line.comm.encode(errors="replace") + b"\0"
            ids = struct.pack("<II", line.pid & 0xFFFFFFFF, line.tid & 0xFFFFFFFF)
            self._record(_COMM, ids + name + bytes(-len(name) % 8))

    def _record(self, kind: int, body: bytes) -> None:
        self._out.append(_HEADER.pack(kind, 0, _HEADER.size + len(body)) + body)


def open_text(*, physical: bool, lines: IO[bytes] | None = None) -> PerfFile:
    """The samples in the text of standard input; RecordError if there are none."""
    source = lines or sys.stdin.buffer
    with closing(Spool()) as spool:
        read = _Lines(spool)
        while line := source.readline(MAX_LINE):
            if not read.nr_lines and line.startswith((MAGIC, MAGIC[::-1])):
                raise RecordError(
                    "standard input is a perf.data file: give its name instead of -, which is for "
                    "the text of perf script"
                )
            read.add(line)
        _check(read)
        fd = spool.fd()
    try:
        return PerfFile(_layout(read, spool.size), fd, physical=physical)
    except BaseException:
        os.close(fd)
        raise


def _check(read: _Lines) -> None:
    if read.events:
        return
    if read.first_wrong is None:
        raise RecordError(f"standard input is empty: pipe `perf script -F {FIELDS}` into it")
    number, text = read.first_wrong
    raise RecordError(
        f"standard input has no line with a sample; line {number} is {text!r}: write them with "
        f"`perf script -F {FIELDS}`"
    )


def _layout(read: _Lines, size: int) -> PerfLayout:
    notes = []
    if read.first_wrong is not None:
        number, text = read.first_wrong
        notes.append(
            f"{read.nr_wrong:,} of {read.nr_lines:,} lines are no samples and were left out, the "
            f"first is line {number}: {text!r}"
        )
    return PerfLayout(
        path="standard input",
        events=read.events,
        start=0,
        end=size,
        mtime_ns=time.time_ns(),
        notes=tuple(notes),
    )
