"""What the primitive accessed_bit costs (mechanism bpf): clearing, scanning, a tick.

One JSON line a memory: milliseconds per GiB, and the ratios that the budgets name.  All that is
compared runs in turns in the same process.  Wanted of 4 KiB pages: a scan of at most 1 ms per GiB,
a clear of at most 1.2 times the bare write to clear_refs.  (Of large pages both take so little that
the flush, a second write, shows in the ratio.)
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from damon_accessed_bit import tlb
from damon_accessed_bit.bpf import PageTableWalk
from damon_accessed_bit.options import Flush, Options
from damon_core.model import AddrRange, Intervals, Ops
from damon_core.primitive import PrimitiveContext
from damon_core.target import Target
from damon_core.testing import RecordedReports
from damon_core.truth import Truth
from damon_core.workload.plan import MemoryKind, Mode, Workload, WorkloadRegion
from damon_core.workload.toucher import Toucher

PAGE = mmap.PAGESIZE
GIB = 1 << 30
ENTRY_BYTES = 8
MAX_SCAN_MS_PER_GIB = 1.0
MAX_CLEAR_RATIO = 1.2


class NoReports(RecordedReports):
    """Drops what it is given: this measures the primitive, not the core."""

    def extend_bitmap(self, *args: object, **kwargs: object) -> None:
        """Forget it."""


def ms(call: Callable[[], object]) -> float:
    start = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - start) / 1e6


def median_ms(rows: list[dict[str, float]], name: str) -> float:
    return statistics.median(row[name] for row in rows)


def watch(target: Target, ops: Ops, flush: Flush) -> tuple[PageTableWalk, PrimitiveContext]:
    reports = NoReports()
    ctx = PrimitiveContext("accessed_bit", ops, Intervals(), PAGE, reports, (target,))  # type: ignore[arg-type]
    mechanism = PageTableWalk(Options(flush=flush))
    mechanism.init(ctx)
    mechanism.update_targets(ctx)
    return mechanism, ctx


def read(path: str) -> None:
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


def measure_process(kind: MemoryKind, size: int, rounds: int, folder: Path) -> None:
    """Clear and scan one process, beside what they are compared with."""
    region = WorkloadRegion("a", size, kind, populate=True)
    log = folder / "truth"
    with Toucher(Workload((region,), folder=Path("/var/tmp")), log, control=True) as toucher:
        target = Target.open(toucher.pid)
        target.ranges = (Truth.read(log).areas[0].range,)
        mechanism, ctx = watch(target, Ops.FVADDR, Flush.AUTO)
        bare = os.open(f"/proc/{toucher.pid}/clear_refs", os.O_WRONLY)
        tables = np.ones(size // PAGE * ENTRY_BYTES, np.uint8)
        copy = np.ones_like(tables)
        rows = []
        for number in range(rounds):
            row = {}
            for name, call in sorted(
                {
                    "clear_ms": lambda: mechanism.prepare(ctx),
                    "bare_ms": lambda: os.write(bare, b"1"),
                }.items(),
                reverse=bool(number % 2),
            ):
                toucher.touch(number, 500, Mode.READ)
                row[name] = ms(call)
            toucher.touch(number, 100, Mode.READ)
            row["scan_ms"] = ms(lambda: mechanism.check(ctx, ctx.reports))
            row["memcpy_ms"] = ms(lambda: np.copyto(copy, tables))
            row["smaps_ms"] = ms(lambda: read(f"/proc/{toucher.pid}/smaps"))
            rows.append(row)
        os.close(bare)
        mechanism.cleanup()
        target.close()
    gib = size / GIB
    scan = median_ms(rows, "scan_ms") / gib
    clear_ratio = median_ms(rows, "clear_ms") / median_ms(rows, "bare_ms")
    line: dict[str, object] = {
        "bench": "accessed_bit",
        "memory": str(kind),
        "mib": size >> 20,
        "flush_by_clear_refs": not tlb.has_soft_dirty(),
        "clear_ms_per_gib": round(median_ms(rows, "clear_ms") / gib, 3),
        "clear_over_bare_write": round(clear_ratio, 3),
        "scan_ms_per_gib": round(scan, 3),
        "scan_over_memcpy_of_tables": round(
            median_ms(rows, "scan_ms") / median_ms(rows, "memcpy_ms"), 2
        ),
        "smaps_over_scan": round(median_ms(rows, "smaps_ms") / median_ms(rows, "scan_ms"), 1),
    }
    if kind is not MemoryKind.ANON_THP:
        line["ok"] = scan <= MAX_SCAN_MS_PER_GIB and clear_ratio <= MAX_CLEAR_RATIO
    print(json.dumps(line), flush=True)


def measure_sparse(rounds: int) -> None:
    """A scan of 64 GiB of addresses with one page in every 64 MiB, and of a few pages only."""
    area = mmap.mmap(-1, 64 * GIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)
    area.madvise(mmap.MADV_NOHUGEPAGE)
    view = np.frombuffer(area, np.uint8)
    view[:: 64 << 20].sum()
    start = view.ctypes.data
    with Target.open(os.getpid()) as target:
        for name, end in (("sparse_64_gib", start + 64 * GIB), ("one_table", start + (2 << 20))):
            target.ranges = (AddrRange(start, end),)
            mechanism, ctx = watch(target, Ops.FVADDR, Flush.AUTO)
            mechanism.prepare(ctx)
            times = []
            for _ in range(rounds * 4):
                view[:: 64 << 20].sum()
                times.append(ms(lambda m=mechanism, c=ctx: m.check(c, c.reports)))  # type: ignore[misc]
            mechanism.cleanup()
            line = {"bench": "accessed_bit", "memory": name}
            print(json.dumps(line | {"scan_us": round(statistics.median(times) * 1e3, 1)}))


def measure_machine(rounds: int) -> None:
    """All processes of the machine to page frames."""
    with Target.physical() as target:
        target.ranges = (AddrRange(0, 1 << 46),)
        mechanism, ctx = watch(target, Ops.PADDR, Flush.AUTO)
        rows = [
            {
                "clear_ms": ms(lambda: mechanism.prepare(ctx)),
                "scan_ms": ms(lambda: mechanism.check(ctx, ctx.reports)),
            }
            for _ in range(rounds)
        ]
        mechanism.cleanup()
    mapped = sum(_resident_bytes(name) for name in os.listdir("/proc") if name.isdigit())
    line = {
        "bench": "accessed_bit",
        "memory": "paddr",
        "mapped_mib": mapped >> 20,
        "clear_ms": round(median_ms(rows, "clear_ms"), 2),
        "scan_ms": round(median_ms(rows, "scan_ms"), 2),
        "scan_ms_per_gib_mapped": round(median_ms(rows, "scan_ms") / (mapped / GIB), 2),
    }
    print(json.dumps(line), flush=True)


def _resident_bytes(pid: str) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except OSError:
        return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for kind in (MemoryKind.ANON_4K, MemoryKind.ANON_THP, MemoryKind.SHMEM):
            measure_process(kind, args.mib << 20, args.rounds, Path(folder))
    measure_sparse(args.rounds)
    measure_machine(args.rounds)


if __name__ == "__main__":
    main()
