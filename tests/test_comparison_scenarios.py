"""Scenarios of several processes, of servers, and those that fail or cannot be run here."""

from __future__ import annotations

import io
import json
import os
import signal
from pathlib import Path

import pytest

from damon_core.cli import main
from damon_core.comparison import driven
from damon_core.comparison.accuracy import Accuracy
from damon_core.comparison.comparison import Comparison
from damon_core.comparison.contender import Contender, contender_of
from damon_core.comparison.driven import DrivenServer, DrivenWorkload, TargetCost, whole_log
from damon_core.comparison.joint_accuracy import accuracies_of, joint
from damon_core.comparison.scenario import Scenario, load_scenario
from damon_core.comparison.trial import Trial, run_trial
from damon_core.errors import RunError
from damon_core.host import PrimitiveChoice
from damon_core.model import AddrRange, Intervals, Ops
from damon_core.record import open_record
from damon_core.record_format import PrimitiveInfo, RecordHeader
from damon_core.record_writer import RecordWriter
from damon_core.report.comparison import ComparisonTable
from damon_core.report.comparison_page import ComparisonPage
from damon_core.snapshot import TargetState
from damon_core.spec import ContextSpec
from damon_core.testing.snapshots import INTERVALS, T0_NS, made_up_snapshot
from damon_core.touching import Touching
from damon_core.truth_log import Area, PhaseStart, TruthLog
from damon_core.workload.key_load import KeyLoad
from damon_core.workload.masim import parse_masim
from damon_core.workload.server import SERVERS, Redis
from damon_core.workload.toucher import Toucher

PAGE = 4096
NAN = float("nan")
WORKLOAD = parse_masim("a, 64K\n\np\n20\na, 0, 4096, 1\n")
QUICK = ContextSpec(intervals=Intervals(20_000, 100_000, 1_000_000), cpu_quota=1.0)


def truth_of(pid: int, start: int, end: int, until_ns: int) -> TruthLog:
    """A process that touched these pages all the time, and nothing else of eight."""
    area = AddrRange(0x10000, 0x10000 + 8 * PAGE)
    touching = Touching(0, until_ns, pid, AddrRange(start, end), PAGE, "w", 100, 1)
    return TruthLog(
        pid=pid,
        realtime_offset_ns=T0_NS,
        areas=[Area("a", "shmem", area, area.size)],
        phases=[PhaseStart("p", 0, pid)],
        touchings=[touching],
        ended=True,
    )


def test_of_shared_memory_each_process_is_judged_by_what_it_touched_itself(tmp_path: Path) -> None:
    # Both are said to have accessed both halves, each touched one.
    path = str(tmp_path / "made.damon")
    writer = RecordWriter(path, RecordHeader(Ops.VADDR, (PrimitiveInfo("accessed_bit"),), T0_NS))
    targets = [TargetState(0, 11, "one"), TargetState(1, 22, "two")]
    for number in range(4):
        rows = [(0x10000, 0x18000, 10, 0, index, pid, NAN) for index, pid in ((0, 11), (1, 22))]
        writer.write(made_up_snapshot(number, rows, targets=targets))
    writer.close()
    until_ns = 4 * INTERVALS.aggr_us * 1000
    truths = [
        truth_of(11, 0x10000, 0x14000, until_ns),
        truth_of(22, 0x14000, 0x18000, until_ns),
        truth_of(33, 0x10000, 0x18000, until_ns),
    ]
    each = accuracies_of(open_record(path), truths)
    assert [(one.precision, one.recall) for one in each] == [(0.5, 1), (0.5, 1), (None, 0)]
    assert [one.wss for one in each] == [2, 2, 0]
    both = joint(each)
    assert both.precision == 0.5
    assert both.recall == pytest.approx(2 / 3)


def test_a_change_is_seen_when_it_is_seen_of_all_processes() -> None:
    first = Accuracy(3, 1.0, 0.5, 0.7, None, 1.0, None, (1.0, None))
    second = Accuracy(2, 0.5, 1.0, 0.7, 0.2, 1.0, None, (3.0, 2.0))
    both = joint([first, second])
    assert both.delays_s == (3.0, None)
    assert (both.nr_windows, both.precision, both.recall_of_writes) == (2, 0.75, 0.2)
    assert joint([first]) == first


@pytest.mark.live
def test_processes_are_monitored_as_a_target_each(tmp_path: Path) -> None:
    contender = contender_of(PrimitiveChoice("accessed_bit"), QUICK)
    if lacks := contender.missing():
        pytest.skip(lacks)
    text = (
        "#damon memory shmem\n#damon populate yes\na, 4 MiB\nb, 4 MiB\n\n#damon process one\n"
        "#damon pause 2 ms\np\n2000\na, 0, 4096, 1\n\n"
        "#damon process two\nq\n2000\nb, 0, 4096, 1, ro\n"
    )
    trial = run_trial(Scenario("two", "", parse_masim(text)), contender, tmp_path)
    assert trial.sight is not None
    assert len(trial.sight.by_process) == 2
    pids = {target.pid for one in open_record(tmp_path / "record.damon") for target in one.targets}
    assert len(pids) == 2
    # Of its own half each process touched all; the other half only the other one did.
    for accuracy in trial.sight.by_process:
        assert accuracy.nr_windows > 0
        assert accuracy.recall is not None
        assert accuracy.recall > 0.5


def test_a_server_is_loaded_and_what_it_did_is_counted() -> None:
    if lacks := Redis.missing():
        pytest.skip(f"needs redis: {lacks}")
    load = KeyLoad(nr_keys=1000, nr_hot=100)
    with DrivenServer(Redis, load, duration_ns=1) as server:
        cost = server.work()
    assert cost.nr_touches == 100
    assert cost.span_ns > 0
    assert server.truths == ()


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.parametrize("name", SERVERS)
def test_a_server_is_monitored_under_load(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contender = contender_of(PrimitiveChoice("accessed_bit"), QUICK)
    scenario = load_scenario(name)
    if lacks := contender.missing() or scenario.missing():
        pytest.skip(lacks)
    monkeypatch.setattr(driven, "SERVED_NS", 2_000_000_000)
    trial = run_trial(scenario, contender, tmp_path)
    assert trial.target.nr_touches > 0
    assert trial.sight is not None
    assert trial.sight.accuracy is None
    assert trial.sight.wss > 0
    assert trial.sight.nr_reports > 0


class NotThere(Redis):
    program = "no-such-server"


@pytest.fixture
def comparison(monkeypatch: pytest.MonkeyPatch) -> Comparison:
    """Of a server that is missing, a workload that fails in its second round, and a good one."""
    monkeypatch.setattr(Contender, "missing", lambda self: "")
    ran: list[str] = []

    def run(scenario: Scenario, contender: Contender | None, folder: Path) -> Trial:
        ran.append(scenario.name)
        if scenario.name == "bad" and ran.count("bad") == 3:
            raise RunError("it <b>fell</b> over")
        return Trial(TargetCost(1, 1, 1))

    scenarios = [
        Scenario("gone", "A server.", None, server=NotThere),
        Scenario("bad", "Fails.", WORKLOAD),
        Scenario("good", "Works.", WORKLOAD),
    ]
    contender = Contender("a", ContextSpec(), (PrimitiveChoice("a"),))
    compared = Comparison(scenarios, [contender], repetitions=2, run=run)
    compared.run()
    assert ran == ["bad"] * 3 + ["good"] * 4
    return compared


def test_a_scenario_that_cannot_run_or_fails_says_why_and_the_others_are_run(
    comparison: Comparison,
) -> None:
    gone, bad, good = comparison.results
    assert gone.skipped == "no-such-server is not installed: apt-get install no-such-server"
    assert bad.failed == "it <b>fell</b> over"
    assert [len(result.unmonitored) for result in comparison.results] == [0, 1, 2]
    assert (good.skipped, good.failed) == ("", "")


def test_table_json_and_page_say_why_a_scenario_has_no_figures(comparison: Comparison) -> None:
    table, page, text = io.StringIO(), io.StringIO(), io.StringIO()
    ComparisonTable(comparison.results, repetitions=2).render(table)
    assert "not run: no-such-server is not installed: apt-get" in table.getvalue()
    assert "failed: it <b>fell</b> over" in table.getvalue()
    ComparisonPage(comparison.results, repetitions=2).render(page)
    assert "not run: no-such-server is not installed" in page.getvalue()
    assert "failed: it &lt;b&gt;fell&lt;/b&gt; over" in page.getvalue()
    ComparisonTable(comparison.results, repetitions=2).render_json(text)
    gone, bad, good = json.loads(text.getvalue())["scenarios"]
    assert gone["skipped"].startswith("no-such-server")
    assert gone["contenders"][0]["figures"]["speed"] is None
    assert bad["failed"] == "it <b>fell</b> over"
    assert (good["skipped"], good["failed"]) == (None, None)


def test_a_workload_that_fails_leaves_the_others_and_the_exit_code_is_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "huge.cfg").write_text("a, 64 TiB\nb, 64 TiB\n\np\n10\na, 0, 4096, 1\n")
    (tmp_path / "good.cfg").write_text("a, 64K\n\np\n1500\na, 0, 4096, 1\n")
    names = [f"-s{tmp_path / name}.cfg" for name in ("huge", "good")]
    code = main(["compare", "-q", "-n1", "--json", *names, "--primitive", "no_such"])
    said = capsys.readouterr()
    assert code == 1
    (line,) = said.err.splitlines()
    assert line.startswith("damon: huge: toucher: region ")
    huge, good = json.loads(said.out)["scenarios"]
    assert "cannot map it" in huge["failed"]
    assert good["failed"] is None


def test_a_workload_that_is_killed_says_so_in_one_line(tmp_path: Path) -> None:
    with DrivenWorkload(WORKLOAD, tmp_path / "log") as workload:
        assert workload.target.pid
        os.kill(workload.target.pid, signal.SIGKILL)
        os.waitid(os.P_PID, workload.target.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(RunError, match=r"the workload was ended by signal 9 before its work"):
            workload.work()


def whole(tmp_path: Path) -> list[str]:
    with Toucher(WORKLOAD, tmp_path / "log", control=True) as toucher:
        toucher.touch(seed=1, permille=1000)
        toucher.stop()
    return (tmp_path / "log").read_text().splitlines(keepends=True)


def test_a_workload_that_writes_no_truth_is_an_error(tmp_path: Path) -> None:
    for content in (None, ""):
        if content is not None:
            (tmp_path / "log").write_text(content)
        with pytest.raises(RunError, match=r"no truth: nothing was written, .*damon workload"):
            whole_log(tmp_path / "log")
    (tmp_path / "log").write_text("what else\n")
    with pytest.raises(RunError, match=r"no truth: .*log:1: no line of a ground-truth log"):
        whole_log(tmp_path / "log")


def test_a_truth_that_is_cut_off_is_an_error_that_says_where(tmp_path: Path) -> None:
    lines = whole(tmp_path)
    (tmp_path / "log").write_text("".join(lines[:-1]) + lines[-1][:5])
    with pytest.raises(RunError, match=r"the truth is cut off after .*s: its last line"):
        whole_log(tmp_path / "log")


def test_a_workload_that_touched_nothing_is_an_error(tmp_path: Path) -> None:
    lines = whole(tmp_path)
    (tmp_path / "log").write_text("".join(line for line in lines if '"t0"' not in line))
    with pytest.raises(RunError, match="it touched nothing, so there is nothing to see"):
        whole_log(tmp_path / "log")


def test_a_command_that_fails_leaves_the_other_scenarios(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "good.cfg").write_text("a, 64K\n\np\n10\na, 0, 4096, 1\n")
    arguments = ["-q", "-n1", "-s", str(tmp_path / "good.cfg"), "--primitive", "no_such"]
    assert main(["compare", *arguments, "--", "false"]) == 1
    said = capsys.readouterr()
    assert said.err == "damon: false: false exited with status 1\n"
    assert "== good" in said.out
    assert "failed: false exited with status 1" in said.out
