"""Sampled faults in a monitoring context: under filters, and beside another primitive."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

import pytest

from damon_core.clock import ManualClock
from damon_core.engine import Monitor
from damon_core.host import PrimitiveChoice, PrimitiveHost
from damon_core.model import AddrRange, Intervals, NrRegions, Ops, SampleFilter
from damon_core.snapshot import Snapshot, SourceCounters
from damon_core.spec import ContextSpec
from damon_core.target import Target
from damon_core.vaddr import FixedVaddr

from .conftest import Faulter

pytestmark = pytest.mark.live

Start = Callable[..., Faulter]

FIRST_TOUCH = PrimitiveChoice("page_fault", {"mechanism": "first_touch"})
NR_TICKS = 4
NR = 10
"""Pages that are touched in each sampling interval."""


class OneTarget:
    """The process, and no other."""

    def __init__(self, pid: int) -> None:
        self._found = [Target.open(pid)]

    def poll(self) -> Sequence[Target]:
        found, self._found = self._found, []
        return found

    def release(self) -> None:
        """Nothing was held."""

    def close(self) -> None:
        """The monitor closes what it was given."""


class SteppedClock(ManualClock):
    """Each wait lets something happen instead of time passing."""

    def __init__(self, step: Callable[[int], object]) -> None:
        super().__init__(start_ns=time.monotonic_ns())
        self._step = step

    def wait_until(self, deadline_ns: int) -> bool:
        self._step(len(self.deadlines))
        return super().wait_until(deadline_ns)


def monitor(
    process: Faulter, step: Callable[[int], object], *filters: SampleFilter, also: str = ""
) -> Snapshot:
    """One aggregation interval; ``step`` is called with the number of each sampling interval."""
    spec = ContextSpec(
        Ops.FVADDR,
        Intervals(1000, NR_TICKS * 1000, 1_000_000),
        cpu_quota=100,  # this is about what is seen, in intervals that are none
        nr_regions=NrRegions(3, 16),
        filters=filters,
        seed=1,
    )
    choices = [FIRST_TOUCH, *([PrimitiveChoice(also)] if also else [])]
    snapshots: list[Snapshot] = []
    Monitor(
        spec,
        OneTarget(process.pid),
        PrimitiveHost(choices, spec.ops),
        snapshots.append,
        space=FixedVaddr([AddrRange(process.start, process.range.end)]),
        clock=SteppedClock(step),
    ).run(duration_us=NR_TICKS * 1000)
    (snapshot,) = snapshots
    return snapshot


def touch(process: Faulter) -> Callable[[int], object]:
    """Writes to some pages in each interval, and reads as many others."""

    def step(number: int) -> None:
        process.tell("write", 2 * number * NR, (2 * number + 1) * NR)
        process.tell("read", (2 * number + 1) * NR, 2 * (number + 1) * NR)

    return step


def test_without_filters_every_fault_is_credited(start: Start) -> None:
    process = start()
    (source,) = monitor(process, touch(process)).sources
    assert source.counters == SourceCounters(credited=NR_TICKS * 2 * NR)
    assert source.own["faults"] == NR_TICKS * 2 * NR
    assert source.mechanism == "first_touch"


@pytest.mark.parametrize("matching", [True, False])
def test_a_filter_on_writes_divides_them_from_reads_exactly(start: Start, matching: bool) -> None:
    process = start()
    snapshot = monitor(process, touch(process), SampleFilter("write", matching))
    (source,) = snapshot.sources
    assert source.counters == SourceCounters(credited=NR_TICKS * NR, filtered=NR_TICKS * NR)


def test_a_filter_on_processors_takes_those_named(start: Start) -> None:
    process = start()
    cpu = min(os.sched_getaffinity(0))
    os.sched_setaffinity(process.pid, {cpu})
    for cpus, credited in (({cpu}, NR_TICKS * 2 * NR), ({cpu + 1}, 0)):
        (source,) = monitor(
            process, touch(process), SampleFilter("cpumask", cpus=frozenset(cpus))
        ).sources
        assert source.counters == SourceCounters(
            credited=credited, filtered=NR_TICKS * 2 * NR - credited
        )
        process.tell("drop", 0, 256)


def test_a_filter_on_threads_takes_those_named(start: Start) -> None:
    process = start()
    tid, _ = process.tell("thread", 200, 230)

    def step(number: int) -> None:
        if number == 0:
            process.tell("go")
        else:
            process.tell("write", number * NR, (number + 1) * NR)

    (source,) = monitor(process, step, SampleFilter("threads", tids=frozenset({tid}))).sources
    assert source.counters == SourceCounters(credited=30, filtered=(NR_TICKS - 1) * NR)


def test_beside_accessed_bit_each_source_keeps_its_own_hits(start: Start) -> None:
    process = start()

    def step(number: int) -> None:
        process.tell("write", 0, 64)

    snapshot = monitor(process, step, also="accessed_bit")
    faults, bits = snapshot.sources
    assert faults.failure is bits.failure is None
    assert faults.counters == SourceCounters(credited=64)
    assert bits.counters.credited > 64, "the later touches are no faults any more"
    assert snapshot.regions.hits.shape[0] == 2
    assert snapshot.regions.hits[0].sum() == 64
    assert snapshot.regions.nr_accesses.max() <= NR_TICKS
