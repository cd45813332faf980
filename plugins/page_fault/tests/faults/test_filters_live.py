"""Sampled faults in a monitoring context: under filters, and beside another primitive."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from damon_core.host import PrimitiveChoice
from damon_core.model import SampleFilter
from damon_core.snapshot import Snapshot, SourceCounters
from damon_core.testing import monitor_steps
from damon_core.testing.stepped import Step

from .conftest import Faulter

pytestmark = pytest.mark.live

Start = Callable[..., Faulter]

FIRST_TOUCH = PrimitiveChoice("page_fault", {"mechanism": "first_touch"})
NR_TICKS = 4
NR = 10
"""Pages that are touched in each sampling interval."""


def monitor(process: Faulter, step: Step, *filters: SampleFilter, also: str = "") -> Snapshot:
    """One aggregation interval."""
    choices = [FIRST_TOUCH, *([PrimitiveChoice(also)] if also else [])]
    return monitor_steps(choices, process.pid, process.range, step, *filters, nr_steps=NR_TICKS)


def touch(process: Faulter) -> Step:
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
