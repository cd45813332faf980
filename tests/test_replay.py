"""Samples of a file through the engine: at the file's times, and none of them lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from damon_core._native import ffi
from damon_core.access import REPORT_DTYPE, ReportFlag
from damon_core.engine import Monitor
from damon_core.errors import ConfigError, RecordError, RunError
from damon_core.maps import Mapping
from damon_core.model import AddrRange, Intervals, NrRegions, Ops, SampleFilter
from damon_core.perf_data.decoding import FileCounts
from damon_core.perf_data.survey import Survey, Surveyor
from damon_core.perf_data.tasks import Tasks
from damon_core.record import open_record
from damon_core.record_format import PrimitiveInfo, RecordHeader
from damon_core.replay import Replay, ReplayClock
from damon_core.replay_plan import (
    MAX_WINDOWS,
    check_intervals,
    check_span,
    choose_intervals,
    choose_pids,
    choose_targets,
    ranges_around,
)
from damon_core.replay_source import NAME
from damon_core.replay_targets import AsGiven, ReplayTarget, ReplayTargets
from damon_core.snapshot import Snapshot
from damon_core.spans import Spans
from damon_core.spec import ContextSpec
from damon_core.testing.made_perf_file import comm, mmap
from damon_core.testing.scripted import ScriptedPrimitives

PAGE = 4096
START_NS, REALTIME_NS = 5_000_000, 1_700_000_000_000_000_000
RANGE = AddrRange(0x100000, 0x100000 + 64 * PAGE)
SPEC = ContextSpec(intervals=Intervals(1_000, 5_000, 1_000_000), seed=3)
PID = 77
READ, WRITE = ReportFlag.READ, ReportFlag.WRITE


def rows_of(*samples: tuple[int, int], pid: int = PID, flags: int = READ) -> np.ndarray:
    """Reports of (time in us after the start, page of the range)."""
    rows = np.zeros(len(samples), REPORT_DTYPE)
    rows["time_ns"] = [START_NS + time * 1000 for time, _ in samples]
    rows["vaddr"] = [RANGE.start + page * PAGE for _, page in samples]
    rows["pid"], rows["size"], rows["weight"] = pid, 1, 10
    rows["flags"] = ReportFlag.HAS_VADDR | ReportFlag.EXACT_TIME | flags
    return rows


class GivenSamples:
    """Samples of the test's own, in parts."""

    mechanism = "given"

    def __init__(self, *parts: np.ndarray, lost: int = 0) -> None:
        self._parts = parts
        self._lost = lost
        self.pids: Sequence[int] = ()

    def by_time(self, pids: Sequence[int]) -> Iterator[np.ndarray]:
        self.pids = pids
        yield from self._parts

    def counters(self) -> dict[str, int]:
        return {"samples": sum(map(len, self._parts)), "lost": self._lost}


class Replayed:
    """A replay that has been run, with its snapshots as they were recorded."""

    def __init__(
        self,
        folder: Path,
        samples: GivenSamples,
        spec: ContextSpec = SPEC,
        targets: Sequence[ReplayTarget] = (ReplayTarget(PID, "made", (RANGE,)),),
    ) -> None:
        self.told: list[Snapshot] = []
        self.replay = Replay(
            samples,
            spec,
            targets,
            ReplayClock(START_NS, REALTIME_NS),
            on_snapshot=self.told.append,
        )
        header = RecordHeader(spec.ops, (PrimitiveInfo(NAME),), REALTIME_NS)
        path = folder / "replay.damon"
        self.replay.run(str(path), header)
        self.record = open_record(str(path))
        self.snapshots = list(self.record)

    def sum_of(self, counter: str) -> int:
        return sum(getattr(one.sources[0].counters, counter) for one in self.snapshots)

    @property
    def own(self) -> dict[str, int]:
        return self.snapshots[-1].sources[0].own


def test_snapshots_have_the_times_of_the_file(tmp_path: Path) -> None:
    one = Replayed(tmp_path, GivenSamples(rows_of((0, 0), (7_500, 1))))
    assert one.replay.finished
    assert [(s.start_ns - REALTIME_NS, s.end_ns - REALTIME_NS) for s in one.snapshots] == [
        (0, 5_000_000),
        (5_000_000, 8_000_000),
    ]
    assert [s.nr_samples for s in one.snapshots] == [5, 3]
    assert all(s.intervals.sample_us == 1_000 and not s.nr_late for s in one.snapshots)


def test_each_report_counts_in_the_sampling_interval_of_its_time(tmp_path: Path) -> None:
    # 3 intervals have an access of page 0, one of them two; at a border it is the later one's
    samples = GivenSamples(rows_of((0, 0), (10, 0), (1_000, 0), (2_000, 0), (4_999, 63)))
    spec = evolve(SPEC, nr_regions=NrRegions(3, 3))
    first = Replayed(tmp_path, samples, spec).snapshots[0]
    columns = first.regions
    at = {int(start): int(nr) for start, nr in zip(columns.start, columns.nr_accesses, strict=True)}
    assert at[RANGE.start] == 3
    assert int(columns.hits.sum()) == 5


def test_parts_are_cut_where_the_intervals_are(tmp_path: Path) -> None:
    times = [(time, time % 64) for time in range(0, 20_000, 37)]
    whole = Replayed(tmp_path, GivenSamples(rows_of(*times)))
    parts = [rows_of(*times[at : at + 7]) for at in range(0, len(times), 7)]
    cut = Replayed(tmp_path, GivenSamples(*parts))
    for mine, theirs in zip(whole.snapshots, cut.snapshots, strict=True):
        assert mine.regions.hits.tolist() == theirs.regions.hits.tolist()
        assert mine.regions.nr_accesses.tolist() == theirs.regions.nr_accesses.tolist()


def test_a_replay_finds_what_the_same_accesses_give_tick_by_tick(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    nr_ticks = 40
    samples = [(int(t), int(p)) for t, p in random.integers(0, [nr_ticks * 1000, 64], (400, 2))]
    samples = sorted([*samples, (0, 0), (nr_ticks * 1000 - 1, 0)])
    replayed = Replayed(tmp_path, GivenSamples(rows_of(*samples)))
    ticks = [rows_of(*(s for s in samples if s[0] // 1000 == tick)) for tick in range(nr_ticks)]
    found: list[Snapshot] = []
    target = ReplayTarget(PID, "made", (RANGE,))
    scripted = ScriptedPrimitives(ticks)
    clock = ReplayClock(START_NS, REALTIME_NS)
    monitor = Monitor(
        evolve(SPEC, cpu_quota=float("inf")),
        ReplayTargets([target]),
        scripted,
        found.append,
        space=AsGiven(Ops.VADDR),
        clock=clock,
    )
    monitor.run(nr_ticks * 1000)
    assert len(found) == len(replayed.snapshots)
    for mine, theirs in zip(replayed.snapshots, found, strict=True):
        for column in ("start", "end", "nr_accesses", "age", "hits"):
            assert np.array_equal(getattr(mine.regions, column), getattr(theirs.regions, column))


pages = st.integers(-5, 70)


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 30_000), pages, st.sampled_from([PID, 78, 79]))),
    st.booleans(),
    st.integers(0, 50),
)
def test_every_report_ends_in_exactly_one_counter(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[int, int, int]],
    filtered: bool,
    lost: int,
) -> None:
    drawn = sorted(drawn)
    rows = rows_of(*((time, page) for time, page, _ in drawn))
    rows["pid"] = [pid for _, _, pid in drawn]
    rows["flags"][::3] ^= np.uint16(READ | WRITE)
    filters = (SampleFilter("write", matching=True, allow=False),) if filtered else ()
    spec = evolve(SPEC, filters=filters)
    targets = [ReplayTarget(PID, "a", (RANGE,)), ReplayTarget(78, "b", (RANGE,))]
    one = Replayed(tmp_path_factory.mktemp("replay"), GivenSamples(rows, lost=lost), spec, targets)
    counted = [one.sum_of(name) for name in ("credited", "filtered", "no_target", "no_region")]
    assert sum(counted) == sum(s.sources[0].counters.total for s in one.snapshots) - lost
    assert sum(counted) == len(rows)
    assert one.sum_of("lost") == lost
    assert one.own.get("accesses", 0) == 10 * len(rows)
    assert one.own.get("writes", 0) == len(drawn[::3])
    assert one.own.get("reads", 0) == len(rows) - len(drawn[::3])
    hits = sum(int(s.regions.hits.sum()) for s in one.snapshots)
    assert hits == one.sum_of("credited")


def test_reports_that_come_too_late_are_stale_and_counted(tmp_path: Path) -> None:
    samples = GivenSamples(rows_of((6_000, 1)), rows_of((100, 1), (7_000, 1)))
    one = Replayed(tmp_path, samples)
    assert (one.sum_of("credited"), one.sum_of("stale")) == (2, 1)


def test_only_processes_that_are_targets_are_asked_for(tmp_path: Path) -> None:
    samples = GivenSamples(rows_of((0, 0)))
    Replayed(tmp_path, samples)
    assert list(samples.pids) == [PID]


def test_physical_memory_is_monitored_by_physical_addresses(tmp_path: Path) -> None:
    rows = rows_of((0, 1), (10, 2))
    rows["paddr"], rows["vaddr"], rows["pid"] = rows["vaddr"], 0, [1, 2]
    rows["flags"] = ReportFlag.HAS_PADDR | ReportFlag.EXACT_TIME
    samples = GivenSamples(rows)
    target = ReplayTarget(0, "physical memory", (RANGE,))
    one = Replayed(tmp_path, samples, evolve(SPEC, ops=Ops.PADDR), [target])
    assert one.sum_of("credited") == 2
    assert list(samples.pids) == []
    assert one.own["unknown_direction"] == 2


def test_a_process_that_runs_here_is_not_taken_for_one_of_the_file(tmp_path: Path) -> None:
    rows = rows_of((0, 0), pid=1)
    one = Replayed(tmp_path, GivenSamples(rows), targets=[ReplayTarget(1, "made", (RANGE,))])
    (target,) = one.snapshots[0].targets
    assert (target.comm, target.alive, target.rss) == ("made", True, None)


def test_names_of_mappings_are_those_of_the_file(tmp_path: Path) -> None:
    target = ReplayTarget(PID, "made", (RANGE,), (Mapping(RANGE, "", "[heap]"),))
    one = Replayed(tmp_path, GivenSamples(rows_of((0, 0))), targets=[target])
    assert one.record.names()[0].name_of(RANGE) == "[heap]"


def test_a_replay_that_is_stopped_keeps_what_it_has(tmp_path: Path) -> None:
    samples = GivenSamples(rows_of(*((time, 0) for time in range(0, 50_000, 100))))
    header = RecordHeader(Ops.VADDR, (PrimitiveInfo(NAME),), REALTIME_NS)
    replay = Replay(
        samples,
        SPEC,
        [ReplayTarget(PID, "made", (RANGE,))],
        ReplayClock(START_NS, REALTIME_NS),
        on_snapshot=lambda snapshot: replay.stop() if snapshot.index == 2 else None,
    )
    replay.run(str(tmp_path / "out.damon"), header)
    assert not replay.finished
    record = open_record(str(tmp_path / "out.damon"))
    assert len(record) == 4
    assert (record[-1].nr_samples, record[-1].notes) == (1, ("stopped before the end of the file",))
    assert not record.truncated


def test_a_replay_that_fails_before_its_first_snapshot_leaves_no_file(tmp_path: Path) -> None:
    class Failing(GivenSamples):
        def by_time(self, pids: Sequence[int]) -> Iterator[np.ndarray]:
            raise RunError("no room")
            yield

    with pytest.raises(RunError, match="no room"):
        Replayed(tmp_path, Failing())
    assert not list(tmp_path.iterdir())


def surveyed(rows: np.ndarray, *records: bytes) -> Survey:
    surveyor, tasks = Surveyor(physical=False), Tasks()
    address, _ = surveyor.space()
    ffi.memmove(ffi.cast("void *", address), rows.tobytes(), rows.nbytes)
    surveyor.commit(len(rows))
    for record in records:
        kind = int.from_bytes(record[:4], "little")
        tasks.tell(kind, 0, record[8:])
    return surveyor.result(FileCounts(), tasks)


@pytest.mark.parametrize(
    ("nr", "span_us"), [(1, 0), (253, 79_321), (5_000, 10), (8_000, 3_600_000_000)]
)
def test_chosen_intervals_divide_the_time_of_the_samples(nr: int, span_us: int) -> None:
    times = np.linspace(0, span_us, nr).astype(int).tolist()
    survey = surveyed(rows_of(*((time, 0) for time in times)))
    intervals = choose_intervals(survey)
    assert intervals.nr_samples == 20
    nr_windows = (span_us + 1) / intervals.aggr_us
    assert nr_windows <= MAX_WINDOWS
    assert nr_windows > 9 or intervals.sample_us == 1
    check_intervals(survey, intervals)


def test_intervals_of_which_a_file_would_have_too_many_are_refused() -> None:
    survey = surveyed(rows_of((0, 0), (3_600_000_000, 0)))
    with pytest.raises(ConfigError, match=r"1 us makes 3,600,000,001 of the 3,600 s"):
        check_intervals(survey, Intervals(1, 20, 1_000_000))


def test_times_that_cannot_be_of_one_recording_are_refused() -> None:
    rows = rows_of((0, 0), (1, 0))
    rows["time_ns"][1] = 2**64 - 1
    with pytest.raises(RecordError, match="more than ten years"):
        check_span("x", surveyed(rows))


def test_the_process_with_most_samples_is_the_target_unless_others_are_asked_for() -> None:
    rows = np.concatenate([rows_of((0, 0), pid=5), rows_of((0, 0), (1, 1), pid=6)])
    survey = surveyed(rows, comm(6, "six"))
    assert choose_pids("x", survey, ()) == (6,)
    assert choose_pids("x", survey, (5, 6, 5)) == (5, 6)
    with pytest.raises(RecordError, match=r"no samples of process 9, but 2 of 6 \(six\), 1 of 5"):
        choose_pids("x", survey, (9,))


def test_samples_that_do_not_tell_their_process_have_no_target() -> None:
    with pytest.raises(RecordError, match="--target paddr"):
        choose_pids("x", surveyed(rows_of((0, 0), pid=0)), ())


def test_targets_are_watched_where_they_were_sampled_and_if_wanted_where_they_mapped() -> None:
    far = RANGE.end + (1 << 40)
    survey = surveyed(rows_of((0, 0), (1, 63)), mmap(PID, far, PAGE, "lib"))
    (near,) = choose_targets(survey, [PID], PAGE, mappings=False)
    assert near.ranges == (RANGE,)
    (wide,) = choose_targets(survey, [PID], PAGE, mappings=True)
    assert wide.ranges == (RANGE, AddrRange(far, far + PAGE))
    assert [one.name for one in wide.mappings] == ["lib"]


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=50), st.sampled_from([PAGE, 2 << 20]))
def test_ranges_hold_all_places_and_are_wide_apart(numbers: list[int], size: int) -> None:
    places = Spans.of_pages(np.array(numbers), PAGE)
    ranges = ranges_around(places, size)
    assert not len(places - Spans.of([(one.start, one.end) for one in ranges]))
    assert len(ranges) <= 32
    assert all(one.start % size == one.end % size == 0 for one in ranges)
    for lower, upper in pairwise(ranges):
        assert upper.start - lower.end >= 64 << 20
