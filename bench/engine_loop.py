"""What the engine costs: its loop with 1000 regions and 10,000 reports a tick, above an empty one.

Intervals as in DAMON's defaults: 5 ms, 100 ms, 1 s.  The two loops take turns; one JSON line with
shares of one CPU, and how far the ticks drifted from their deadlines.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time

import numpy as np

from damon_core.access import REPORT_DTYPE, ReportFlag
from damon_core.clock import MonotonicClock
from damon_core.engine import Monitor
from damon_core.model import AddrRange, Intervals, NrRegions, Ops
from damon_core.primitive import PrimitiveContext
from damon_core.snapshot import Snapshot
from damon_core.spec import ContextSpec
from damon_core.target import Target
from damon_core.testing.given_targets import GivenTargets
from damon_core.testing.scripted import ScriptedPrimitives
from damon_core.vaddr import FixedVaddr

PAGE = 4096
RANGE = AddrRange(0x10_0000_0000, 0x14_0000_0000)


def empty_loop(seconds: float, sample_us: int) -> float:
    clock = MonotonicClock()
    deadline = clock.now_ns()
    start_cpu, end = time.thread_time_ns(), deadline + int(seconds * 1e9)
    while deadline < end:
        deadline += sample_us * 1000
        clock.wait_until(deadline)
    share = (time.thread_time_ns() - start_cpu) / (seconds * 1e9)
    clock.close()
    return share


def engine_loop(seconds: float, nr_reports: int, pid: int) -> tuple[float, list[Snapshot]]:
    rng = np.random.default_rng(1)
    reports = np.zeros(nr_reports, REPORT_DTYPE)
    # accesses of different rate by place keep neighbours from merging, so regions stay 1000
    place = rng.random(nr_reports) ** 2
    reports["vaddr"] = RANGE.start + (place * RANGE.size).astype(np.uint64)
    reports["size"], reports["pid"] = 1, pid
    reports["flags"] = ReportFlag.HAS_VADDR

    def report(ctx: PrimitiveContext, tick: int) -> None:
        ctx.reports.extend(reports)

    snapshots: list[Snapshot] = []
    spec = ContextSpec(
        ops=Ops.FVADDR,
        intervals=Intervals(5_000, 100_000, 1_000_000),
        nr_regions=NrRegions(1000, 1000),
        ranges=(RANGE,),
        cpu_quota=1.0,
        seed=1,
    )
    monitor = Monitor(
        spec,
        GivenTargets(Target.open(pid)),
        ScriptedPrimitives(report),
        snapshots.append,
        space=FixedVaddr((RANGE,)),
    )
    start_cpu = time.thread_time_ns()
    monitor.run(int(seconds * 1e6))
    return (time.thread_time_ns() - start_cpu) / (seconds * 1e9), snapshots


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--reports", type=int, default=10_000)
    options = parser.parse_args()
    with subprocess.Popen(["sleep", "1000"]) as child:
        try:
            empty, engine, drift_us, nr_regions, nr_late = [], [], [], 0, 0
            for _ in range(options.rounds):
                empty.append(empty_loop(options.seconds, 5_000))
                share, snapshots = engine_loop(options.seconds, options.reports, child.pid)
                engine.append(share)
                whole = snapshots[:-1]
                span_ns = whole[-1].end_ns - whole[0].end_ns
                drift_us.append(abs(span_ns / 1000 - (len(whole) - 1) * 100_000))
                nr_regions = len(whole[-1].regions)
                nr_late += sum(s.nr_late for s in whole)
        finally:
            child.kill()
    above = min(engine) - min(empty)
    print(
        json.dumps(
            {
                "bench": "engine_loop",
                "nr_regions": nr_regions,
                "reports_per_tick": options.reports,
                "empty_loop_percent": round(min(empty) * 100, 2),
                "engine_percent": round(min(engine) * 100, 2),
                "above_empty_percent": round(above * 100, 2),
                "times_empty": round(min(engine) / min(empty), 2),
                "drift_us_over_run": round(max(drift_us)),
                "late_ticks": nr_late,
                "budget_percent": 2.0,
            }
        )
    )


if __name__ == "__main__":
    main()
