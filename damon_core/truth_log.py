"""Reads the ground-truth log of the toucher: docs/reference/workload.md has the format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from .errors import RecordError
from .model import AddrRange
from .touching import Touching

VERSION = 1
MAX_LINE = 64 << 10
MAX_PAGES = 1 << 28
"""Pages of one record whose choice is drawn again: 1 TiB of 4 KiB pages."""


@frozen
class Area:
    """Memory that the workload touches; ``size`` bytes of ``range`` are used."""

    name: str
    kind: str
    range: AddrRange
    size: int


@frozen
class PhaseStart:
    """A thread began a phase; ``time_ns`` on CLOCK_MONOTONIC."""

    name: str
    time_ns: int
    tid: int


@frozen
class Unmapped:
    """Memory that an area lost; ``time_ns`` on CLOCK_MONOTONIC."""

    range: AddrRange
    time_ns: int


@define
class TruthLog:
    """A log, line by line; ``ended`` is False for one that is still written, or was cut off."""

    pid: int = 0
    start_ns: int = 0
    realtime_offset_ns: int = 0
    page_size: int = 4096
    areas: list[Area] = field(factory=list)
    others: list[AddrRange] = field(factory=list)
    phases: list[PhaseStart] = field(factory=list)
    touchings: list[Touching] = field(factory=list)
    unmapped: list[Unmapped] = field(factory=list)
    last_seen_ns: dict[int, int] = field(factory=dict)
    ended: bool = False

    @property
    def known_until_ns(self) -> int | None:
        """From here on a thread may have touched what the log does not say; None: never."""
        if self.ended:
            return None
        return min(self.last_seen_ns.values(), default=self.start_ns)


def read_truth_log(path: Path) -> TruthLog:
    """All whole lines of a log.  RecordError, with file and line, for one that is none."""
    log = TruthLog()
    number = 0
    try:
        for number, line in enumerate(_lines(path), start=1):
            _take(log, line, number)
    except OSError as error:
        raise RecordError(f"cannot read the ground-truth log {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RecordError(f"{path}:{number}: no line of a ground-truth log: {error}") from None
    if not number:
        raise RecordError(f"{path}: an empty file, no ground-truth log")
    return log


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while line := file.readline(MAX_LINE):
            if not line.endswith(b"\n") and len(line) < MAX_LINE:
                return  # the writer was stopped in the middle of it
            yield line


def _take(log: TruthLog, text: bytes, number: int) -> None:
    if not text.endswith(b"\n"):
        raise ValueError(f"longer than {MAX_LINE} bytes")
    line = json.loads(text)
    if not isinstance(line, dict):
        raise ValueError("not a JSON object")
    if number == 1:
        _take_header(log, line)
    elif "t0" in line:
        _take_touching(log, line)
    elif "other" in line:
        log.others.append(_range(*line["other"]))
    elif "area" in line:
        log.areas.append(
            Area(str(line["area"]), str(line["kind"]), _line_range(line), _count(line, "size"))
        )
    elif "unmapped" in line:
        log.unmapped.append(Unmapped(_range(*line["unmapped"]), _count(line, "t")))
    elif "mapped" in line:
        _range(*line["mapped"])  # nothing was touched there before
    elif "phase" in line:
        start = PhaseStart(str(line["phase"]), _count(line, "t"), _count(line, "tid"))
        log.phases.append(start)
        log.last_seen_ns[start.tid] = start.time_ns
    elif "thread_end" in line:
        log.last_seen_ns.pop(_count(line, "thread_end"), None)
    elif "end" in line:
        log.ended = True
    else:
        raise ValueError(f"unknown keys {', '.join(line)[:80]}")


def _take_header(log: TruthLog, line: dict[str, Any]) -> None:
    if line.get("damon_truth") != VERSION:
        raise ValueError(f"it must start with damon_truth version {VERSION}")
    log.pid = _count(line, "pid")
    log.start_ns = _count(line, "t")
    log.realtime_offset_ns = _count(line, "realtime_offset")
    log.page_size = _count(line, "page_size")
    if log.page_size < 512 or log.page_size & (log.page_size - 1):
        raise ValueError(f"page_size {log.page_size}")


def _take_touching(log: TruthLog, line: dict[str, Any]) -> None:
    optional = {
        name: _count(line, key)
        for key, name in (
            ("pass_ns", "pass_ns"),
            ("seed", "seed"),
            ("permille", "permille"),
            ("first", "first"),
            ("pages", "nr_pages"),
        )
        if key in line
    }
    touching = Touching(
        _count(line, "t0"),
        _count(line, "t1"),
        _count(line, "tid"),
        _line_range(line),
        _count(line, "stride"),
        str(line["rw"]),
        _count(line, "n"),
        **optional,
    )
    if touching.mode not in ("r", "w", "rw"):
        raise ValueError(f"rw is {touching.mode[:40]!r}")
    if touching.t1 < touching.t0 or not touching.stride or not touching.nr:
        raise ValueError("t1 before t0, or a stride or a number of passes of 0")
    if (touching.permille, touching.first) != (None, None):
        _check_pages(log, touching)
    log.touchings.append(touching)
    if touching.tid in log.last_seen_ns:
        log.last_seen_ns[touching.tid] = max(touching.t1, log.last_seen_ns[touching.tid])
    else:
        log.last_seen_ns[touching.tid] = touching.t1


def _check_pages(log: TruthLog, touching: Touching) -> None:
    if max(touching.range.size // log.page_size, touching.nr_pages) > MAX_PAGES:
        raise ValueError(f"more than {MAX_PAGES} pages")
    if touching.first is not None and touching.nr > MAX_PAGES:
        raise ValueError(f"more than {MAX_PAGES} draws")


def _line_range(line: dict[str, Any]) -> AddrRange:
    return _range(line["start"], line["end"])


def _range(start: object, end: object) -> AddrRange:
    bounds = AddrRange(_number(start, "start"), _number(end, "end"))
    if bounds.start >= bounds.end:
        raise ValueError(f"range {bounds} has no bytes")
    return bounds


def _count(line: dict[str, Any], key: str) -> int:
    return _number(line[key], key)


def _number(value: object, key: str) -> int:
    if type(value) is not int or not 0 <= value < 2**64:
        raise ValueError(f"{key} is {str(value)[:40]}, a number from 0 to 2^64-1 is needed")
    return value
