"""What the reports of one interval may say, given the target and what the primitive promises."""

from __future__ import annotations

import numpy as np

from ..access import ReportFlag
from ..maps import read_maps
from ..model import Ops
from ..primitive import Provides
from ..target import Target
from .recorded import RecordedReports
from .rule import Rule

_VADDR, _PADDR = ReportFlag.HAS_VADDR, ReportFlag.HAS_PADDR
_DIRECTIONS = ReportFlag.READ | ReportFlag.WRITE
_KNOWN = ReportFlag((1 << len(ReportFlag)) - 1)


def check_reports(
    reports: RecordedReports,
    provides: Provides,
    ops: Ops,
    target: Target,
    interval_ns: tuple[int, int],
) -> None:
    """BrokenRule for the first report that says what it cannot say."""
    rows = reports.rows()
    reports.check_guard()
    for bitmap in reports.bitmaps:
        Rule.TARGET.must(bitmap.target is target, "a bitmap is for something that is no target")
        Rule.REPORT.must(
            not bitmap.flags & ~_DIRECTIONS, f"a bitmap has the flags {bitmap.flags!r}"
        )
        _check_direction(np.array([bitmap.flags]), provides)
    _check_fields(rows, ops)
    _check_direction(rows["flags"], provides)
    for kind, promised, flag in (
        ("CPU", provides.cpu, ReportFlag.HAS_CPU),
        ("thread", provides.tid, ReportFlag.HAS_TID),
    ):
        told = (rows["flags"] & flag).any()
        Rule.PROVIDES.must(promised or not told, f"a report has a {kind}, `provides` has none")
    _check_times(rows, interval_ns)
    if ops is not Ops.PADDR:
        others = rows["pid"][rows["pid"] != target.pid]
        Rule.TARGET.must(not len(others), f"a report is of process {others[:1]}, of no target")
    _check_inside(reports.addresses("paddr" if ops is Ops.PADDR else "vaddr"), ops, target)


def _check_fields(rows: np.ndarray, ops: Ops) -> None:
    flags = rows["flags"]
    name, has = ("paddr", _PADDR) if ops is Ops.PADDR else ("vaddr", _VADDR)
    for holds, found in (
        ((flags & has).astype(bool), f"a report for {ops} has no {name}"),
        (rows["size"] >= 1, "a report is of no bytes"),
        (rows["weight"] >= 1, "a report stands for no access: weight is 1 where it is unknown"),
        ((flags & ~np.uint16(_KNOWN)) == 0, "a report has flags that do not exist"),
        (rows[name] + rows["size"] >= rows[name], "a report goes on behind the last address"),
        (
            (flags & ReportFlag.HAS_TID == 0) | (rows["tid"] > 0),
            "a report has the flag HAS_TID, and a thread that is none",
        ),
    ):
        Rule.REPORT.must(holds.all(), found)


def _check_direction(flags: np.ndarray, provides: Provides) -> None:
    directions = flags & _DIRECTIONS
    Rule.PROVIDES.must(
        provides.write or not directions.any(),
        "a report has a direction, `provides` says that they do not tell reads from writes",
    )
    Rule.REPORT.must(
        not (directions == _DIRECTIONS).any(),
        "a report is a read and a write at once: leave out what is unknown",
    )


def _check_times(rows: np.ndarray, interval_ns: tuple[int, int]) -> None:
    exact = rows["time_ns"][(rows["flags"] & ReportFlag.EXACT_TIME) != 0]
    start, end = interval_ns
    outside = exact[(exact < start) | (exact > end)]
    Rule.TIME.must(
        not len(outside), f"{outside[:1]} ns is not in the interval from {start} to {end} ns"
    )


def _check_inside(addresses: np.ndarray, ops: Ops, target: Target) -> None:
    if ops is Ops.PADDR:
        areas = [(area.start, area.end) for area in target.ranges]
        edges = np.array(areas, np.uint64).reshape(-1, 2)
    else:
        maps = read_maps(target.pid)
        edges = np.column_stack([maps["start"], maps["end"]])
    before = np.searchsorted(edges[:, 0], addresses, side="right")
    ends = np.concatenate([np.zeros(1, np.uint64), edges[:, 1]])[before]
    outside = addresses[addresses >= ends]
    some = ", ".join(f"{address:#x}" for address in outside[:3].tolist())
    Rule.TARGET.must(
        not len(outside), f"{len(outside)} reports are not of memory that the target has: {some}"
    )
