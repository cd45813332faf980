"""The primitive in a whole context: under filters, beside another primitive, from a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from attrs import evolve

from damon_core.cli import main
from damon_core.host import PrimitiveChoice
from damon_core.installed import installed
from damon_core.model import Ops, SampleFilter
from damon_core.record import open_record
from damon_core.snapshot import Snapshot, SourceCounters, SourceState
from damon_core.testing import monitor_steps
from damon_core.testing.stepped import Step

from .conftest import Accesses

pytestmark = pytest.mark.live

Start = Callable[..., Accesses]

FAULTS = PrimitiveChoice(
    "perf_pmu", {"events": ["exceptions:page_fault_user"], "ring_size": "4 MiB"}
)
NR_TICKS = 4
NR = 10
"""Pages that are touched in each sampling interval."""


def monitor(
    process: Accesses,
    step: Step,
    *filters: SampleFilter,
    choices: Sequence[PrimitiveChoice] = (FAULTS,),
) -> Snapshot:
    """One aggregation interval."""
    return monitor_steps(choices, process.pid, process.range, step, *filters, nr_steps=NR_TICKS)


def touch(process: Accesses) -> Step:
    """Writes to some pages in each interval, and reads as many others."""

    def step(number: int) -> None:
        process.tell("write", 2 * number * NR, (2 * number + 1) * NR)
        process.tell("read", (2 * number + 1) * NR, 2 * (number + 1) * NR)

    return step


def inside(source: SourceState) -> SourceCounters:
    """Without what the process does in its other memory."""
    return evolve(source.counters, no_region=0)


def mechanism_in(path: Path) -> str:
    """That of the only primitive of a recording."""
    *_, last = open_record(path)
    (source,) = last.sources
    return source.mechanism


def test_every_access_is_credited_and_a_filter_divides_writes_from_reads(start: Start) -> None:
    process = start()
    (source,) = monitor(process, touch(process)).sources
    assert inside(source) == SourceCounters(credited=NR_TICKS * 2 * NR)
    assert source.mechanism == "exceptions:page_fault_user"
    for matching in (True, False):
        process = start()
        (source,) = monitor(process, touch(process), SampleFilter("write", matching)).sources
        assert inside(source) == SourceCounters(credited=NR_TICKS * NR, filtered=NR_TICKS * NR)


def test_a_filter_on_threads_takes_those_named(start: Start) -> None:
    process = start()
    only = SampleFilter("threads", tids=frozenset({process.pid}))
    (source,) = monitor(process, touch(process), only).sources
    assert inside(source) == SourceCounters(credited=NR_TICKS * 2 * NR)
    other = SampleFilter("threads", tids=frozenset({1}))
    process = start()
    (source,) = monitor(process, touch(process), other).sources
    assert inside(source) == SourceCounters(filtered=NR_TICKS * 2 * NR)


def test_beside_accessed_bit_each_source_keeps_its_own_hits(start: Start) -> None:
    if not any(one.name == "accessed_bit" and one.probe(Ops.FVADDR).usable for one in installed()):
        pytest.skip("needs the primitive accessed_bit to be usable: see `damon primitives`")
    process = start()

    def step(number: int) -> None:
        process.tell("write", 0, 64)

    choices = [PrimitiveChoice("accessed_bit"), FAULTS]
    snapshot = monitor(process, step, choices=choices)
    bits, faults = snapshot.sources
    assert faults.failure is bits.failure is None
    assert inside(faults) == SourceCounters(credited=64)
    assert bits.counters.credited > 64, "the later touches are no faults any more"
    assert snapshot.regions.hits[1].sum() >= 1
    assert snapshot.regions.hits[0].sum() > snapshot.regions.hits[1].sum()
    assert snapshot.regions.nr_accesses.max() <= NR_TICKS


def test_a_broken_event_stops_the_primitive_and_the_other_goes_on(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("damon_perf_pmu.event_sampling.MAX_UNADDRESSED", 0)
    process = start()
    choices = [PrimitiveChoice("accessed_bit", {"mechanism": "smaps"}), FAULTS]
    snapshot = monitor(process, lambda number: None, choices=choices)
    bits, faults = snapshot.sources
    assert bits.failure is None
    assert faults.failure is not None
    assert "samples has an address" in faults.failure


FILE = """
ops: vaddr
targets: [{{pid: {pid}}}]
intervals: {{sample_us: 5 ms, aggr_us: 50 ms, ops_update_us: 1 s}}
sample:
  primitives:
    - perf_pmu: {{events: [{{event: minor-faults, period: 1}}], ring_size: 64 KiB}}
"""


def test_events_are_taken_from_a_file_and_from_the_command_line(
    start: Start, tmp_path: Path
) -> None:
    file = tmp_path / "monitor.yaml"
    file.write_text(FILE.format(pid=start().pid))
    assert main(["check", str(file)]) == 0
    out = tmp_path / "out.damon"
    end = ["--duration", "1s", "--cpu-quota", "400 %", "-o", str(out)]
    assert main(["record", str(file), *end]) == 0
    assert mechanism_in(out) == "minor-faults"
    events = "perf_pmu:events=[minor-faults,page-faults],scope=threads"
    out.unlink()
    assert main(["record", "--primitive", events, "--pid", str(start().pid), *end]) == 0
    assert mechanism_in(out) == "minor-faults, page-faults"


def test_what_cannot_be_sampled_here_is_one_line_and_exit_code_2_or_1(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    pid = str(start().pid)
    for events, said in (("cpu-clock", "gives no addresses"), ("mem:0x1/8:w", "not a multiple")):
        args = ["record", "--primitive", f"perf_pmu:events={events}", "--pid", pid]
        assert main(args) in (1, 2)
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert line.startswith("damon: ")
        assert said in line
