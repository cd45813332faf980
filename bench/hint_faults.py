"""How much of a process hinting faults show, second by second, and whether it is right.

    python bench/hint_faults.py [--mib 256] [--seconds 12]

Two threads, each on a processor of its own, go over a quarter of the memory each: one writes, one
reads; half is not touched.  Prints a JSON line a second: pages of the touched half that were seen
so far, and faults in that second with a wrong direction, thread or processor, or outside.  The
last line has the time in the kernel that the process had per fault (scans of the kernel included).
kernel.numa_balancing is switched on for that long, and then as it was.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from damon_core import PrimitiveContext, ReportFlag
from damon_core.model import Intervals, Ops
from damon_core.target import Target
from damon_core.testing import RecordedReports
from damon_page_fault.hint_faults import HintFaults
from damon_page_fault.options import Options

PAGE = os.sysconf("SC_PAGE_SIZE")
SOURCE = Path(__file__).parent.parent / "plugins/page_fault/tests/faults/faulter.c"
TICK_S = 0.02


class Faulter:
    """The process; see faulter.c for what it can be told."""

    def __init__(self, folder: Path, nr_pages: int) -> None:
        compiler = shutil.which("cc") or "cc"
        program = folder / "faulter"
        subprocess.run([compiler, "-O1", "-pthread", SOURCE, "-o", program], check=True)
        self.process = subprocess.Popen(
            [program, str(nr_pages)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.start = self._answer()[0]
        self.nr_pages = nr_pages

    def tell(self, verb: str, first: int, end: int) -> list[int]:
        assert self.process.stdin is not None
        print(verb, first, end, file=self.process.stdin, flush=True)
        return self._answer()

    def kernel_s(self) -> float:
        """CPU time that the process has had in the kernel."""
        text = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2]
        return int(text.split()[12]) / os.sysconf("SC_CLK_TCK")

    def _answer(self) -> list[int]:
        assert self.process.stdout is not None
        return [int(word) for word in self.process.stdout.readline().split()]


class Truth:
    """Which reports can be, of threads that touch what ``faulter`` does."""

    def __init__(self, faulter: Faulter) -> None:
        self.quarter = faulter.nr_pages // 4
        self.start = faulter.start
        self.nr_pages = faulter.nr_pages
        tids_and_cpus = faulter.tell("spin", 0, self.quarter)
        self.tids, self.cpus = tids_and_cpus[:2], tids_and_cpus[2:]
        self.seen = np.zeros(2 * self.quarter, bool)

    def check(self, rows: np.ndarray) -> dict[str, int]:
        """Counts of what is wrong with these reports; the pages become seen."""
        pages = (rows["vaddr"].astype(np.int64) - self.start) // PAGE
        inside = (pages >= 0) & (pages < self.nr_pages)
        rows, pages = rows[inside], pages[inside]
        touched = pages < 2 * self.quarter
        reader = (pages[touched] >= self.quarter).astype(int)
        wanted = np.where(reader, ReportFlag.READ, ReportFlag.WRITE)
        found = rows[touched]
        self.seen[pages[touched]] = True
        return {
            "faults": len(rows),
            "untouched": int((~touched).sum()),
            "wrong_direction": int((found["flags"] & wanted == 0).sum()),
            "wrong_thread": int((found["tid"] != np.array(self.tids)[reader]).sum()),
            "wrong_cpu": int((found["cpu"] != np.array(self.cpus)[reader]).sum()),
        }


def watch(faulter: Faulter, seconds: int) -> None:
    truth = Truth(faulter)
    before_s = faulter.kernel_s()
    nr_faults = 0
    reports: Any = RecordedReports(cap=1 << 14)
    with Target.open(faulter.process.pid) as target:
        ctx = PrimitiveContext("page_fault", Ops.VADDR, Intervals(), PAGE, reports, (target,))
        mechanism = HintFaults(Options(enable_numa_balancing=True))
        try:
            mechanism.init(ctx)
            mechanism.update_targets(ctx)
            for second in range(1, seconds + 1):
                end = time.monotonic() + 1
                while time.monotonic() < end:
                    mechanism.prepare(ctx)
                    time.sleep(TICK_S)
                    mechanism.check(ctx, reports)
                counts = truth.check(reports.rows())
                lost = reports.nr_lost
                nr_faults += counts["faults"] + lost
                reports.clear()
                share = round(float(truth.seen.mean()), 4)
                print(json.dumps({"second": second, "seen": share, "lost": lost, **counts}))
            kernel_s = faulter.kernel_s() - before_s
        finally:
            mechanism.cleanup()
    print(
        json.dumps(
            {
                "bench": "hint_faults",
                "mib": faulter.nr_pages * PAGE >> 20,
                "seen": round(float(truth.seen.mean()), 4),
                "pages_seen": ctx.counters["pages_seen"],
                "pages_resident": ctx.counters["pages_resident"],
                "kernel_ns_per_fault": round(kernel_s / max(1, nr_faults) * 1e9),
            }
        ),
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--seconds", type=int, default=12)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        faulter = Faulter(Path(folder), (arguments.mib << 20) // PAGE)
        try:
            faulter.tell("write", 0, faulter.nr_pages)
            watch(faulter, arguments.seconds)
        finally:
            faulter.process.kill()
            faulter.process.communicate()


if __name__ == "__main__":
    main()
