"""What sampling page faults costs the process that has them, and the monitor that reads them.

    python bench/faults.py [--pages 32768] [--rounds 8]

Prints a JSON line for each kind of event: nanoseconds per first write to a page with and without
sampling (by turns, the best of each), their ratio, and what draining a sample costs the monitor.
Every fault must have been sampled or counted as lost; else the program ends with an error.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from damon_core import REPORT_DTYPE
from damon_core.model import Ops
from damon_core.perf_sampling import ALL_THREADS, PerfSampling
from damon_page_fault.fault_options import FaultEvent
from damon_page_fault.fault_source import FaultSource, fault_source

CASES = {
    "tracepoint": (FaultEvent.TRACEPOINT, Ops.VADDR),
    "page-faults": (FaultEvent.PAGE_FAULTS, Ops.VADDR),
    "minor-faults": (FaultEvent.MINOR_FAULTS, Ops.VADDR),
    "minor-faults, physical addresses": (FaultEvent.MINOR_FAULTS, Ops.PADDR),
}
RING = 4 << 20


class Loop:
    """The process that has the faults."""

    def __init__(self, folder: Path) -> None:
        program = folder / "fault_loop"
        source = Path(__file__).with_name("fault_loop.c")
        subprocess.run(["cc", "-O2", source, "-o", program], check=True)
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = self.process.pid

    def run(self, nr_pages: int) -> float:
        """Nanoseconds per fault, on its own clock."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(nr_pages, file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline()) / nr_pages


class Slots:
    """Room for reports, used again and again."""

    def __init__(self, nr: int) -> None:
        self.rows = np.zeros(nr, REPORT_DTYPE)
        self.nr = self.nr_lost = 0

    def space(self) -> tuple[int, int]:
        return self.rows.ctypes.data, len(self.rows)

    def commit(self, nr: int) -> None:
        self.nr += nr

    def lose(self, nr: int) -> None:
        self.nr_lost += nr


def sampled(source: FaultSource, loop: Loop, nr_pages: int) -> tuple[float, float]:
    """Nanoseconds per fault in the target, and per sample in the monitor."""
    sampling = PerfSampling(source.attrs, source.decoding, ring_size=RING, max_ring_size=RING)
    slots = Slots(1 << 16)
    sampling.open((ALL_THREADS,))
    try:
        sampling.decoder.only([loop.pid])
        sampling.enable()
        fault_ns = loop.run(nr_pages)
        sampling.disable()
        before = time.thread_time_ns()
        sampling.drain(slots, 0)
        drain_ns = (time.thread_time_ns() - before) / max(1, sampling.totals.counts.samples)
        totals = sampling.totals
    finally:
        sampling.close()
    assert slots.nr + slots.nr_lost >= nr_pages, f"{slots.nr} of {nr_pages} faults, {totals}"
    return fault_ns, drain_ns


def compare(name: str, loop: Loop, nr_pages: int, rounds: int) -> dict[str, object]:
    source = fault_source(*CASES[name])
    alone, with_events, drains = [], [], []
    for _ in range(rounds):  # by turns, so that the machine's moods hit both alike
        alone.append(loop.run(nr_pages))
        fault_ns, drain_ns = sampled(source, loop, nr_pages)
        with_events.append(fault_ns)
        drains.append(drain_ns)
    return {
        "bench": "faults",
        "event": name,
        "fault_ns": round(min(alone)),
        "sampled_fault_ns": round(min(with_events)),
        "added_ns": round(min(with_events) - min(alone)),
        "ratio": round(min(with_events) / min(alone), 2),
        "drain_ns_per_sample": round(min(drains), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=32768)
    parser.add_argument("--rounds", type=int, default=8)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        loop = Loop(Path(folder))
        try:
            loop.run(arguments.pages)  # page tables and free lists warm up
            for name in CASES:
                result = compare(name, loop, arguments.pages, arguments.rounds)
                print(json.dumps(result), flush=True)
        finally:
            loop.process.kill()
            loop.process.communicate()


if __name__ == "__main__":
    main()
