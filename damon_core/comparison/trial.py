"""One trial: a scenario that runs once, unmonitored or under one contender."""

from __future__ import annotations

import os
import resource
import shlex
import subprocess
import time
from pathlib import Path

from attrs import frozen

from ..config import TargetConfig
from ..errors import RunError
from ..record import Record, open_record
from ..report.wss import WorkingSet
from ..tally import Tally
from ..truth_log import TruthLog, read_truth_log
from ..workload.toucher import Toucher
from .accuracy import Accuracy, accuracy_of
from .contender import Contender
from .monitoring import MonitorCost, Monitoring
from .page_units import PageUnits, huge_page_size, huge_pages
from .scenario import Scenario

_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


@frozen
class TargetCost:
    """What the workload did: touches, in how much CPU time of its own, in how much time.

    A command did one thing: all of it.
    """

    nr_touches: float
    cpu_ns: int
    span_ns: int

    @property
    def cpu_per_touch_ns(self) -> float:
        return self.cpu_ns / self.nr_touches if self.nr_touches else 0.0

    @property
    def touches_per_s(self) -> float:
        return self.nr_touches * 1e9 / self.span_ns if self.span_ns else 0.0


@frozen
class Sight:
    """What a contender saw: how true it was, what it cost, and what became of its reports.

    ``accuracy`` is None where there is no truth; ``wss``: median working set, bytes;
    ``target_cpu_share``: what the primitives say that others paid, in shares of one CPU.
    """

    accuracy: Accuracy | None
    cost: MonitorCost
    mechanisms: tuple[str, ...]
    nr_reports: int
    nr_lost: int
    nr_regions: int
    wss: float
    sample_us: int
    aggr_us: int
    failures: tuple[str, ...]
    target_cpu_share: float = 0.0


@frozen
class Trial:
    """``sight`` is None for the unmonitored."""

    target: TargetCost
    sight: Sight | None = None


def run_trial(scenario: Scenario, contender: Contender | None, folder: Path) -> Trial:
    """Run it; files go into ``folder``.  RunError: the workload, or the monitor, failed."""
    log_path, record_path = folder / "truth", folder / "record.damon"
    for path in (log_path, record_path):
        path.unlink(missing_ok=True)
    if scenario.workload is None:
        return _run_command(scenario.command, contender, record_path)
    with Toucher(scenario.workload, log_path, control=True) as toucher:
        if contender is None:
            cpu_ns = _run_phases(toucher)
            toucher.stop()
            return Trial(_target_cost(read_truth_log(log_path), cpu_ns))
        target = TargetConfig(pid=toucher.pid)
        areas = [area.range for area in read_truth_log(log_path).areas]
        with Monitoring(contender, target, record_path, areas) as monitoring:
            monitoring.wait_started()
            huge = huge_pages(toucher.pid, areas)
            cpu_ns = _run_phases(toucher)
            huge &= huge_pages(toucher.pid, areas)
            toucher.stop()
            cost = monitoring.finish()
    log = read_truth_log(log_path)
    units = PageUnits(log.page_size, huge, huge_page_size()) if contender.by_page else None
    sight = _sight(open_record(record_path), log, cost, units)
    return Trial(_target_cost(log, cpu_ns), sight)


def _run_command(command: tuple[str, ...], contender: Contender | None, record: Path) -> Trial:
    if contender is None:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began_ns = time.monotonic_ns()
        ended = subprocess.run(
            command, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=False
        )
        span_ns = time.monotonic_ns() - began_ns
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if ended.returncode:
            raise RunError(f"{shlex.join(command)} exited with status {ended.returncode}")
        spent_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Trial(TargetCost(1, round(spent_s * 1e9), span_ns))
    with Monitoring(contender, TargetConfig(command=command), record) as monitoring:
        cost = monitoring.finish()
    target = TargetCost(1, cost.children_ns, cost.ran_ns)
    return Trial(target, _sight(open_record(record), None, cost))


def _run_phases(toucher: Toucher) -> int:
    """CPU time of the workload while its phases ran."""
    before_ns = cpu_time_ns(toucher.pid)
    toucher.start()
    toucher.finish()
    return cpu_time_ns(toucher.pid) - before_ns


def cpu_time_ns(pid: int) -> int:
    """User and system time of a process, in whole ticks of the kernel's."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_NS


def _target_cost(log: TruthLog, cpu_ns: int) -> TargetCost:
    records = log.touchings
    places = (
        one.nr if one.first is not None else one.nr * -(-one.range.size // one.stride)
        for one in records
    )
    start_ns = min((one.t0 for one in records), default=0)
    end_ns = max((one.t1 for one in records), default=0)
    return TargetCost(sum(places), cpu_ns, end_ns - start_ns)


def _sight(
    record: Record, log: TruthLog | None, cost: MonitorCost, units: PageUnits | None = None
) -> Sight:
    tally = Tally()
    for snapshot in record:
        tally.add(snapshot)
    last = record[-1]
    return Sight(
        accuracy=None if log is None else accuracy_of(record, log, units),
        cost=cost,
        mechanisms=tuple(filter(None, tally.mechanisms.values())),
        nr_reports=tally.nr_reports,
        nr_lost=tally.reports["lost"],
        target_cpu_share=tally.target_cpu_share,
        nr_regions=tally.nr_regions,
        wss=WorkingSet(record).median(),
        sample_us=last.intervals.sample_us,
        aggr_us=last.intervals.aggr_us,
        failures=tuple(f"{name}: {why}" for name, why in tally.failures.items()),
    )
