"""The baselines of bench/ find what our matcher finds, and lose what their descriptions say."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from ctypes import CDLL
from pathlib import Path

import numpy as np
import pytest

BENCH = Path(__file__).parent.parent / "bench"

if not BENCH.is_dir():
    pytest.skip("needs the source tree", allow_module_level=True)
if not shutil.which("cc"):
    pytest.skip("needs a C compiler: apt-get install gcc", allow_module_level=True)

sys.path.insert(0, str(BENCH))
try:
    from _baselines import (
        PID,
        BufferAndMatcher,
        PageHistogram,
        ReportPath,
        SlotArray,
        build_library,
    )
    from _budget import budget_line
    from _report_stream import ScriptedStream, draw_borders, reports_at
    from report_paths import loss_of, run_window
finally:
    sys.path.remove(str(BENCH))

PAGE = 4096
START = 0x10_0000
FOUR = START + np.arange(5, dtype=np.uint64) * np.uint64(16 * PAGE)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> CDLL:
    return build_library(tmp_path_factory.mktemp("baselines"))


def touches(region: int, nr: int) -> np.ndarray:
    """Reports that all fall on the start of one of the four regions."""
    return reports_at(np.full(nr, FOUR[region]), PID)


PATHS: dict[str, Callable[[CDLL, np.ndarray], ReportPath]] = {
    "ours": lambda library, borders: BufferAndMatcher(borders),
    "slots": SlotArray,
    "slots that reset": lambda library, borders: SlotArray(library, borders, resets=True),
    "histogram": PageHistogram,
    "histogram of all pages": lambda library, borders: PageHistogram(library, borders, first=False),
}


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("runs", [False, True])
def test_where_nothing_is_lost_every_path_finds_the_scripted_nr_accesses(
    library: CDLL, name: str, runs: bool
):
    borders = draw_borders(np.random.default_rng(3), 60, 16 << 20)
    stream = ScriptedStream(borders, 20, 300, PID, runs)
    path = PATHS[name](library, borders)
    (window,) = run_window([path], stream)
    assert window.nr_lost == 0
    assert len(window.check_ns) == 20
    assert window.nr_accesses.tolist() == stream.nr_accesses.tolist()
    assert 0 < stream.nr_accesses.mean() < 20
    assert loss_of(window, stream).error == 0


def test_the_slots_lose_exactly_what_exceeds_1000_reports_between_two_checks(library: CDLL):
    slots = SlotArray(library, FOUR)
    assert slots.store(touches(0, 999)) == 0
    assert slots.store(touches(1, 2)) == 1
    assert slots.store(touches(2, 500)) == 500
    slots.check()
    assert slots.hits().tolist() == [999, 1, 0, 0]
    assert slots.nr_accesses().tolist() == [1, 1, 0, 0]
    assert slots.store(touches(3, 1700)) == 700
    slots.check()
    assert slots.hits().tolist() == [0, 0, 0, 1000]


def test_slots_that_reset_lose_all_of_the_1000_with_the_report_that_fills_them(library: CDLL):
    slots = SlotArray(library, FOUR, resets=True)
    assert slots.store(touches(0, 999)) == 0
    assert slots.store(touches(1, 1)) == 1000
    assert slots.store(touches(2, 7)) == 0
    slots.check()
    assert slots.hits().tolist() == [0, 0, 7, 0]
    assert slots.store(touches(3, 2500)) == 2000
    slots.check()
    assert slots.hits().tolist() == [0, 0, 0, 500]


def test_slots_credit_no_region_with_a_report_that_straddles_two(library: CDLL):
    slots = SlotArray(library, FOUR)
    straddling = reports_at(FOUR[1:2] - np.uint64(4), PID)
    straddling["size"] = 8
    slots.store(straddling)
    slots.check()
    assert slots.nr_accesses().tolist() == [0, 0, 0, 0]


def test_the_ring_of_the_histogram_holds_one_less_and_doubles_after_it_was_full(library: CDLL):
    histogram = PageHistogram(library, FOUR, 8, 16, first=False)
    lost, counted = [], []
    for nr in (6, 7, 20, 20):
        lost.append(histogram.store(touches(1, nr)))
        histogram.check()
        counted.append(int(histogram.hits()[1]))
    assert lost == [0, 0, 5, 5]
    assert counted == [6, 7, 15, 15]


def test_ring_and_histogram_lose_the_same_reports_but_for_the_slot_that_stays_free(library: CDLL):
    histogram = PageHistogram(library, FOUR, 8, 32)
    ours = BufferAndMatcher(FOUR, 8, 32)
    lost = []
    for _ in range(4):
        lost.append((ours.store(touches(0, 40)), histogram.store(touches(0, 40))))
        ours.check()
        histogram.check()
    assert lost == [(32, 33), (24, 25), (8, 9), (8, 9)]


def test_the_histogram_is_content_with_one_page_of_a_region_unless_it_counts_all(library: CDLL):
    reports = reports_at(FOUR[2] + np.arange(6, dtype=np.uint64) * np.uint64(PAGE), PID)
    hits = {}
    for first in (True, False):
        histogram = PageHistogram(library, FOUR, first=first)
        histogram.store(np.concatenate((reports, reports[:1])))
        histogram.check()
        hits[first] = histogram.hits().tolist()
    assert hits == {True: [0, 0, 2, 0], False: [0, 0, 7, 0]}


def test_the_histogram_counts_only_samples_of_the_process(library: CDLL):
    histogram = PageHistogram(library, FOUR)
    histogram.store(reports_at(FOUR[:2], PID + 1))
    histogram.store(reports_at(FOUR[3:4], PID))
    histogram.check()
    assert histogram.nr_accesses().tolist() == [0, 0, 0, 1]


def test_lost_reports_are_lost_accesses_and_are_told_so(library: CDLL):
    borders = draw_borders(np.random.default_rng(3), 60, 16 << 20)
    stream = ScriptedStream(borders, 20, 300, PID, runs=True)
    (window,) = run_window([SlotArray(library, borders, 30)], stream)
    loss = loss_of(window, stream)
    assert window.nr_lost == window.nr_reports - 20 * 30
    assert loss.lost == window.nr_lost / window.nr_reports
    assert loss.error > 0
    assert 0 < loss.looked_idle <= 1
    assert (window.nr_accesses <= stream.nr_accesses).all()


def test_a_scripted_stream_is_the_same_each_time_and_needs_a_report_for_each_region():
    borders = draw_borders(np.random.default_rng(3), 60, 16 << 20)
    stream = ScriptedStream(borders, 20, 300, PID)
    assert (stream.reports(4) == stream.reports(4)).all()
    assert 294 <= len(stream.reports(4)) <= 306
    with pytest.raises(ValueError, match="ask for more reports"):
        ScriptedStream(borders, 20, 10, PID)


@pytest.mark.parametrize(("got", "ok"), [(14.9, False), (15, True), (16, True)])
def test_a_budget_is_kept_at_its_limit(got: float, ok: bool):
    line = budget_line("matcher", "times", got, at_least=15)
    assert (line["wanted"], line["got"], line["ok"]) == (">= 15", got, ok)
    assert budget_line("matcher", "ns", -got, at_most=-15)["ok"] is ok
