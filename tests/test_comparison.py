"""Comparisons: what is measured against the truth, how rounds are run, and what is shown."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from damon_core.cli import main
from damon_core.comparison.accuracy import Accuracy, accuracy_of
from damon_core.comparison.comparison import Cell, Comparison, Spread
from damon_core.comparison.contender import Contender, contender_of, contenders_in, distinct
from damon_core.comparison.heat import pages_of, rank_correlation, seen_heat, true_heat
from damon_core.comparison.monitoring import MonitorCost
from damon_core.comparison.scenario import Scenario, load_scenario, shipped_names
from damon_core.comparison.trial import Sight, TargetCost, Trial, run_trial
from damon_core.errors import ConfigError, PrimitiveError, WorkloadError
from damon_core.host import PrimitiveChoice
from damon_core.model import AddrRange, Intervals, Ops
from damon_core.record import open_record
from damon_core.record_format import PrimitiveInfo, RecordHeader
from damon_core.record_writer import RecordWriter
from damon_core.report.comparison import ComparisonTable
from damon_core.report.comparison_page import ComparisonPage
from damon_core.score import Score
from damon_core.spec import ContextSpec
from damon_core.testing.snapshots import INTERVALS, T0_NS, made_up_snapshot
from damon_core.touching import Touching
from damon_core.truth_log import Area, PhaseStart, TruthLog
from damon_core.workload.plan import Pattern, Phase, Workload, WorkloadRegion

PAGE = 4096
PID, TID = 4321, 4321
NAN = float("nan")


def touching(start: int, end: int, t0: int, t1: int, nr: int = 1, **more: int) -> Touching:
    return Touching(t0, t1, TID, AddrRange(start, end), more.pop("stride", PAGE), "w", nr, **more)


def log_of(touchings: list[Touching], phases: list[int]) -> TruthLog:
    """Eight pages from 0x10000 on; times are nanoseconds after T0_NS."""
    area = AddrRange(0x10000, 0x10000 + 8 * PAGE)
    return TruthLog(
        pid=PID,
        realtime_offset_ns=T0_NS,
        areas=[Area("a", "anon", area, area.size)],
        phases=[PhaseStart(str(t), t, TID) for t in phases],
        touchings=touchings,
        ended=True,
    )


def test_touches_in_order_count_once_a_pass_and_page() -> None:
    pages = pages_of([AddrRange(0x10000, 0x18000)], PAGE)
    log = log_of([touching(0x12000, 0x14000, 0, 100, nr=7)], [0])
    assert true_heat(log, pages, 0, 100).tolist() == [0, 0, 7, 7, 0, 0, 0, 0]
    assert true_heat(log, pages, 50, 100).tolist() == [0, 0, 3.5, 3.5, 0, 0, 0, 0]
    assert not true_heat(log, pages, 100, 200).any()


def test_small_strides_touch_a_page_more_often_and_large_ones_not_every_page() -> None:
    pages = pages_of([AddrRange(0x10000, 0x14000)], PAGE)
    small = log_of([touching(0x10000, 0x12000, 0, 10, nr=2, stride=64)], [0])
    assert true_heat(small, pages, 0, 10).tolist() == [128, 128, 0, 0]
    large = log_of([touching(0x10000, 0x14000, 0, 10, nr=3, stride=2 * PAGE)], [0])
    assert true_heat(large, pages, 0, 10).tolist() == [3, 0, 3, 0]


def test_draws_at_random_are_shared_out_over_their_pages() -> None:
    pages = pages_of([AddrRange(0x10000, 0x14000)], PAGE)
    log = log_of([touching(0x10000, 0x12000, 0, 10, nr=50, first=0, nr_pages=2)], [0])
    assert true_heat(log, pages, 0, 10).tolist() == [25, 25, 0, 0]


def test_heat_that_was_seen_is_the_rate_of_the_region_that_has_the_page() -> None:
    rows = [(0x10000, 0x12000, 5, 0, 0, PID, NAN), (0x13000, 0x14000, 10, 0, 0, PID, NAN)]
    other = [(0x10000, 0x14000, 10, 0, 0, 99, NAN)]
    pages = pages_of([AddrRange(0x10000, 0x15000)], PAGE)
    snapshots = [made_up_snapshot(0, rows), made_up_snapshot(1, other)]
    assert seen_heat(snapshots, PID, pages).tolist() == [0.25, 0.25, 0, 0.5, 0]


def test_rank_correlation_is_that_of_the_orders() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0])
    assert rank_correlation(values, np.exp(values)) == pytest.approx(1)
    assert rank_correlation(values, -values) == pytest.approx(-1)
    # ranks 1 2.5 2.5 4 against 1 2 3 4: 1 - 6 * 0.5 / 60, corrected for ties
    assert rank_correlation(np.array([1.0, 2, 2, 3]), values) == pytest.approx(0.9486833)


def test_what_is_the_same_everywhere_has_no_order() -> None:
    assert rank_correlation(np.ones(4), np.arange(4.0)) is None
    assert rank_correlation(np.empty(0), np.empty(0)) is None


@pytest.mark.parametrize(
    ("score", "f1"), [(Score(10, 0, 0), 1), (Score(0, 5, 5), 0), (Score(6, 2, 2), 0.75)]
)
def test_f1_is_the_harmonic_mean(score: Score, f1: float) -> None:
    assert score.f1 == f1
    assert Score(0, 0, 0).f1 == 1


@pytest.fixture
def accuracy(tmp_path: Path) -> Accuracy:
    """Two phases of four windows: two pages hot, then two others, which are seen a window late."""
    window_ns = INTERVALS.aggr_us * 1000
    touchings = [
        touching(0x10000 + place * PAGE, 0x10000 + (place + 2) * PAGE, at, at + window_ns)
        for number in range(8)
        for at, place in [(number * window_ns, 0 if number < 4 else 4)]
    ]
    header = RecordHeader(Ops.VADDR, (PrimitiveInfo("accessed_bit"),), T0_NS)
    path = tmp_path / "made.damon"
    writer = RecordWriter(str(path), header)
    for number in range(8):
        place = 0 if number < 5 else 4
        start = 0x10000 + place * PAGE
        rows = [(start, start + 3 * PAGE, 10, 0, 0, PID, 2.0 * PAGE)]
        writer.write(made_up_snapshot(number, rows))
    writer.close()
    return accuracy_of(open_record(path), log_of(touchings, [0, 4 * window_ns]))


def test_accuracy_is_of_the_second_half_of_each_phase(accuracy: Accuracy) -> None:
    assert accuracy.nr_windows == 4
    assert accuracy.precision == pytest.approx(2 / 3)  # two of three pages
    assert accuracy.recall == accuracy.recall_of_writes == 1
    assert accuracy.f1 == pytest.approx(0.8)
    assert accuracy.wss == 1.5, "three pages for two, of the same window"
    assert accuracy.pages is None
    assert accuracy.rank is not None
    assert 0 < accuracy.rank < 1


def test_the_delay_is_from_the_change_to_the_end_of_the_first_window_that_shows_it(
    accuracy: Accuracy,
) -> None:
    assert accuracy.delays_s == (2 * INTERVALS.aggr_us / 1e6,)


def test_every_shipped_scenario_can_be_loaded_says_what_it_is_for_and_ends() -> None:
    assert len(shipped_names()) == 15
    for name in shipped_names():
        scenario = load_scenario(name)
        assert scenario.summary.endswith(".")
        assert scenario.server or (scenario.workload and scenario.workload.duration_us)


def test_a_scenario_may_be_a_workload_file(tmp_path: Path) -> None:
    file = tmp_path / "own.cfg"
    file.write_text("#damon memory anon_4k\na, 4096\n\np\n10\na, 0, 64, 1\n")
    assert load_scenario(str(file)) == Scenario("own", "", load_scenario(str(file)).workload)


def test_an_unknown_scenario_names_the_nearest() -> None:
    with pytest.raises(WorkloadError, match=r"no scenario and no file 'phasis'.*phases"):
        load_scenario("phasis")


def test_a_scenario_that_never_ends_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "own.cfg"
    file.write_text("#damon repeat 0\na, 4096\n\np\n10\na, 0, 64, 1\n")
    with pytest.raises(WorkloadError, match="runs for ever"):
        load_scenario(str(file))


def test_contenders_are_the_contexts_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    file.write_text(
        "contexts:\n"
        "  - {name: a, targets: [{pid: 1}], sample: {primitives: [accessed_bit]}}\n"
        "  - {name: b, targets: [{pid: 1}], sample: {primitives: [accessed_bit]},\n"
        "     cpu_quota: 10 %}\n"
    )
    found = contenders_in(str(file))
    assert [(one.name, one.spec.cpu_quota) for one in found] == [("two.a", 0.05), ("two.b", 0.1)]


def test_physical_memory_is_no_contender(tmp_path: Path) -> None:
    file = tmp_path / "phys.yaml"
    file.write_text("ops: paddr\nsample: {primitives: [accessed_bit]}\n")
    with pytest.raises(ConfigError, match="ops paddr cannot be compared: expected vaddr"):
        contenders_in(str(file))


def test_contenders_of_one_name_are_told_apart() -> None:
    spec = ContextSpec()
    choices = [PrimitiveChoice("a"), PrimitiveChoice("a"), PrimitiveChoice("a", {"x": 1})]
    found = distinct([contender_of(choice, spec) for choice in choices])
    assert [one.name for one in found] == ["a", "a #2", "a:x=1"]


def test_a_primitive_that_is_not_installed_is_missing() -> None:
    lacks = contender_of(PrimitiveChoice("no_such"), ContextSpec()).missing()
    assert lacks.startswith("no_such is not installed")


COST = MonitorCost(user_ns=10, system_ns=30, span_ns=1000, max_rss=100 << 20)


def made_trial(seen: bool, cpu_ns: int, recall: float = 0.5) -> Trial:
    accuracy = Accuracy(3, 1.0, recall, 0.7, None, 1.0, None, (1.0, None))
    sight = Sight(accuracy, COST, ("bpf",), 10, 1, 20, 1e6, 5000, 100_000, ())
    return Trial(TargetCost(100.0, cpu_ns, 1000), sight if seen else None)


@pytest.fixture
def comparison(monkeypatch: pytest.MonkeyPatch) -> Comparison:
    """Of contenders that are not run: a slows twofold, b fails in the second round, c cannot."""
    monkeypatch.setattr(
        Contender, "missing", lambda self: "no PMU here" if self.name == "c" else ""
    )
    order: list[str] = []

    def run(scenario: Scenario, contender: Contender | None, folder: Path) -> Trial:
        name = contender.name if contender else "unmonitored"
        order.append(name)
        if name == "b" and order.count("b") == 2:
            raise PrimitiveError("b broke")
        return made_trial(contender is not None, 2000 if name == "a" else 1000, order.count("a"))

    region = WorkloadRegion("a", PAGE)
    workload = Workload((region,), ((Phase("p", 1000, (Pattern(0),)),),))
    contenders = [Contender(name, ContextSpec(), (PrimitiveChoice(name),)) for name in "abc"]
    compared = Comparison(
        [Scenario("one", "<b>what</b> it is.", workload)], contenders, repetitions=3, run=run
    )
    compared.run()
    assert order == ["unmonitored", "a", "b"] * 2 + ["unmonitored", "a"]
    return compared


def test_contenders_take_turns_and_one_that_fails_is_left_out(comparison: Comparison) -> None:
    ((a, b, c),) = [result.cells for result in comparison.results]
    assert (len(a.trials), len(b.trials), len(c.trials)) == (3, 1, 0)
    assert (a.skipped, b.skipped, c.skipped) == ("", "b broke", "no PMU here")
    assert a.slowdown == Spread(2, 2, 2)
    assert a.speed == Spread(1, 1, 1)
    assert a.spread(lambda sight: sight.accuracy.recall if sight.accuracy else None) == Spread(
        2, 1, 3
    )


def test_a_figure_that_no_trial_has_is_none_and_never_zero() -> None:
    assert Spread.of([None, None]) is None
    assert Spread.of([None, 3.0]) == Spread(3, 3, 3)
    assert Cell("x").slowdown is None


def test_the_table_has_a_row_a_contender_and_says_why_one_is_missing(
    comparison: Comparison,
) -> None:
    out = io.StringIO()
    ComparisonTable(comparison.results, repetitions=3).render(out)
    text = out.getvalue()
    assert "2.000 [1.000-3.000]" in text
    assert "c: not compared: no PMU here" in text
    assert "b: not compared from round 2 on: b broke" in text
    assert "\nc  " not in text
    assert "slow-down: CPU time of a touch" in text
    assert "writes" not in text.splitlines()[1], "a column that nobody has"


def test_json_has_each_trial(comparison: Comparison) -> None:
    out = io.StringIO()
    ComparisonTable(comparison.results, repetitions=3).render_json(out)
    (scenario,) = json.loads(out.getvalue())["scenarios"]
    a, _, c = scenario["contenders"]
    assert len(a["trials"]) == 3
    assert a["figures"]["slowdown"] == {"median": 2, "low": 2, "high": 2}
    assert a["figures"]["rank"] is None
    assert (c["skipped"], c["figures"]["recall"]) == ("no PMU here", None)


def test_the_page_escapes_what_it_is_told(comparison: Comparison) -> None:
    out = io.StringIO()
    ComparisonPage(comparison.results, repetitions=3).render(out)
    page = out.getvalue()
    assert "&lt;b&gt;what&lt;/b&gt;" in page
    assert "<b>what" not in page
    assert "c: not compared: no PMU here" in page
    assert page.count("<figure>") == page.count("</figure>") > 5
    assert "http" not in page, "it needs nothing from anywhere"


@pytest.mark.live
def test_a_real_trial_sees_most_of_the_truth_and_knows_what_it_cost(tmp_path: Path) -> None:
    file = tmp_path / "tiny.cfg"
    file.write_text(
        "#damon memory anon_4k\n#damon populate yes\na, 16 MiB\n\nhot\n1500\n#damon pause 2 ms\n"
        "#damon window 4 MiB every 1 d\na, 0, 4096, 1, wo\n"
    )
    spec = ContextSpec(intervals=Intervals(20_000, 100_000, 1_000_000), cpu_quota=1.0)
    contender = contender_of(PrimitiveChoice("accessed_bit"), spec)
    if lacks := contender.missing():
        pytest.skip(lacks)
    scenario = load_scenario(str(file))
    plain = run_trial(scenario, None, tmp_path)
    trial = run_trial(scenario, contender, tmp_path)
    assert plain.sight is None
    assert plain.target.nr_touches > 1024
    assert trial.sight is not None
    assert trial.sight.accuracy is not None
    assert trial.sight.accuracy.nr_windows > 0
    assert trial.sight.accuracy.recall is not None
    assert trial.sight.accuracy.recall > 0.5
    assert trial.sight.cost.span_ns > 0
    assert trial.sight.nr_reports > 0


def test_the_command_lists_the_scenarios(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == shipped_names()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-s", "phasis"], "did you mean 'phases'"),
        (["-o", "page.txt"], "expected a name that ends in .html"),
        (["-o", "/no/such/page.html"], "No such file"),
        (["--aggr", "1s"], "--aggr needs --sample"),
        (["no-such.yaml"], "no-such.yaml"),
        (["-n", "0"], "--repetitions"),
        (["--", "no-such-program"], "no such command: no-such-program"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_comparison_of_nothing_that_works_says_why_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tiny.cfg"
    file.write_text("a, 4096\n\np\n10\na, 0, 64, 1\n")
    arguments = ["-q", "-n", "1", "-s", str(file), "--primitive", "no_such"]
    assert main(["compare", *arguments]) == 1
    assert "no_such: not compared: no_such is not installed" in capsys.readouterr().out


@pytest.mark.live
def test_any_command_can_be_compared_for_its_cost(
    capsys: pytest.CaptureFixture[str],
) -> None:
    contender = contender_of(PrimitiveChoice("accessed_bit"), ContextSpec())
    if lacks := contender.missing():
        pytest.skip(lacks)
    code = (
        "memory = bytearray(8 << 20)\n"
        "for _ in range(10_000):\n"
        "    memory[::4096] = memory[::4096]\n"
        "print('its own output')"
    )
    arguments = ["-q", "-n", "1", "--json", "--sample", "20ms", "--aggr", "100ms"]
    arguments += ["--cpu-quota", "100%", "--primitive", "accessed_bit"]
    assert main(["compare", *arguments, "--", sys.executable, "-c", code]) == 0
    out = capsys.readouterr().out
    (scenario,) = json.loads(out)["scenarios"]
    (cell,) = scenario["contenders"]
    assert "no truth" in scenario["summary"]
    assert cell["figures"]["recall"] is None
    assert cell["figures"]["slowdown"]["median"] > 0
    assert cell["figures"]["used"]["median"] > 0


def test_a_command_that_fails_is_no_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "-q", "--primitive", "accessed_bit", "--", "false"]) == 1
    assert "false exited with status 1" in capsys.readouterr().err
