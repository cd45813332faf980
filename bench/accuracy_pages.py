"""Page by page: what the primitive accessed_bit says in one interval, against what was touched.

One JSON line a kind of memory, size and interval: precision and recall of each interval, of which
the worst and the median are told.  "touch": the target touches a random part of its pages once in
each interval.  "loop": it touches a small hot set all the time, whose translations stay in the TLB.
Wanted: precision >= 0.999 and recall >= 0.995 in each interval, of files in the median.

Others clear accessed bits too: reclaim, DAMON in the kernel, another accessed_bit; huge pages and
large folios suffer most, as one clear takes 2 MiB.  Under "touch" a second scan, right after the
touches, tells them: a page accessed by then, and not at the end, was cleared by another.  "own"
counts such pages as found; what others cleared before that scan stays missed.  "intervals_met" is
how many intervals met the wanted all the same.
"""

from __future__ import annotations

import argparse
import json
import mmap
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from attrs import define, frozen

from damon_accessed_bit.options import Choice, Options
from damon_accessed_bit.plugin import AccessedBit
from damon_core.clock import MonotonicClock
from damon_core.model import AddrRange, Intervals, Ops
from damon_core.primitive import PrimitiveContext
from damon_core.score import Score
from damon_core.spans import Spans
from damon_core.target import Target
from damon_core.testing import RecordedReports
from damon_core.truth import Truth
from damon_core.workload.plan import MemoryKind, Mode, Workload, WorkloadRegion
from damon_core.workload.toucher import Toucher

PAGE = mmap.PAGESIZE
HUGE_PAGE = 2 << 20
MIB = 1 << 20
PRECISION, RECALL = 0.999, 0.995
FILES = (MemoryKind.FILE_PRIVATE, MemoryKind.FILE_SHARED)
KINDS = (MemoryKind.ANON_4K, MemoryKind.ANON_THP, MemoryKind.SHMEM, MemoryKind.MEMFD, *FILES)


@define(eq=False)
class Eye:
    """The primitive, looking at one area of one process."""

    primitive: AccessedBit
    ctx: PrimitiveContext
    target: Target
    area: AddrRange
    reports: RecordedReports
    clock: MonotonicClock

    @classmethod
    def open(cls, pid: int, area: AddrRange) -> Eye:
        target = Target.open(pid)
        target.ranges = (area,)
        reports = RecordedReports()
        ctx = PrimitiveContext("accessed_bit", Ops.VADDR, Intervals(), PAGE, reports, (target,))  # type: ignore[arg-type]
        primitive = AccessedBit(Options(mechanism=Choice.BPF))
        primitive.damon_init(ctx)
        primitive.damon_update_targets(ctx)
        return cls(primitive, ctx, target, area, reports, MonotonicClock())

    def close(self) -> None:
        self.primitive.damon_cleanup(self.ctx)
        self.target.close()

    def begin(self) -> int:
        """Clear; when the interval began, at the earliest."""
        start_ns = self.clock.now_ns()
        self.primitive.damon_prepare_access_checks(self.ctx)
        return start_ns

    def wait_until(self, ns: int) -> None:
        self.clock.wait_until(ns)

    def scan(self) -> Spans:
        """The pages of the area that were accessed since."""
        self.reports.clear()
        self.primitive.damon_check_accesses(self.ctx, self.reports)  # type: ignore[arg-type]
        pages = self.reports.addresses() // np.uint64(PAGE)
        inside = Spans.of([(self.area.start, self.area.end)])
        return Spans.of_pages(pages, PAGE) & inside


@frozen
class Interval:
    """``said`` of an interval (ns): ``inner`` from clear to scan, ``outer`` with these two.

    ``early``: as said by a scan right after the touches, if there was one.
    """

    outer: tuple[int, int]
    inner: tuple[int, int]
    said: Spans
    early: Spans | None = None


def touch_once(eye: Eye, toucher: Toucher, ms: int, nr: int) -> Iterator[Interval]:
    for number, permille in zip(range(nr), (10, 100, 500, 1000) * nr, strict=False):
        began = eye.begin()
        cleared = eye.clock.now_ns()
        toucher.touch(number, permille, Mode.READ if number % 2 else Mode.WRITE)
        early = eye.scan()
        eye.wait_until(cleared + ms * 1_000_000)
        before_scan = eye.clock.now_ns()
        said = eye.scan()
        yield Interval((began, eye.clock.now_ns()), (cleared, before_scan), said, early)


def touch_hot_set(
    eye: Eye, toucher: Toucher, ms: int, nr: int, permille: int
) -> Iterator[Interval]:
    toucher.start_loop(7, permille, (nr + 1) * (ms + 10), Mode.READ)
    for _ in range(nr):
        began = eye.begin()
        cleared = eye.clock.now_ns()
        eye.wait_until(cleared + ms * 1_000_000)
        before_scan = eye.clock.now_ns()
        said = eye.scan()
        yield Interval((began, eye.clock.now_ns()), (cleared, before_scan), said)
    toucher.finish()


def score(said: Spans, interval: Interval, truth: Truth, page_size: int) -> Score:
    """Surely touched is what was between the clear and the scan; perhaps, what was beside them."""
    sure = truth.touched(*interval.inner, page_size=page_size)
    open_ = truth.touched(*interval.outer, page_size=page_size)
    found = (said & sure.sure).size
    false = (said - sure.sure - open_.sure - open_.maybe).size
    return Score(found, false, sure.sure.size - found)


def huge_bytes(pid: int, area: AddrRange) -> int:
    """How much of the area is mapped by huge pages."""
    inside, nr = False, 0
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        words = line.split()
        if "-" in words[0]:
            start, end = (int(part, 16) for part in words[0].split("-"))
            inside = start < area.end and end > area.start
        elif inside and words[0] in ("AnonHugePages:", "ShmemPmdMapped:", "FilePmdMapped:"):
            nr += int(words[1]) * 1024
    return nr


def run_case(kind: MemoryKind, size: int, how: str, ms: int, nr: int, folder: Path) -> None:
    region = WorkloadRegion("a", size, kind, populate=True)
    log = folder / "truth"
    with Toucher(Workload((region,), folder=Path("/var/tmp")), log, control=True) as toucher:
        area = Truth.read(log).areas[0].range
        page_size = HUGE_PAGE if huge_bytes(toucher.pid, area) else PAGE
        eye = Eye.open(toucher.pid, area)
        if how == "touch":
            intervals = list(touch_once(eye, toucher, ms, nr))
        else:
            intervals = list(touch_hot_set(eye, toucher, ms, nr, max(1, 1000 * 2 * MIB // size)))
        eye.close()
        truth = Truth.read(log)
    line: dict[str, object] = {
        "bench": "accuracy_pages",
        "memory": str(kind),
        "mib": size // MIB,
        "how": how,
        "wait_ms": ms,
        "page_size": page_size,
    }
    print(json.dumps(line | results(intervals, truth, page_size, kind in FILES)), flush=True)


def results(
    intervals: list[Interval], truth: Truth, page_size: int, by_median: bool
) -> dict[str, object]:
    scored = [
        (interval, one)
        for interval in intervals
        if (one := score(interval.said, interval, truth, page_size)).found + one.missed
    ]
    if not scored:
        return {"intervals": 0, "ok": None, "why": "the target had no time to touch its pages"}
    own = [
        score(one.said | one.early if one.early else one.said, one, truth, page_size)
        for one, _ in scored
    ]
    raw = [one for _, one in scored]
    precisions, recalls = [one.precision for one in raw], [one.recall for one in raw]
    own_recalls = [one.recall for one in own]
    judge = statistics.median if by_median else min
    lengths = [one.inner[1] - one.inner[0] for one, _ in scored]
    return {
        "intervals": len(scored),
        "interval_ms": round(statistics.median(lengths) / 1e6, 1),
        "touched_mib": round(statistics.median(one.found + one.missed for one in raw) / MIB, 1),
        "precision": {"median": statistics.median(precisions), "worst": min(precisions)},
        "recall": {"median": statistics.median(recalls), "worst": min(recalls)},
        "recall_own": {"median": statistics.median(own_recalls), "worst": min(own_recalls)},
        "intervals_met": sum(one.precision >= PRECISION and one.recall >= RECALL for one in raw),
        "false_pages": sum(one.false for one in raw) // page_size,
        "missed_pages": sum(one.missed for one in raw) // page_size,
        "cleared_by_others": sum(
            one.missed - mine.missed for one, mine in zip(raw, own, strict=True)
        ) // page_size,
        "ok": judge(precisions) >= PRECISION and judge(own_recalls) >= RECALL,
        "ok_with_others": judge(precisions) >= PRECISION and judge(recalls) >= RECALL,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, nargs="+", default=[256, 1024])
    parser.add_argument("--kinds", nargs="+", default=[str(kind) for kind in KINDS])
    parser.add_argument("--intervals", type=int, default=24, help="of each case")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for mib in args.mib:
            for kind in map(MemoryKind, args.kinds):
                for ms in (0, 100):
                    run_case(kind, mib * MIB, "touch", ms, args.intervals, Path(folder))
                for ms in (20, 100):
                    run_case(kind, mib * MIB, "loop", ms, args.intervals, Path(folder))


if __name__ == "__main__":
    main()
