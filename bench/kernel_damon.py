"""The kernel's own DAMON (vaddr) beside accessed_bit, in a VM: accuracy and cost.

Usage: kernel_damon.py [--kernel NAME] [CASE...].  On the host it boots a kernel of .vm that has
DAMON, and runs itself there; never on a host, whose DAMON belongs to somebody else.  Emulated
processors: only the ratios of one run mean something.

"regions": 16 MiB hot of 128 MiB, moved once; both at the same intervals and numbers of regions, one
after the other; precision and recall of the accessed regions in the second half of each phase.
"pages": what one look at every page of a process costs per GiB: the kernel's prepare and check
with a region a page, and a clear and a scan of accessed_bit, in CPU time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from _recorded import record_pid

from damon_core.comparison.contender import Contender
from damon_core.comparison.scenario import Scenario
from damon_core.comparison.trial import run_trial
from damon_core.host import PrimitiveChoice
from damon_core.model import Intervals, NrRegions
from damon_core.record import open_record
from damon_core.score import Score, score_spans
from damon_core.spans import Spans
from damon_core.spec import ContextSpec
from damon_core.truth import Truth
from damon_core.workload.masim import parse_masim
from damon_core.workload.toucher import Toucher

ROOT = Path(__file__).resolve().parents[1]
ADMIN = Path("/sys/kernel/mm/damon/admin/kdamonds")
CONTEXT = "0/contexts/0"
INTERVALS = Intervals(20_000, 400_000, 1_000_000)
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGESIZE")
LIMITS = NrRegions(10, 1000)

MOVING = """\
#damon memory anon_4k
#damon populate yes
a, 128 MiB

moving
40000
#damon pause 5 ms
#damon window 16 MiB every 20 s step 64 MiB
a, 0, 4096, 1, wo
"""
STRIDING = """\
#damon memory anon_4k
#damon populate yes
a, {mib} MiB

striding
86400000
#damon pause 200 ms
a, 0, 4096, 1, wo
"""


class KernelDamon:
    """One context of the kernel's DAMON for a process; only in a VM."""

    def __init__(self, pid: int, intervals: Intervals, limits: NrRegions) -> None:
        assert os.environ.get("VMRUN") == "1", "never on a host"
        self._write("nr_kdamonds", 1)
        self._write("0/contexts/nr_contexts", 1)
        self._write(f"{CONTEXT}/operations", "vaddr")
        attributes = f"{CONTEXT}/monitoring_attrs"
        self._write(f"{attributes}/intervals/sample_us", intervals.sample_us)
        self._write(f"{attributes}/intervals/aggr_us", intervals.aggr_us)
        self._write(f"{attributes}/intervals/update_us", intervals.ops_update_us)
        # the largest first: at every moment min must not be above max
        self._write(f"{attributes}/nr_regions/max", limits.max)
        self._write(f"{attributes}/nr_regions/min", limits.min)
        self._write(f"{CONTEXT}/targets/nr_targets", 1)
        self._write(f"{CONTEXT}/targets/0/pid_target", pid)
        self._write(f"{CONTEXT}/schemes/nr_schemes", 1)
        self._write(f"{CONTEXT}/schemes/0/action", "stat")
        pattern = f"{CONTEXT}/schemes/0/access_pattern"
        for key, largest in (("sz", 2**63), ("nr_accesses", 2**32 - 1), ("age", 2**32 - 1)):
            self._write(f"{pattern}/{key}/min", 0)
            self._write(f"{pattern}/{key}/max", largest)
        self._write("0/state", "on")
        self._pid = int((ADMIN / "0/pid").read_text())

    def accessed(self) -> Spans:
        """The regions that were accessed at the end of the next window."""
        self._write("0/state", "update_schemes_tried_regions")
        found = []
        for region in (ADMIN / CONTEXT / "schemes/0/tried_regions").iterdir():
            if region.name.isdigit() and int((region / "nr_accesses").read_text()):
                start, end = ((region / name).read_text() for name in ("start", "end"))
                found.append((int(start), int(end)))
        return Spans.of(found)

    def cpu_s(self) -> float:
        """CPU time of its thread so far, in whole ticks."""
        return cpu_s(self._pid)

    def close(self) -> None:
        self._write("0/state", "off")
        self._write("nr_kdamonds", 0)

    def _write(self, path: str, value: object) -> None:
        (ADMIN / path).write_text(str(value))


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def regions(folder: Path) -> None:
    """Both on the same workload, one after the other."""
    log = folder / "truth"
    spec = ContextSpec(intervals=INTERVALS, cpu_quota=1.0, nr_regions=LIMITS)
    workload = parse_masim(MOVING)
    with Toucher(workload, log, control=True) as toucher:
        damon = KernelDamon(toucher.pid, INTERVALS, LIMITS)
        before, began = damon.cpu_s(), time.monotonic()
        toucher.start()
        looks: list[tuple[int, int, Spans]] = []
        while time.monotonic() < began + 40:
            start_ns = time.monotonic_ns()
            found = damon.accessed()  # of a window that ended in this call
            end_ns = time.monotonic_ns()
            looks.append((start_ns - INTERVALS.aggr_us * 1000, end_ns, found))
        share = (damon.cpu_s() - before) / (time.monotonic() - began)
        damon.close()
        toucher.finish()
        toucher.stop()
    truth = Truth.read(log)
    scores = [
        score_spans(found & areas_of(truth), truth.touched(start_ns, end_ns))
        for start_ns, end_ns, found in looks
        if is_settled(truth, start_ns, end_ns)
    ]
    tell("regions", "kernel", scores, cpu_share=round(share, 4))
    contender = Contender("accessed_bit", spec, (PrimitiveChoice("accessed_bit"),))
    sight = run_trial(Scenario("moving", "", workload), contender, folder).sight
    assert sight is not None
    line = {
        "bench": "kernel_damon",
        "case": "regions",
        "who": "accessed_bit",
        "windows": sight.accuracy.nr_windows,
        "precision": sight.accuracy.precision,
        "recall": sight.accuracy.recall,
        "cpu_share": round(sight.cost.cpu_share, 4),
    }
    print(json.dumps(line), flush=True)


def areas_of(truth: Truth) -> Spans:
    return Spans.of((area.range.start, area.range.end) for area in truth.areas)


def is_settled(truth: Truth, start_ns: int, end_ns: int) -> bool:
    """Whether a window lies in the second half of a phase."""
    starts = [phase.time_ns for phase in truth.phases]
    length = starts[1] - starts[0]
    return any(one + length // 2 <= start_ns and end_ns <= one + length for one in starts)


def tell(case: str, who: str, scores: list[Score], **more: object) -> None:
    line: dict[str, object] = {"bench": "kernel_damon", "case": case, "who": who}
    line["windows"] = len(scores)
    if scores:
        line["precision"] = round(statistics.median(one.precision for one in scores), 4)
        line["recall"] = round(statistics.median(one.recall for one in scores), 4)
    print(json.dumps(line | more), flush=True)


def pages(folder: Path, mib: int = 256) -> None:
    """Both look at each page of the same process, one after the other."""
    nr_pages = mib << 20 >> 12
    sample_us = 2_000_000
    slow = Intervals(sample_us, sample_us * 10, sample_us * 1000)
    with Toucher(parse_masim(STRIDING.format(mib=mib)), folder / "truth") as toucher:
        # more than enough regions: every page of the areas gets one of its own
        damon = KernelDamon(toucher.pid, slow, NrRegions(2 * nr_pages, 2 * nr_pages))
        kernel_s = per_look(damon.cpu_s, sample_us)
        damon.close()
        own_s = ours_per_look(toucher.pid, folder, sample_us)
    gib = mib / 1024
    line = {
        "bench": "kernel_damon",
        "case": "pages",
        "mib": mib,
        "kernel_ms_per_gib": round(kernel_s * 1000 / gib, 1),
        "accessed_bit_ms_per_gib": round(own_s * 1000 / gib, 1),
        "ratio": round(kernel_s / own_s, 2),
    }
    print(json.dumps(line), flush=True)


def per_look(cpu: Callable[[], float], sample_us: int, nr: int = 6) -> float:
    """Mean CPU seconds of a sampling interval, after the first have made all regions."""
    time.sleep(3 * sample_us / 1e6)
    before, began = cpu(), time.monotonic()
    time.sleep(nr * sample_us / 1e6)
    nr_looks = (time.monotonic() - began) / (sample_us / 1e6)
    return (cpu() - before) / nr_looks


def ours_per_look(pid: int, folder: Path, sample_us: int) -> float:
    spec = ContextSpec(intervals=Intervals(sample_us, 3 * sample_us, 10**9), cpu_quota=1.0)
    path = folder / "pages.damon"
    record_pid(pid, spec, path, 7 * sample_us)
    snapshots = list(open_record(str(path)))[1:]
    return sum(one.cpu_ns for one in snapshots) / 1e9 / sum(one.nr_samples for one in snapshots)


def boot(kernel: str, cases: list[str]) -> int:
    """Run this program in a VM."""
    folder = ROOT / ".vm" / kernel
    if not (folder / "vmlinuz").exists():
        print(json.dumps({"bench": "kernel_damon", "skipped": f"no {folder}: tools/vm-kernels"}))
        return 0
    command = [str(ROOT / "tools" / "vmrun"), "--kernel", str(folder / "vmlinuz"), "--mem", "2G"]
    if (folder / "modules").exists():
        command += ["--modules", str(folder / "modules")]
    command += ["--timeout", "900", f"--see={sys.prefix}", f"--see={ROOT}"]
    return subprocess.run([*command, "--", sys.executable, __file__, *cases]).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernel", default="debian-6.12")
    parser.add_argument("cases", nargs="*", default=["regions", "pages"])
    args = parser.parse_args()
    if os.environ.get("VMRUN") != "1":
        return boot(args.kernel, args.cases)
    with tempfile.TemporaryDirectory() as name:
        for case in args.cases:
            {"regions": regions, "pages": pages}[case](Path(name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
