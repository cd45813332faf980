"""Comparisons page by page: what is asked of the engine, what counts as a page, what is shown."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest

from damon_core.cli import main
from damon_core.comparison.accuracy import Accuracy, accuracy_of
from damon_core.comparison.comparison import Cell, Comparison, ScenarioResult
from damon_core.comparison.contender import MAX_PAGED, Contender, contender_of
from damon_core.comparison.hook_times import HookTimes
from damon_core.comparison.monitoring import MonitorCost
from damon_core.comparison.page_accuracy import PageAccuracy
from damon_core.comparison.page_units import PageUnits, huge_page_size, huge_pages
from damon_core.comparison.scenario import Scenario, command_scenario, load_scenario, shipped_names
from damon_core.comparison.trial import Sight, TargetCost, Trial, run_trial
from damon_core.config import Config, TargetConfig, load_config
from damon_core.config.text import config_text
from damon_core.host import PrimitiveChoice
from damon_core.model import AddrRange, Intervals, Ops
from damon_core.ops import align_up
from damon_core.record import open_record
from damon_core.record_format import PrimitiveInfo, RecordHeader
from damon_core.record_writer import RecordWriter
from damon_core.report.comparison import ComparisonTable
from damon_core.report.comparison_page import ComparisonPage
from damon_core.spans import Spans
from damon_core.spec import ContextSpec
from damon_core.testing.snapshots import INTERVALS, T0_NS, made_up_snapshot
from damon_core.touching import Touching
from damon_core.truth_log import Area, PhaseStart, TruthLog, read_truth_log
from damon_core.workload.plan import MemoryKind, Mode, Workload, WorkloadRegion
from damon_core.workload.toucher import Toucher

PAGE = 4096
HUGE = 2 << 20
PID = 4321
NAN = float("nan")


def contender(name: str = "accessed_bit", **options: object) -> Contender:
    spec = ContextSpec(intervals=Intervals(20_000, 100_000, 1_000_000), cpu_quota=1.0)
    return contender_of(PrimitiveChoice(name, options), spec)


def test_page_by_page_each_page_of_the_areas_is_a_region(tmp_path: Path) -> None:
    areas = [AddrRange(0x10000, 0x20000), AddrRange(0x40000, 0x50000)]
    context = contender().paged().context(TargetConfig(pid=os.getpid()), areas)
    assert context.spec.ops is Ops.FVADDR
    assert (context.spec.nr_regions.min, context.spec.nr_regions.max) == (32, 32)
    assert context.targets[0].regions == tuple(areas)
    file = tmp_path / "paged.yaml"
    file.write_text(config_text(Config((context,))))
    assert load_config(str(file)).contexts[0].spec == context.spec


def test_a_contender_of_larger_regions_is_monitored_by_page_all_the_same() -> None:
    spec = ContextSpec(min_region_sz=HUGE)
    paged = Contender("own", spec, ()).paged()
    assert (paged.name, paged.spec.min_region_sz) == ("own by page", PAGE)


def test_too_much_memory_is_refused_with_both_sizes_before_it_runs() -> None:
    regions = (WorkloadRegion("a", MAX_PAGED), WorkloadRegion("b", PAGE))
    large = Scenario("large", "", Workload(regions))
    assert contender().unfit(large) == ""
    assert contender().paged().unfit(large) == (
        "its 2 GiB are more than the 2 GiB that are monitored page by page: make the workload's "
        "regions smaller"
    )
    assert contender().paged().unfit(Scenario("fits", "", Workload(regions[:1]))) == ""


def test_shipped_scenarios_can_be_monitored_by_page_but_for_four_that_say_why() -> None:
    paged = contender().paged()
    unfit = {name: paged.unfit(load_scenario(name)) for name in shipped_names()}
    assert {name: why for name, why in unfit.items() if why} == {
        "memcached": "page by page only where the truth is known, and of a server it is not",
        "processes": "page by page only a single process, and this workload has several",
        "redis": "page by page only where the truth is known, and of a server it is not",
        "shrinking": "page by page only where areas stay, and this workload resizes some",
    }


def test_a_command_has_no_pages_whose_truth_is_known() -> None:
    assert "of a command it is not" in contender().paged().unfit(command_scenario(["true"]))


UNITS = PageUnits(PAGE, Spans.of([(HUGE, 2 * HUGE)]), HUGE)


def test_a_huge_page_is_one_page_and_is_touched_as_a_whole() -> None:
    spans = Spans.of([(HUGE - PAGE, HUGE + 1)])
    assert UNITS.whole(spans) == Spans.of([(HUGE - PAGE, 2 * HUGE)])
    assert UNITS.count(UNITS.whole(spans)) == 2
    assert UNITS.count(Spans.of([(0, 2 * HUGE)])) == 512 + 1
    assert UNITS.whole(Spans.of([(2 * HUGE + 5, 2 * HUGE + 6)])).size == PAGE


def accuracy(tmp_path: Path, said: list[tuple[int, int]], units: PageUnits) -> Accuracy:
    """Of four windows in which a page of [0, HUGE) and one of [HUGE, 2 HUGE) is touched."""
    window_ns = INTERVALS.aggr_us * 1000
    places = (PAGE, HUGE + 7 * PAGE)
    touchings = [
        Touching(at, at + window_ns, PID, AddrRange(place, place + PAGE), PAGE, "w", 1)
        for at in range(0, 4 * window_ns, window_ns)
        for place in places
    ]
    area = AddrRange(PAGE, 2 * HUGE)
    log = TruthLog(
        pid=PID,
        realtime_offset_ns=T0_NS,
        areas=[Area("a", "anon", area, area.size)],
        phases=[PhaseStart("p", 0, PID)],
        touchings=touchings,
        ended=True,
    )
    path = tmp_path / "made.damon"
    writer = RecordWriter(
        str(path), RecordHeader(Ops.FVADDR, (PrimitiveInfo("accessed_bit"),), T0_NS)
    )
    for number in range(4):
        rows = [(start, end, 10, 0, 0, PID, NAN) for start, end in said]
        writer.write(made_up_snapshot(number, rows))
    writer.close()
    return accuracy_of(open_record(path), log, units)


def test_pages_are_judged_in_all_windows_of_a_phase(tmp_path: Path) -> None:
    small = PageUnits(PAGE, Spans.of(()), HUGE)
    said = [(PAGE, 2 * PAGE), (5 * PAGE, 8 * PAGE)]
    found = accuracy(tmp_path, said, small)
    assert found.pages == PageAccuracy(
        4, 0.25, 0.5, pytest.approx(1 / 3), 3, 1, 1023, 0, 1023 * PAGE
    )
    assert found.nr_windows == 2, "bytes only in the second half"
    assert found.precision == 0.25


@pytest.mark.parametrize("claim", [(HUGE, 2 * HUGE), (HUGE + 7 * PAGE, HUGE + 8 * PAGE)])
def test_of_a_huge_page_any_part_stands_for_it(tmp_path: Path, claim: tuple[int, int]) -> None:
    pages = accuracy(tmp_path, [(PAGE, 2 * PAGE), claim], UNITS).pages
    assert pages is not None
    assert (pages.precision, pages.recall, pages.nr_false, pages.nr_missed) == (1, 1, 0, 0)
    assert (pages.nr_pages, pages.nr_huge) == (511 + 1, 1)


def test_a_huge_page_said_for_nothing_is_one_false_page(tmp_path: Path) -> None:
    units = PageUnits(PAGE, Spans.of([(HUGE, 2 * HUGE)]), HUGE)
    pages = accuracy(tmp_path, [(3 * PAGE, 4 * PAGE), (HUGE, 2 * HUGE)], units).pages
    assert pages is not None
    assert (pages.nr_false, pages.nr_missed) == (1, 1)


def test_without_a_window_nothing_is_zero(tmp_path: Path) -> None:
    log = TruthLog(pid=PID, areas=[Area("a", "anon", AddrRange(0, PAGE), PAGE)], ended=True)
    path = tmp_path / "made.damon"
    writer = RecordWriter(str(path), RecordHeader(Ops.FVADDR, (PrimitiveInfo("x"),), T0_NS))
    writer.write(made_up_snapshot(0, [(0, PAGE, 10, 0, 0, PID, NAN)]))
    writer.close()
    log.phases += [PhaseStart("p", 0, PID), PhaseStart("q", 5, PID)]
    found = accuracy_of(open_record(path), log, PageUnits(PAGE, Spans.of(()), HUGE))
    assert found == Accuracy(
        0, None, None, None, None, None, None, (),
        PageAccuracy(0, None, None, None, None, None, 1, 0, PAGE),
    )  # fmt: skip


def test_only_the_hooks_that_look_are_timed_and_they_do_what_they_did() -> None:
    times = HookTimes()
    check = times.wrap("damon_check_accesses", lambda **arguments: sorted(arguments))
    init = times.wrap("damon_init", sorted)
    assert init is sorted
    assert check(ctx=1, reports=2) == ["ctx", "reports"]
    assert times.spent_ns["damon_check_accesses"] > 0
    assert times.spent_ns["damon_prepare_access_checks"] == 0


COST = MonitorCost(10, 30, 1000, 100 << 20, prepare_ns=6_000_000, check_ns=2_000_000, nr_checks=4)


def results(*, by_page: bool) -> list[ScenarioResult]:
    pages = PageAccuracy(3, 0.75, 1.0, 0.85, 2.5, 0.0, 512, 0, 2 << 20)
    cells = []
    for name, own in [("a", None), ("a by page", pages)][: 2 if by_page else 1]:
        accuracy = Accuracy(3, 1.0, 1.0, 1.0, None, 1.0, None, (), own)
        sight = Sight(accuracy, COST, ("bpf",), 10, 1, 20, 1e6, 5000, 100_000, ())
        cells.append(Cell(name, "", [Trial(TargetCost(100.0, 10, 1000), sight)] * 2, [1.0], [1.0]))
    return [ScenarioResult(Scenario("one", "What it is.", None), [], cells)]


TITLES = ("page precision", "page recall", "page F1", "false pages", "missed pages")


def test_the_columns_of_pages_are_there_only_with_pages() -> None:
    shown = []
    for by_page in (False, True):
        table, page = io.StringIO(), io.StringIO()
        ComparisonTable(results(by_page=by_page), repetitions=2).render(table)
        ComparisonPage(results(by_page=by_page), repetitions=2).render(page)
        shown.append((table.getvalue(), page.getvalue()))
    (table_without, page_without), (table, page) = shown
    for title in (*TITLES, "prepare", "check"):
        assert title not in table_without
        assert f"<figcaption>{title}<" not in page_without
        assert f"\n{title}: " in table
        assert f"<figcaption>{title}<" in page
    _, adaptive, paged = table.splitlines()[1:4]
    assert "0.750" in paged
    assert adaptive.split().count("-") == 7, "a dash for each, never a zero"
    assert "768.00 ms" in paged, "1.5 ms a sample of 2 MiB"


def test_json_has_what_one_sample_of_a_gib_takes() -> None:
    out = io.StringIO()
    ComparisonTable(results(by_page=True), repetitions=2).render_json(out)
    adaptive, paged = json.loads(out.getvalue())["scenarios"][0]["contenders"]
    assert paged["figures"]["check_s"]["median"] == pytest.approx(0.256)
    assert paged["figures"]["nr_false_pages"] == {"median": 2.5, "low": 2.5, "high": 2.5}
    assert paged["trials"][0]["sight"]["accuracy"]["pages"]["nr_pages"] == 512
    assert adaptive["figures"]["check_s"] is None


def test_what_is_mapped_by_small_pages_is_not_huge(tmp_path: Path) -> None:
    workload = Workload((WorkloadRegion("a", 4 * HUGE, MemoryKind.ANON_4K, populate=True),))
    with Toucher(workload, tmp_path / "truth", control=True) as toucher:
        area = read_truth_log(tmp_path / "truth").areas[0].range
        assert not huge_pages(toucher.pid, [area])
    assert huge_page_size() >= HUGE


@pytest.mark.live
def test_huge_pages_are_found_as_the_kernel_counts_them(tmp_path: Path) -> None:
    workload = Workload((WorkloadRegion("a", 8 * HUGE, MemoryKind.ANON_THP, populate=True),))
    with Toucher(workload, tmp_path / "truth", control=True) as toucher:
        toucher.touch(0, 1000, Mode.WRITE)
        area = read_truth_log(tmp_path / "truth").areas[0].range
        found = huge_pages(toucher.pid, [area])
        smaps = Path(f"/proc/{toucher.pid}/smaps").read_text()
    counted = max(
        int(line.split()[1]) * 1024
        for line in smaps.splitlines()
        if line.startswith("AnonHugePages:")
    )
    if not counted or not found.size:
        pytest.skip("no huge page was to be had, or the kernel has no PAGEMAP_SCAN (Linux 6.7)")
    assert found.size == counted
    assert align_up(int(found.starts[0]), HUGE) == found.starts[0]


@pytest.mark.live
@pytest.mark.parametrize("mechanism", ["auto", pytest.param("cold", marks=pytest.mark.slow)])
def test_a_trial_by_page_has_a_region_for_each_page_and_tells_them_apart(
    mechanism: str, tmp_path: Path
) -> None:
    file = tmp_path / "sparse.cfg"
    file.write_text(
        "#damon memory anon_4k\n#damon populate yes\na, 4 MiB\nb, 2 MiB\n\nuse\n1500\n"
        "#damon pause 2 ms\na, 0, 8192, 1, wo\n"
    )
    paged = contender(mechanism=mechanism).paged()
    if lacks := paged.missing():
        pytest.skip(lacks)
    sight = run_trial(load_scenario(str(file)), paged, tmp_path).sight
    assert sight is not None
    assert sight.nr_regions == 1536
    assert sight.accuracy is not None
    pages = sight.accuracy.pages
    assert pages is not None
    assert (pages.nr_pages, pages.nr_huge) == (1536, 0)
    assert pages.nr_windows > 0
    assert pages.precision is not None
    assert pages.precision > 0.9, "each other page is left alone"
    assert pages.recall is not None
    assert pages.recall > 0.5
    assert sight.cost.nr_checks > 0
    assert sight.cost.prepare_ns > 0
    assert sight.cost.check_ns > 0


def test_what_is_too_large_by_page_is_compared_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Contender, "missing", lambda self: "")
    ran: list[str] = []

    def run(scenario: Scenario, contender: Contender | None, folder: Path) -> Trial:
        ran.append(contender.name if contender else "unmonitored")
        return Trial(TargetCost(1.0, 10, 1000))

    large = Scenario("large", "", Workload((WorkloadRegion("a", MAX_PAGED + PAGE),)))
    compared = Comparison([large], [contender(), contender().paged()], repetitions=1, run=run)
    compared.run()
    assert ran == ["unmonitored", "accessed_bit"]
    (remark,) = compared.results[0].cells[1].remarks
    assert remark.startswith("not compared: its 2 GiB are more than")


def test_with_pages_each_contender_is_there_a_second_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tiny.cfg"
    file.write_text("a, 4096\n\np\n10\na, 0, 64, 1\n")
    arguments = ["-q", "-n", "1", "--pages", "-s", str(file), "--primitive", "no_such"]
    assert main(["compare", *arguments]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines[1:3]] == ["no_such", "no_such by page"]
