"""What the self-test finds out: of events of the kernel that stand for those of a PMU."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import pytest
from attrs import evolve

from damon_core import REPORT_DTYPE, ReportFlag
from damon_core.perf_attr import SoftwareEvent
from damon_core.perf_decoding import PerfCounts
from damon_core.perf_event import PerfError
from damon_core.testing.open_files import open_files
from damon_perf_pmu.events import resolve_on
from damon_perf_pmu.layout import layout_of
from damon_perf_pmu.machine import Machine
from damon_perf_pmu.self_test import self_test
from damon_perf_pmu.shown import Memory, Outcome, Shown

from .kernels import Kernel, StandIn

Build = Callable[[str], Machine]
PAGE = os.sysconf("SC_PAGE_SIZE")
CPU_CLOCK = 0


@pytest.fixture
def shown(build: Build) -> Callable[..., Shown]:
    def tested(
        kernel: Kernel, text: str = "cpu/mem-loads/P", physical: bool = False, on: str = "Haswell"
    ) -> Shown:
        (event,) = resolve_on(build(on), text)
        before = open_files(), os.sched_getaffinity(0)
        found = self_test(layout_of(event, physical=physical), kernel)
        assert (open_files(), os.sched_getaffinity(0)) == before
        return found

    return tested


Test = Callable[..., Shown]


@pytest.mark.live
@pytest.mark.parametrize("physical", [False, True])
def test_an_event_with_the_addresses_of_our_accesses_passes(shown: Test, physical: bool) -> None:
    found = shown(StandIn(), physical=physical)
    assert found.outcome is Outcome.PASSED
    assert not found.is_refusal
    assert found.nr_inside >= 8


@pytest.mark.live
def test_an_event_that_is_never_sampled_is_refused(shown: Test) -> None:
    found = shown(StandIn(counts=SoftwareEvent.DUMMY))
    assert (found.outcome, found.is_refusal) == (Outcome.NO_SAMPLES, True)
    assert "NMI watchdog" in str(found)


@pytest.mark.live
def test_a_rare_event_that_our_accesses_did_not_cause_is_not_refused(shown: Test) -> None:
    found = shown(StandIn(counts=SoftwareEvent.DUMMY), "cpu/event=0xd1,umask=0x20/pp")
    assert (found.outcome, found.is_refusal) == (Outcome.NO_SAMPLES, False)


@pytest.mark.live
def test_samples_without_address_are_refused(shown: Test, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("damon_perf_pmu.self_test.PERIOD", 100_000)  # nanoseconds
    found = shown(StandIn(counts=CPU_CLOCK))
    assert (found.outcome, found.is_refusal) == (Outcome.NO_ADDRESS, True)


@pytest.mark.live
def test_samples_without_physical_address_are_refused_where_these_are_needed(
    shown: Test,
) -> None:
    found = shown(StandIn(counts=SoftwareEvent.PAGE_FAULTS), physical=True)
    assert (found.outcome, found.is_refusal) == (Outcome.NO_PHYSICAL, True)
    found = shown(StandIn(counts=SoftwareEvent.PAGE_FAULTS), physical=False)
    assert found.outcome is Outcome.PASSED


@pytest.mark.live
def test_an_event_that_does_not_open_says_why(shown: Test) -> None:
    with pytest.raises(PerfError, match="exclusively"):
        shown(StandIn(lambda attr, pid, cpu: 16))


def test_of_processors_that_are_not_ours_nothing_is_shown(shown: Test) -> None:
    found = shown(Kernel(), "cpu_atom/mem-loads/P", on="Alder Lake")
    assert (found.outcome, found.is_refusal) == (Outcome.TOO_FEW, False)


def reports(*vaddrs: int, paddrs: tuple[int, ...] = (), flags: int = 0) -> np.ndarray:
    rows = np.zeros(max(len(vaddrs), len(paddrs)), REPORT_DTYPE)
    rows["vaddr"] = vaddrs or 0
    rows["paddr"] = paddrs or 0
    rows["flags"] = flags
    return rows


MEMORY = Memory(16 * PAGE, np.arange(100, 116, dtype=np.uint64), PAGE)
INSIDE = [16 * PAGE + page * PAGE + 8 for page in range(16)]
RIGHT = tuple((100 + page) * PAGE + 8 for page in range(16))
WRONG = tuple((700 + page) * PAGE for page in range(16))


def judged(
    build: Build,
    rows: np.ndarray,
    nr: int,
    *,
    text: str = "cpu/mem-loads/P",
    on: str = "Haswell",
    physical: bool = False,
) -> Outcome:
    return shown_by(build, rows, nr, text, on, physical, 0).outcome


def shown_by(
    build: Build, rows: np.ndarray, nr: int, text: str, on: str, physical: bool, counted: int
) -> Shown:
    (event,) = resolve_on(build(on), text)
    layout = layout_of(event, physical=physical)
    return MEMORY.judge(rows, layout, PerfCounts(samples=nr), counted)


def test_a_rare_event_that_is_counted_and_not_sampled_is_refused(build: Build) -> None:
    for counted, is_refusal in ((0, False), (1009, False), (5000, True)):
        rare = shown_by(
            build, reports(), 0, "cpu/event=0xd1,umask=0x20/pp", "Haswell", False, counted
        )
        assert (rare.outcome, rare.is_refusal) == (Outcome.NO_SAMPLES, is_refusal)


def test_addresses_elsewhere_are_told_from_none(build: Build) -> None:
    assert judged(build, reports(*INSIDE), 16) is Outcome.PASSED
    assert judged(build, reports(*(one + (1 << 30) for one in INSIDE)), 40) is (
        Outcome.OTHER_ADDRESSES
    )
    assert judged(build, reports(), 40) is Outcome.NO_ADDRESS
    assert judged(build, reports(), 20) is Outcome.TOO_FEW
    assert judged(build, reports(*INSIDE[:4]), 20) is Outcome.TOO_FEW
    assert judged(build, reports(), 0) is Outcome.NO_SAMPLES


def test_physical_addresses_must_be_those_of_the_page_map(build: Build) -> None:
    def of(rows: np.ndarray, nr: int = 40) -> Outcome:
        return judged(build, rows, nr, physical=True)

    assert of(reports(*INSIDE, paddrs=RIGHT)) is Outcome.PASSED
    assert of(reports(*INSIDE, paddrs=RIGHT[:15] + WRONG[:1])) is Outcome.PASSED  # one has moved
    assert of(reports(*INSIDE, paddrs=RIGHT[:13] + WRONG[:3])) is Outcome.OTHER_FRAMES
    assert of(reports(*INSIDE)) is Outcome.NO_PHYSICAL
    assert of(reports(paddrs=RIGHT)) is Outcome.PASSED  # no virtual ones, and no need of them
    assert of(reports(paddrs=WRONG)) is Outcome.NO_ADDRESS
    hidden = evolve(MEMORY, frames=np.zeros(16, np.uint64))
    (event,) = resolve_on(build("Haswell"), "cpu/mem-loads/P")
    layout = layout_of(event, physical=True)
    found = hidden.judge(reports(*INSIDE, paddrs=WRONG), layout, PerfCounts(samples=16), 0)
    assert found.outcome is Outcome.PASSED  # nobody tells us better


def test_ibs_has_to_show_reads_and_writes(build: Build) -> None:
    def of(*flags: int) -> Outcome:
        parts = [reports(*INSIDE, *INSIDE, flags=one) for one in flags]
        return judged(build, np.concatenate(parts), 500, text="ibs_op//", on="Zen 4")

    assert of(ReportFlag.READ, ReportFlag.WRITE) is Outcome.PASSED
    assert of(ReportFlag.READ, ReportFlag.READ) is Outcome.ONE_DIRECTION


def test_a_refusal_says_how_many_samples_fit() -> None:
    assert str(Shown(Outcome.OTHER_ADDRESSES, 40, 3)).endswith("(3 of 40 samples fit)")
    refused = {one for one in Outcome if Shown(one).is_refusal}
    assert refused == set(Outcome) - {Outcome.PASSED, Outcome.TOO_FEW}
