"""The primitive in a monitoring context: beside accessed_bit, under filters, into a recording."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from damon_core.host import PrimitiveChoice
from damon_core.model import SampleFilter
from damon_core.record import open_record
from damon_core.snapshot import Snapshot
from damon_core.testing import monitor_steps

from .conftest import PAGE, Start, Writers

pytestmark = pytest.mark.live

NR_TICKS = 4
BOTH = (
    PrimitiveChoice("page_fault", {"mechanism": "wp_async"}),
    PrimitiveChoice("accessed_bit"),
)
WRITES = SampleFilter("write")


def monitor(
    process: Writers, choices: Sequence[PrimitiveChoice], *filters: SampleFilter
) -> Snapshot:
    """One aggregation interval, with the same touches in each of its sampling intervals."""

    def step(number: int) -> None:
        touch(process)

    return monitor_steps(choices, process.pid, process.range, step, *filters, nr_steps=NR_TICKS)


def touch(process: Writers) -> None:
    process.tell("write", 0, 64)
    process.tell("read", 2048, 2048 + 64)


def test_two_sources_make_one_update_of_a_region_in_a_sampling_interval(writers: Start) -> None:
    process = writers(nr_readers=0)
    snapshot = monitor(process, BOTH)
    faults, bits = snapshot.sources
    assert (faults.name, faults.mechanism) == ("page_fault", "wp_async")
    assert faults.counters.credited == faults.counters.total == 64 * NR_TICKS
    assert snapshot.regions.nr_accesses.max() <= NR_TICKS
    written = snapshot.regions.start < process.start + 64 * PAGE
    assert (snapshot.regions.nr_accesses[written] == NR_TICKS).any()
    assert snapshot.regions.hits[0].sum() == 64 * NR_TICKS
    assert snapshot.regions.hits[0][~written].sum() == 0
    assert snapshot.regions.hits[1].sum() == bits.counters.credited
    assert bits.counters.credited > 0


def test_a_filter_for_writes_leaves_the_written_pages(writers: Start) -> None:
    process = writers(nr_readers=0)
    snapshot = monitor(process, BOTH, WRITES)
    faults, bits = snapshot.sources
    assert faults.counters.credited == faults.counters.total == 64 * NR_TICKS
    assert bits.counters.credited == 0
    assert bits.counters.filtered == bits.counters.total
    accessed = np.nansum(snapshot.regions.accessed_bytes)
    assert accessed == 64 * PAGE


def test_a_filter_against_writes_leaves_none(writers: Start) -> None:
    process = writers(nr_readers=0)
    against = SampleFilter("write", allow=False)
    (faults, _) = monitor(process, BOTH, against).sources
    assert faults.counters.filtered == faults.counters.total == 64 * NR_TICKS


@pytest.mark.parametrize(
    "who",
    [SampleFilter("threads", tids=frozenset({1})), SampleFilter("cpumask", cpus=frozenset({0}))],
)
def test_filters_for_threads_and_processors_drop_what_cannot_tell(
    writers: Start, who: SampleFilter
) -> None:
    process = writers(nr_readers=0)
    (faults,) = monitor(process, BOTH[:1], who).sources
    assert faults.counters.filtered == faults.counters.total == 64 * NR_TICKS


def test_a_recording_has_the_hits_of_each_source(writers: Start, tmp_path: Path) -> None:
    process = writers(cooperates=False)
    process.begin("free", 1, 200_000, 500_000, 0)
    out = tmp_path / "out.damon"
    damon = [sys.executable, "-m", "damon_core", "record", "--pid", str(process.pid)]
    damon += ["--primitive", "page_fault:inject=yes", "--primitive", "accessed_bit"]
    damon += ["--sample", "50ms", "--aggr", "250ms", "--cpu-quota", "400 %", "-t", "2s"]
    damon += ["-o", str(out)]
    subprocess.run(damon, check=True, capture_output=True)
    record = open_record(out)
    table = record.to_table()
    assert sum(table["hits.page_fault"].to_pylist()) > 0
    assert sum(table["hits.accessed_bit"].to_pylist()) > 0
    notes = [note for snapshot in record for note in snapshot.notes]
    assert any("was stopped for" in note for note in notes)
