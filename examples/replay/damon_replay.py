"""The primitive ``replay``: accesses from a file, reported when their time has come.

The file is a trace: a CSV file with a line for each access, or a NumPy file (.npy) with rows of
``damon_core.REPORT_DTYPE``.
"""

import csv
import time
from pathlib import Path

import attrs
import numpy as np

from damon_core import REPORT_DTYPE, Availability, Provides, ReportFlag, hookimpl
from damon_core.errors import PrimitiveError
from damon_core.model import Ops

REQUIRED = ("time_ns", "address")
OPTIONAL = ("size", "weight", "is_write", "tid", "cpu")
_VADDR = ReportFlag.HAS_VADDR
DIRECTIONS = {"": 0, "0": ReportFlag.READ, "1": ReportFlag.WRITE}
MIN_LOOP_NS = 1_000_000
MAX_ACCESSES = 1 << 26  # 4 GiB of reports


@attrs.frozen
class Options:
    """``path``: the trace.  ``speed``: 2 plays it in half the time.  ``loop``: again and again.

    ``relative``: addresses are offsets into the ranges of the target, laid end to end.
    """

    path: str
    speed: float = attrs.field(default=1.0, validator=attrs.validators.gt(0))
    loop: bool = False
    relative: bool = False


class Replay:
    """Reports the accesses of a trace for each of the targets, from its first sample on."""

    ops = frozenset(Ops)
    provides = Provides(granularity="event", write=True, cpu=True, tid=True)
    Options = Options

    def __init__(self, options):
        self._options = options
        self._trace = np.empty(0, REPORT_DTYPE)
        self._next = 0
        self._start_ns = 0
        self._nr_loops = 0

    @classmethod
    def probe(cls, ops):
        """A file can be read everywhere."""
        return Availability(True, mechanism="trace")

    @hookimpl
    def damon_init(self, ctx):
        self._trace = read_trace(Path(self._options.path), ctx.ops)
        if self._options.loop and len(self._trace) and self._trace["time_ns"][-1] < MIN_LOOP_NS:
            raise PrimitiveError(
                f"trace {self._options.path} is too short to loop: it must last for a millisecond"
            )
        self._next = self._nr_loops = self._start_ns = 0
        ctx.count("accesses_in_trace", len(self._trace))

    @hookimpl
    def damon_prepare_access_checks(self, ctx):
        self._start_ns = self._start_ns or time.monotonic_ns()

    @hookimpl
    def damon_check_accesses(self, ctx, reports):
        for rows in self._due(time.monotonic_ns()):
            for target in ctx.targets:
                reports.extend(self._of(target, rows))
            ctx.count("accesses_replayed", len(rows))

    @hookimpl
    def damon_cleanup(self, ctx):
        self._trace = np.empty(0, REPORT_DTYPE)

    def _due(self, now_ns):
        """Arrays of accesses whose time is up to ``now_ns``, with the times at which they are."""
        while len(self._trace):
            speed, length_ns = self._options.speed, int(self._trace["time_ns"][-1])
            start_ns = self._start_ns + int(self._nr_loops * (length_ns + 1) / speed)
            traced_ns = max(0, int((now_ns - start_ns) * speed))
            end = int(np.searchsorted(self._trace["time_ns"], traced_ns, side="right"))
            rows = self._trace[self._next : end].copy()
            rows["time_ns"] = (start_ns + rows["time_ns"] / speed).astype(np.uint64)
            rows["time_ns"] = np.minimum(rows["time_ns"], now_ns)  # rounded up
            yield rows
            self._next = end
            if end < len(self._trace) or not self._options.loop:
                return
            self._nr_loops, self._next = self._nr_loops + 1, 0

    def _of(self, target, rows):
        rows = rows.copy()
        name = "vaddr" if target.pid else "paddr"
        if self._options.relative:
            rows[name] = _inside(target.ranges, rows[name])
        rows["pid"] = target.pid
        return rows


def _inside(ranges, offsets):
    """The addresses of offsets into ranges laid end to end; what is behind the end begins anew."""
    if not ranges:
        return offsets
    sizes = np.array([area.size for area in ranges], np.uint64)
    ends = np.cumsum(sizes)
    offsets = offsets % ends[-1]
    which = np.searchsorted(ends, offsets, side="right")
    starts = np.array([area.start for area in ranges], np.uint64)
    return starts[which] + (offsets - (ends - sizes)[which])


def read_trace(path, ops):
    """The accesses of a file as rows for ``ops``, by time; PrimitiveError names file and line."""
    try:
        rows = _read_numpy(path) if path.suffix == ".npy" else _read_csv(path, ops)
    except OSError as error:
        raise PrimitiveError(f"trace {path} cannot be read: {error.strerror}") from error
    flag, name = (ReportFlag.HAS_PADDR, "a paddr") if ops is Ops.PADDR else (_VADDR, "a vaddr")
    if not (rows["flags"] & np.uint16(flag)).all():
        raise PrimitiveError(f"trace {path} has accesses without {name}: {ops} needs them")
    if not ((rows["size"] >= 1) & (rows["weight"] >= 1)).all():
        raise PrimitiveError(f"trace {path} has accesses with size or weight 0: at least 1 each")
    rows = rows[np.argsort(rows["time_ns"], kind="stable")]
    if len(rows):
        rows["time_ns"] -= rows["time_ns"][0]
    rows["flags"] |= np.uint16(ReportFlag.EXACT_TIME)
    return rows


def _read_numpy(path):
    try:
        rows = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise PrimitiveError(f"trace {path} is no NumPy file: {error}") from error
    if not isinstance(rows, np.ndarray) or rows.dtype != REPORT_DTYPE or rows.ndim != 1:
        raise PrimitiveError(f"trace {path}: rows of damon_core.REPORT_DTYPE are wanted")
    return rows.copy()


def _read_csv(path, ops):
    numbers = []
    with open(path, newline="", encoding="utf-8", errors="replace") as file:
        lines = csv.DictReader(file, strict=True)
        try:
            _check_columns(path, lines.fieldnames or ())
            for line in lines:
                if len(numbers) == MAX_ACCESSES:
                    raise PrimitiveError(f"trace {path} has more than {MAX_ACCESSES} accesses")
                numbers.append(_row(path, lines.line_num, line, ops))
        except csv.Error as error:
            raise PrimitiveError(f"{path}:{lines.line_num}: {error}") from error
    return np.array(numbers, REPORT_DTYPE)


def _check_columns(path, names):
    missing = [name for name in REQUIRED if name not in names]
    unknown = [name for name in names if name not in REQUIRED + OPTIONAL]
    if missing or unknown:
        wrong = f"no column {missing[0]}" if missing else f"unknown column {unknown[0]!r}"
        raise PrimitiveError(
            f"{path}:1: {wrong}: the first line names {', '.join(REQUIRED)}, and any of "
            f"{', '.join(OPTIONAL)}"
        )


def _row(path, number, line, ops):
    """One access as a tuple in the order of REPORT_DTYPE."""

    def take(name, default=0, limit=2**64):
        text = line.get(name, "")
        try:
            value = int(text, 0) if text else default
        except (TypeError, ValueError):
            value = -1
        if None in line or value is None or not 0 <= value < limit:
            raise PrimitiveError(f"{path}:{number}: {name} is {text!r}: a number is wanted")
        return value

    is_write = (line.get("is_write") or "").strip()
    if is_write not in DIRECTIONS:
        raise PrimitiveError(f"{path}:{number}: is_write is {is_write!r}: 0, 1 or nothing")
    tid, cpu = take("tid", limit=2**31), line.get("cpu")
    flags = ReportFlag.HAS_PADDR if ops is Ops.PADDR else _VADDR
    flags |= DIRECTIONS[is_write] | (ReportFlag.HAS_TID if tid else 0)
    flags |= ReportFlag.HAS_CPU if cpu else 0
    address = take("address", None)
    paddr, vaddr = (address, 0) if ops is Ops.PADDR else (0, address)
    return (
        *(paddr, vaddr, take("size", 1), take("time_ns", None), 0, 0, tid),
        *(take("cpu", limit=2**32), take("weight", 1, 2**32), 0, flags, 0),
    )
