"""What sampling by perf_pmu costs a program, and how the CPU quota is kept by rarer samples.

    python bench/perf_pmu.py [--rounds 8] [--seconds 4]

First, a JSON line for each kind of event: nanoseconds per page fault or store with and without
sampling every one of them, by turns, the best of each.  Then a program that does nothing but
fault, monitored with a quota of 5 % of a CPU: with periods as asked (``fixed``), and with periods
that may grow (``adapted``); and what each leaves of the program's speed.  Needs no PMU, and says
nothing of what one costs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import numpy as np

from damon_core.engine import Monitor
from damon_core.host import PrimitiveChoice, PrimitiveHost
from damon_core.model import Intervals, Ops
from damon_core.primitive import PrimitiveContext
from damon_core.snapshot import Snapshot
from damon_core.spec import ContextSpec
from damon_core.target import Target
from damon_core.testing import RecordedReports
from damon_core.testing.given_targets import GivenTargets
from damon_core.vaddr import Vaddr

QUOTA = 0.05
NR_FAULTS = 20_000
NR_STORES = 2_000
RINGS = {"ring_size": "4 MiB", "max_ring_size": "4 MiB"}


class Loop:
    """A program that does as many of its operations as it is told, and measures them."""

    def __init__(self, name: str, folder: Path) -> None:
        program = folder / name
        source = Path(__file__).with_name(f"{name}.c")
        subprocess.run(["cc", "-O2", source, "-o", program], check=True)
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def answer(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())

    def run(self, nr: int) -> float:
        """Nanoseconds per operation, on its own clock."""
        assert self.process.stdin is not None
        print(nr, file=self.process.stdin, flush=True)
        return self.answer() / nr

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


def sampled(loop: Loop, nr: int, options: dict[str, object]) -> float:
    """Nanoseconds per operation while every one is sampled; all must have been seen or counted."""
    host = PrimitiveHost([PrimitiveChoice("perf_pmu", {**options, **RINGS})], Ops.VADDR)
    reports = RecordedReports(cap=1 << 16)
    with Target.open(loop.process.pid) as target:
        ctx = PrimitiveContext("perf_pmu", Ops.VADDR, Intervals(), 4096, reports, (target,))
        host.init([ctx])
        try:
            host.update_targets()
            host.prepare()
            taken_ns = loop.run(nr)
            host.check()
        finally:
            host.cleanup()
    seen = int((reports.rows()["pid"] == loop.process.pid).sum()) + reports.nr_lost
    assert seen >= nr, f"{seen} of {nr} were sampled"
    return taken_ns


def compare(name: str, loop: Loop, nr: int, rounds: int, options: dict[str, object]) -> None:
    alone, with_events = [], []
    for _ in range(rounds):  # by turns, so that the machine's moods hit both alike
        alone.append(loop.run(nr))
        with_events.append(sampled(loop, nr, options))
    result = {
        "bench": "perf_pmu",
        "event": name,
        "ns": round(min(alone), 1),
        "sampled_ns": round(min(with_events), 1),
        "added_ns": round(min(with_events) - min(alone)),
        "ratio": round(min(with_events) / min(alone), 2),
    }
    print(json.dumps(result), flush=True)


def busy(loop: Loop, during: Callable[[], object]) -> list[float]:
    """Nanoseconds per operation in each batch that the program does meanwhile."""
    batches: list[float] = []
    stop = threading.Event()

    def go_on() -> None:
        while not stop.is_set():
            batches.append(loop.run(NR_FAULTS))

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        during()
    finally:
        stop.set()
        thread.join()
    return batches


def monitored(loop: Loop, seconds: float, options: dict[str, object]) -> dict[str, object]:
    """A run under the quota: what the second half of it was like."""
    snapshots: list[Snapshot] = []
    spec = ContextSpec(Ops.VADDR, cpu_quota=QUOTA, seed=1)
    choices = [PrimitiveChoice("perf_pmu", {"events": "minor-faults", **options})]
    monitor = Monitor(
        spec,
        GivenTargets(Target.open(loop.process.pid)),
        PrimitiveHost(choices, spec.ops),
        snapshots.append,
        space=Vaddr(),
    )
    batches = busy(loop, lambda: monitor.run(int(seconds * 1e6)))
    later = snapshots[len(snapshots) // 2 :]
    span_ns = sum(one.end_ns - one.start_ns for one in later)
    before = snapshots[len(snapshots) // 2 - 1].sources[0].own
    after = snapshots[-1].sources[0].own
    nr_samples = after["samples"] - before["samples"]
    lost = after.get("lost_in_ring", 0) - before.get("lost_in_ring", 0)
    return {
        "fault_ns": round(median(batches[len(batches) // 2 :])),
        "monitor_cpu_percent": round(100 * sum(one.cpu_ns for one in later) / span_ns, 2),
        "samples_per_s": round(nr_samples / span_ns * 1e9),
        "lost_per_s": round(lost / span_ns * 1e9),
        "sample_ms": round(float(np.mean([one.intervals.sample_us for one in later])) / 1e3, 1),
        "periods_lengthened": after.get("periods_lengthened", 0),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=4)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        faults, stores = (Loop(name, Path(folder)) for name in ("fault_loop", "store_loop"))
        for loop in (faults, stores):
            stack.callback(loop.end)
        word = stores.answer()
        faults.run(NR_FAULTS)  # page tables and free lists warm up
        for event in ("minor-faults", "exceptions:page_fault_user"):
            compare(event, faults, NR_FAULTS, arguments.rounds, {"events": event})
        breakpoint = {"events": f"mem:{word:#x}/8:w"}
        compare("mem:ADDR/8:w", stores, NR_STORES, arguments.rounds, breakpoint)
        for name, options in (("fixed", {"max_period": 1}), ("adapted", {})):
            alone = median(faults.run(NR_FAULTS) for _ in range(arguments.rounds))
            result = monitored(faults, arguments.seconds, options)
            ratio = round(float(result["fault_ns"]) / alone, 2)  # type: ignore[arg-type]
            line = {"bench": "perf_pmu", "periods": name, "alone_ns": round(alone), "ratio": ratio}
            print(json.dumps({**line, **result}), flush=True)


if __name__ == "__main__":
    main()
