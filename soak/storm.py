"""Storms of access reports beyond what the rings hold: is every single one accounted for?

    python soak/storm.py [--seconds 5] [--seed 1] [--threads 4] [--capacity NR]...

Two primitives report in every way there is, and threads of theirs, which come and go, as fast as
they can.  For each capacity of the rings, a claim: what was reported is what the snapshots count as
credited, filtered, ... or lost, and what was taken is what they do not count as lost.
"""

from __future__ import annotations

import argparse
import mmap
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence

import numpy as np
from _claims import Claims
from attrs import define, field

from damon_core.access import REPORT_DTYPE, ReportFlag
from damon_core.engine import Monitor
from damon_core.model import AddrRange, Intervals, NrRegions, Ops, SampleFilter
from damon_core.primitive import PrimitiveContext
from damon_core.snapshot import Snapshot
from damon_core.spec import ContextSpec
from damon_core.tally import COUNTERS
from damon_core.target import Target
from damon_core.testing.scripted import ScriptedPrimitives
from damon_core.vaddr import FixedVaddr

RANGE = AddrRange(0x10_0000_0000, 0x10_4000_0000)
CAPACITIES = (1, 4, 64, 1024, 32768)
MAX_BURST = 4096
BURSTS_PER_THREAD = 400


def random_reports(rng: np.random.Generator, nr: int) -> np.ndarray:
    """Reports of every fate: to be credited, filtered, of no target, region, address, or stale."""
    rows = np.zeros(nr, REPORT_DTYPE)
    rows["vaddr"] = rng.integers(RANGE.start - RANGE.size // 8, RANGE.end, nr, np.uint64)
    rows["size"], rows["time_ns"] = rng.integers(0, 4, nr), 1
    rows["pid"] = np.where(rng.random(nr) < 0.9, os.getpid(), 1)
    rows["flags"] = ReportFlag.HAS_VADDR * (rng.random(nr) < 0.95)
    rows["flags"] |= (ReportFlag.WRITE * (rng.random(nr) < 0.1)).astype(np.uint16)
    rows["flags"] |= (ReportFlag.EXACT_TIME * (rng.random(nr) < 0.05)).astype(np.uint16)
    return rows


@define(eq=False)
class Storm:
    """One primitive and its threads; ``produced`` and ``taken`` are its own count."""

    seed: int
    nr_threads: int
    produced: int = 0
    taken: int = 0
    nr_threads_ended: int = 0
    _stop: bool = False
    _threads: list[threading.Thread] = field(factory=list)
    _lock: threading.Lock = field(factory=threading.Lock)

    def check(self, ctx: PrimitiveContext, tick: int) -> None:
        """The hook: reports of its own, and threads in place of those that have ended."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        while not self._stop and len(self._threads) < self.nr_threads:
            self.seed += 1
            thread = threading.Thread(target=self._rage, args=(ctx, self.seed))
            self._threads.append(thread)
            thread.start()
        rng = np.random.default_rng((self.seed, tick))
        self._count(*self._report_all_ways(ctx, rng))

    def end(self) -> None:
        self._stop = True
        for thread in self._threads:
            thread.join()

    def _report_all_ways(self, ctx: PrimitiveContext, rng: np.random.Generator) -> tuple[int, int]:
        reports, rows = ctx.reports, random_reports(rng, 500)
        reports.extend(rows)
        words = rng.integers(0, 2**64, 8, np.uint64, endpoint=False)
        reports.extend_bitmap(ctx.targets[0], RANGE.start, mmap.PAGESIZE, words)
        nr_bits = sum(int(word).bit_count() for word in words)
        nr_slots = 0
        for _ in range(20):
            address, room = reports.space()
            nr = min(room, 100)
            slots = np.frombuffer(_memory(address, nr * REPORT_DTYPE.itemsize), REPORT_DTYPE)
            slots[:] = rows[:nr]
            reports.commit(nr)
            nr_slots += nr
        nr_lost = int(rng.integers(0, 50))
        reports.lose(nr_lost)
        taken = len(rows) + nr_bits + nr_slots
        return taken + nr_lost, taken

    def _rage(self, ctx: PrimitiveContext, seed: int) -> None:
        rng = np.random.default_rng(seed)
        rows = random_reports(rng, MAX_BURST)
        produced = taken = 0
        for size in rng.integers(1, MAX_BURST, BURSTS_PER_THREAD):
            if self._stop:
                break
            taken += ctx.reports.report_access(rows[:size])
            produced += int(size)
        self._count(produced, taken)
        with self._lock:
            self.nr_threads_ended += 1

    def _count(self, produced: int, taken: int) -> None:
        with self._lock:
            self.produced += produced
            self.taken += taken


def _memory(address: int, size: int) -> memoryview:
    import ctypes

    return memoryview((ctypes.c_char * size).from_address(address)).cast("B")


class Source:
    """This very process as the only target."""

    def __init__(self) -> None:
        self._found = [Target.open(os.getpid())]
        self._all = tuple(self._found)

    def poll(self) -> Sequence[Target]:
        found, self._found = self._found, []
        return found

    def release(self) -> None:
        pass

    def close(self) -> None:
        for target in self._all:
            target.close()


def storm(capacity: int, largest: int, seconds: float, nr_threads: int, seed: int) -> Claims:
    claims, counters = Claims("storm"), Counter[str]()
    storms = [Storm(seed * 1000 + i * 100_000, nr_threads) for i in range(2)]
    end = time.monotonic() + seconds

    def check(storm: Storm, ctx: PrimitiveContext, tick: int) -> None:
        if storm is storms[0] and time.monotonic() > end:
            for one in storms:  # what their threads have reported is drained in this tick, the last
                one.end()
            monitor.stop()
        storm.check(ctx, tick)

    def take(snapshot: Snapshot) -> None:
        for source in snapshot.sources:
            counters.update({name: getattr(source.counters, name) for name in COUNTERS})

    monitor = Monitor(
        ContextSpec(
            ops=Ops.FVADDR,
            intervals=Intervals(5_000, 100_000, 1_000_000),
            nr_regions=NrRegions(10, 1000),
            ranges=(RANGE,),
            filters=(SampleFilter("write", matching=True, allow=False),),
            nr_reports_min=capacity,
            nr_reports_max=largest,
            cpu_quota=100.0,
            seed=seed,
        ),
        Source(),
        ScriptedPrimitives(
            *(lambda ctx, tick, storm=storm: check(storm, ctx, tick) for storm in storms)
        ),
        take,
        space=FixedVaddr((RANGE,)),
    )
    monitor.run()
    produced = sum(storm.produced for storm in storms)
    taken = sum(storm.taken for storm in storms)
    counted = sum(counters.values())
    claims.check(
        "each report is in exactly one counter",
        produced == counted and taken == counted - counters["lost"],
        capacity=capacity,
        largest=largest,
        produced=produced,
        taken=taken,
        nr_threads=sum(storm.nr_threads_ended for storm in storms),
        **counters,
    )
    return claims


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each capacity")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=4, help="of each primitive")
    parser.add_argument("--capacity", type=int, action="append", default=[])
    options = parser.parse_args()
    failed = 0
    for capacity in options.capacity or CAPACITIES:
        for largest in (capacity, max(capacity, 2**17)):  # rings that stay, and that grow
            claims = storm(capacity, largest, options.seconds, options.threads, options.seed)
            failed += bool(claims.failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
