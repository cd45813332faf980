from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from damon_core.errors import RecordError
from damon_core.model import AddrRange, Intervals
from damon_core.score import score_snapshot, score_spans
from damon_core.snapshot import Snapshot, SnapshotRegions
from damon_core.spans import Spans
from damon_core.touching import Shape, Touching
from damon_core.truth import Touches, Truth
from damon_core.truth_log import Area, TruthLog, Unmapped, read_truth_log

PAGE = 4096
BASE = 0x7F00_0000_0000
NR_PAGES = 8
AREA = Area("a", "anon", AddrRange(BASE, BASE + NR_PAGES * PAGE), NR_PAGES * PAGE)


def pages_of(spans: Spans) -> set[int]:
    return {
        (address - BASE) // PAGE for span in spans for address in range(span.start, span.end, PAGE)
    }


def passes(t0: int, t1: int, pages: range, nr: int = 1, pass_ns: int = 0, mode: str = "w"):
    where = AddrRange(BASE + pages.start * PAGE, BASE + pages.stop * PAGE)
    return Touching(t0, t1, 1, where, PAGE, mode, nr, pass_ns or (t1 - t0) // nr)


def truth_of(*touchings: Touching, ended: bool = True, others: tuple[AddrRange, ...] = ()) -> Truth:
    seen = {1: max((touching.t1 for touching in touchings), default=0)}
    return Truth.of(
        TruthLog(
            pid=7,
            realtime_offset_ns=1000,
            areas=[AREA],
            others=list(others),
            touchings=list(touchings),
            last_seen_ns=seen,
            ended=ended,
        )
    )


@define
class Walk:
    """A toucher page by page: what it touches at each tick, and the records that it makes."""

    first: int
    nr: int
    now: int = 0
    touched: list[tuple[int, int]] = field(factory=list)
    records: list[Touching] = field(factory=list)

    def go(self, page_ticks: list[int], quantum: int) -> None:
        t0 = pass_end = self.now
        nr_passes = slowest = at = record_start = 0
        for ticks in page_ticks:
            self.touched.append((self.now, self.first + at))
            self.now += ticks
            at += 1
            if at == self.nr:
                if record_start:
                    self._stretch(t0, record_start, at)
                    t0 = self.now
                else:
                    slowest = max(slowest, self.now - pass_end)
                    nr_passes += 1
                pass_end = self.now
                at = record_start = 0
            if self.now - t0 >= quantum:
                if nr_passes:
                    self._passes(t0, pass_end, nr_passes, slowest)
                    t0, nr_passes, slowest = pass_end, 0, 0
                elif at > record_start:
                    self._stretch(t0, record_start, at)
                    t0, record_start = self.now, at
        if nr_passes:
            self._passes(t0, pass_end, nr_passes, slowest)
            t0 = pass_end
        if at > record_start:
            self._stretch(t0, record_start, at)

    def _passes(self, t0: int, t1: int, nr: int, slowest: int) -> None:
        pages = range(self.first, self.first + self.nr)
        self.records.append(passes(t0, t1, pages, nr, slowest))

    def _stretch(self, t0: int, start: int, end: int) -> None:
        pages = range(self.first + start, self.first + end)
        self.records.append(passes(t0, self.now, pages))


@given(
    st.integers(0, 3),
    st.integers(1, 5),
    st.lists(st.integers(1, 9), min_size=1, max_size=60),
    st.integers(1, 40),
    st.integers(0, 300),
    st.integers(0, 300),
)
@settings(max_examples=400)
def test_what_is_sure_was_touched_and_what_was_touched_is_sure_or_open(
    first, nr, page_ticks, quantum, start, length
):
    walk = Walk(first, nr)
    walk.go(page_ticks, quantum)
    touches = truth_of(*walk.records).touched(start, start + length)
    really = {page for time, page in walk.touched if start <= time < start + length}
    assert pages_of(touches.sure) <= really
    assert really <= pages_of(touches.sure) | pages_of(touches.maybe)
    whole = truth_of(*walk.records).touched(0, 10_000)
    assert pages_of(whole.sure) == {page for _, page in walk.touched}
    assert not len(whole.maybe)


@given(
    st.integers(0, 3 * PAGE),
    st.integers(1, 4 * PAGE),
    st.integers(1, 3 * PAGE),
    st.sampled_from([PAGE, 2 * PAGE]),
)
def test_the_pages_of_a_stride_are_those_of_its_bytes(offset, length, stride, page_size):
    shape = Shape(BASE + offset, BASE + offset + length, stride, "w")
    touched = range(shape.start, shape.end, stride)
    expected = {byte // page_size for byte in touched}
    spans = shape.spans(PAGE).widened(page_size)
    assert {
        address // page_size for span in spans for address in range(span.start, span.end, page_size)
    } == expected


def test_a_page_is_sure_in_a_window_of_more_than_two_passes_of_its_record():
    truth = truth_of(passes(1000, 2000, range(4), nr=10, pass_ns=150))
    assert pages_of(truth.touched(1100, 1402).sure) == {0, 1, 2, 3}
    assert pages_of(truth.touched(1100, 1400).sure) == set()
    assert pages_of(truth.touched(1100, 1400).maybe) == {0, 1, 2, 3}


def test_nothing_was_touched_outside_the_records():
    truth = truth_of(passes(1000, 2000, range(4)), passes(3000, 4000, range(4)))
    for window in ((0, 1000), (2000, 3000), (4000, 9000)):
        touches = truth.touched(*window)
        assert (len(touches.sure), len(touches.maybe)) == (0, 0)


def test_reads_are_left_out_where_only_writes_are_asked_for():
    truth = truth_of(
        passes(0, 10, range(2), mode="r"),
        passes(0, 10, range(3, 4), mode="rw"),
        passes(0, 10, range(5, 6)),
    )
    assert pages_of(truth.touched(0, 10).sure) == {0, 1, 3, 5}
    assert pages_of(truth.touched(0, 10, writes=True).sure) == {3, 5}


def test_the_memory_of_the_program_itself_is_open():
    other = AddrRange(BASE + 6 * PAGE, BASE + 7 * PAGE)
    touches = truth_of(passes(0, 10, range(2)), others=(other,)).touched(0, 10)
    assert list(touches.maybe) == [other]


def test_everything_is_open_after_the_end_of_a_log_that_was_cut_off():
    truth = truth_of(passes(0, 100, range(2), nr=9), ended=False)
    assert pages_of(truth.touched(0, 100).maybe) == set()
    touches = truth.touched(0, 101)
    assert pages_of(touches.sure) == {0, 1}
    assert pages_of(touches.maybe) == set(range(2, NR_PAGES))


def test_what_was_unmapped_in_the_window_is_open():
    truth = truth_of(passes(0, 100, range(8)))
    truth._log.unmapped.append(Unmapped(AddrRange(BASE + 6 * PAGE, BASE + 8 * PAGE), 90))
    touches = truth.touched(0, 100)
    assert pages_of(touches.sure) == set(range(6))
    assert pages_of(touches.maybe) == {6, 7}
    truth = truth_of(passes(0, 80, range(8)))
    truth._log.unmapped.append(Unmapped(AddrRange(BASE + 6 * PAGE, BASE + 8 * PAGE), 90))
    assert pages_of(truth.touched(0, 80).sure) == set(range(8)), "it was there all the time"


def test_huge_pages_are_touched_as_a_whole():
    touches = truth_of(passes(0, 10, range(1, 2))).touched(0, 10, page_size=4 * PAGE)
    assert pages_of(touches.sure) == {0, 1, 2, 3}


def snapshot_of(regions: list[tuple[int, int, int]], pid: int = 7) -> Snapshot:
    nr = len(regions)
    starts, ends, nr_accesses = np.array(regions, np.uint64).T
    columns = SnapshotRegions(
        starts * np.uint64(PAGE) + np.uint64(BASE),
        ends * np.uint64(PAGE) + np.uint64(BASE),
        nr_accesses.astype(np.uint32),
        np.zeros(nr, np.uint32),
        np.zeros(nr, np.uint32),
        np.full(nr, pid, np.int32),
        np.zeros((1, nr), np.uint64),
        np.full(nr, np.nan),
    )
    return Snapshot(0, 1000, 1100, Intervals(), 5, (), columns, ())


def test_a_snapshot_is_scored_by_the_bytes_of_its_accessed_regions():
    truth = truth_of(passes(0, 100, range(2, 6)))
    score = score_snapshot(snapshot_of([(0, 3, 1), (3, 5, 5), (5, 8, 0)]), truth)
    assert (score.found, score.false, score.missed) == (3 * PAGE, 2 * PAGE, PAGE)
    assert (score.precision, score.recall) == (3 / 5, 3 / 4)
    hotter = score_snapshot(snapshot_of([(0, 3, 1), (3, 5, 5)]), truth, min_nr_accesses=2)
    assert (hotter.found, hotter.false, hotter.missed) == (2 * PAGE, 0, 2 * PAGE)


def test_regions_of_other_processes_do_not_score():
    score = score_snapshot(snapshot_of([(0, 3, 1)], pid=8), truth_of(passes(0, 100, range(2))))
    assert (score.found, score.false, score.missed) == (0, 0, 2 * PAGE)


def test_open_bytes_are_neither_right_nor_wrong():
    touches = Touches(Spans.of([(0, 2)]), Spans.of([(2, 4)]))
    score = score_spans(Spans.of([(1, 5)]), touches)
    assert (score.found, score.false, score.missed) == (1, 1, 1)


def test_saying_nothing_of_nothing_is_right():
    nothing = Spans.of([])
    score = score_spans(nothing, Touches(nothing, nothing))
    assert (score.precision, score.recall) == (1.0, 1.0)


HEADER = '{"damon_truth":1,"pid":1,"t":5,"realtime_offset":9,"page_size":4096,"quantum_ns":1}\n'
RECORD = {"t0": 1, "t1": 2, "tid": 1, "start": 0, "end": 4096, "stride": 64, "rw": "w", "n": 1}


def log_file(folder: Path, *lines: object) -> Path:
    path = folder / "log"
    path.write_text(HEADER + "".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_line_that_is_not_whole_ends_the_log(tmp_path):
    path = log_file(tmp_path, RECORD)
    path.write_text(path.read_text() + '{"end":')
    log = read_truth_log(path)
    assert len(log.touchings) == 1
    assert log.known_until_ns == 2


def test_a_thread_that_has_ended_touches_no_more(tmp_path):
    other = RECORD | {"tid": 2, "t1": 50}
    log = read_truth_log(log_file(tmp_path, RECORD, other, {"thread_end": 1, "t": 3}))
    assert log.known_until_ns == 50
    assert read_truth_log(log_file(tmp_path, RECORD, {"end": 9})).known_until_ns is None


BAD = {
    "empty": ("", "an empty file, no ground-truth log"),
    "other": ("a, 4096\n", "log:1: no line of a ground-truth log"),
    "version": (HEADER.replace(":1", ":2", 1), "log:1: .* must start with damon_truth version 1"),
    "page": (HEADER.replace("4096", "5000"), "log:1: .* page_size 5000"),
    "list": (HEADER + "[]\n", "log:2: .* not a JSON object"),
    "key": (HEADER + '{"what":1}\n', "log:2: .* unknown keys what"),
    "deep": (HEADER + "[" * 50_000 + "\n", "log:2: no line of a ground-truth log"),
    "long": (HEADER + " " * (64 << 10), "log:2: .* longer than 65536 bytes"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_no_log_is_an_error_at_its_line(name, tmp_path):
    text, expected = BAD[name]
    path = tmp_path / "log"
    path.write_text(text)
    with pytest.raises(RecordError, match=expected):
        read_truth_log(path)


@pytest.mark.parametrize(
    "change",
    [
        {"t0": -1},
        {"t0": "1"},
        {"t0": True},
        {"t1": 0},
        {"start": 4096},
        {"end": 2**64},
        {"stride": 0},
        {"n": 0},
        {"rw": "x"},
        {"permille": 10, "end": 2**63},
        {"first": 0, "n": 2**40, "pages": 1},
    ],
)
def test_a_record_that_makes_no_sense_is_an_error(change, tmp_path):
    with pytest.raises(RecordError, match="log:2: no line of a ground-truth log"):
        read_truth_log(log_file(tmp_path, RECORD | change))


def test_a_log_that_cannot_be_read_is_an_error():
    with pytest.raises(RecordError, match="cannot read the ground-truth log /no/such: No such"):
        read_truth_log(Path("/no/such"))
