"""What watching writes costs (page_fault, mechanism wp_async): the scan, and the target's writes.

One JSON line a kind of memory.  Milliseconds per GiB: a scan with nothing, 1 % and everything
written, the first look, letting go.  Nanoseconds of a write to each page in turn: the first in an
interval, a later one, and how much more the first takes than the same loop unmonitored (a write a
page and nothing else: the worst case).  All in turns in one process.
Wanted of a scan: at most 1 ms per GiB idle, 5 ms with 1 % written.
"""

from __future__ import annotations

import argparse
import json
import mmap
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from damon_core.model import AddrRange, Intervals, Ops
from damon_core.primitive import PrimitiveContext
from damon_core.target import Target
from damon_core.testing import RecordedReports
from damon_core.truth import Truth
from damon_core.workload.plan import MemoryKind, Workload, WorkloadRegion
from damon_core.workload.toucher import Touched, Toucher
from damon_page_fault.options import Options
from damon_page_fault.wp_async import WriteProtect

PAGE = mmap.PAGESIZE
GIB = 1 << 30
MAX_IDLE_MS_PER_GIB = 1.0
MAX_ONE_PERCENT_MS_PER_GIB = 5.0
ONE_PERCENT, ALL = 10, 1000
"""Thousandths of the pages."""
KINDS = (
    MemoryKind.ANON_4K,
    MemoryKind.ANON_THP,
    MemoryKind.SHMEM,
    MemoryKind.MEMFD,
    MemoryKind.FILE_PRIVATE,
    MemoryKind.FILE_SHARED,
)


class NoReports(RecordedReports):
    """Counts pages and drops them: this measures the primitive, not the core."""

    nr_pages = 0

    def extend_bitmap(self, target: Target, start: int, size: int, words, flags=0) -> None:  # type: ignore[no-untyped-def]
        self.nr_pages += sum(int(word).bit_count() for word in words[words != 0])


def ms(call: Callable[[], object]) -> float:
    start = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - start) / 1e6


def ns_of(touched: Touched) -> float:
    return (touched.end_ns - touched.start_ns) / touched.nr


class Watch:
    """A process under the mechanism."""

    def __init__(self, pid: int, area: AddrRange) -> None:
        self.target = Target.open(pid)
        self.target.ranges = (area,)
        self.reports = NoReports()
        targets = (self.target,)
        self.ctx = PrimitiveContext(
            "page_fault",
            Ops.FVADDR,
            Intervals(),
            PAGE,
            self.reports,  # type: ignore[arg-type]
            targets,
        )
        self.mechanism = WriteProtect(Options(inject=True))
        self.mechanism.init(self.ctx)

    def look(self) -> None:
        self.mechanism.update_targets(self.ctx)

    def scan(self) -> None:
        self.mechanism.check(self.ctx, self.reports)  # type: ignore[arg-type]

    def close(self) -> None:
        self.mechanism.cleanup()
        self.target.close()


def measure(kind: MemoryKind, size: int, rounds: int, folder: Path) -> None:
    region = WorkloadRegion("a", size, kind, populate=True)
    log = folder / "truth"
    with Toucher(Workload((region,), folder=Path("/var/tmp")), log, control=True) as toucher:
        area = Truth.read(log).areas[0].range
        toucher.touch(1, ALL)  # what private files copy, they copy now
        rows = [one_round(toucher, area, number) for number in range(rounds)]
    middle = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    gib = size / GIB
    line: dict[str, object] = {"bench": "page_fault_writes", "memory": str(kind), "mib": size >> 20}
    for name, value in middle.items():
        if name.endswith("_ms"):
            line[f"{name}_per_gib"] = round(value / gib, 3)
        else:
            line[name] = round(value, 1)
    line["first_over_unmonitored"] = round(middle["first_write_ns"] / middle["unmonitored_ns"], 1)
    line["ok"] = (
        middle["idle_ms"] / gib <= MAX_IDLE_MS_PER_GIB
        and middle["one_percent_ms"] / gib <= MAX_ONE_PERCENT_MS_PER_GIB
    )
    print(json.dumps(line), flush=True)


def one_round(toucher: Toucher, area: AddrRange, number: int) -> dict[str, float]:
    toucher.touch(1, ALL)  # the kernel lets pages of shared memory fault once more after a watch
    row = {"unmonitored_ns": ns_of(toucher.touch(2, ALL))}
    watch = Watch(toucher.pid, area)
    row["first_look_ms"] = ms(watch.look)
    row["first_write_ns"] = ns_of(toucher.touch(3, ALL))
    row["later_write_ns"] = ns_of(toucher.touch(4, ALL))
    row["all_ms"] = ms(watch.scan)
    row["idle_ms"] = statistics.median(ms(watch.scan) for _ in range(5))
    parts = []
    for seed in range(5):
        before, touched = watch.reports.nr_pages, toucher.touch(100 * number + seed, ONE_PERCENT)
        parts.append(ms(watch.scan))
        assert watch.reports.nr_pages - before == touched.nr, "a write was missed, or made up"
    row["one_percent_ms"] = statistics.median(parts)
    row["close_ms"] = ms(watch.close)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("kinds", nargs="*", type=MemoryKind, default=KINDS)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for kind in args.kinds:
            measure(kind, args.mib << 20, args.rounds, Path(folder))


if __name__ == "__main__":
    main()
