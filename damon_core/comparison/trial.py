"""One trial: a scenario that runs once, unmonitored or under one contender."""

from __future__ import annotations

import resource
import shlex
import subprocess
import time
from collections.abc import Sequence
from mmap import PAGESIZE
from pathlib import Path

from attrs import frozen

from ..config import TargetConfig
from ..errors import RunError
from ..record import Record, open_record
from ..report.wss import WorkingSet
from ..tally import Tally
from ..truth_log import TruthLog
from .accuracy import Accuracy
from .contender import Contender
from .driven import TargetCost
from .joint_accuracy import accuracies_of, joint
from .monitoring import MonitorCost, Monitoring
from .page_units import PageUnits, huge_page_size
from .scenario import Scenario


@frozen
class Sight:
    """What a contender saw: how true it was, what it cost, and what became of its reports.

    ``accuracy`` is None where there is no truth; of several processes it is the mean, and
    ``by_process`` has that of each.  ``wss``: median working set, bytes; ``target_cpu_share``:
    what the primitives say that others paid, in shares of one CPU.
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
    by_process: tuple[Accuracy, ...] = ()


@frozen
class Trial:
    """``sight`` is None for the unmonitored."""

    target: TargetCost
    sight: Sight | None = None


def run_trial(scenario: Scenario, contender: Contender | None, folder: Path) -> Trial:
    """Run it; files go into ``folder``.  RunError: the workload, or the monitor, failed."""
    record_path = folder / "record.damon"
    record_path.unlink(missing_ok=True)
    if scenario.command:
        return _run_command(scenario.command, contender, record_path)
    with scenario.driven(folder / "truth") as driven:
        if contender is None:
            return Trial(driven.work())
        areas = driven.areas() if contender.by_page else ()
        with Monitoring(contender, driven.target, record_path, areas) as monitoring:
            monitoring.wait_started()
            target = driven.work()
            cost = monitoring.finish()
    units = PageUnits(PAGESIZE, driven.huge, huge_page_size()) if contender.by_page else None
    return Trial(target, _sight(open_record(record_path), driven.truths, cost, units))


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
    return Trial(target, _sight(open_record(record), (), cost))


def _sight(
    record: Record, truths: Sequence[TruthLog], cost: MonitorCost, units: PageUnits | None = None
) -> Sight:
    tally = Tally()
    for snapshot in record:
        tally.add(snapshot)
    last = record[-1]
    accuracies = accuracies_of(record, truths, units)
    return Sight(
        accuracy=joint(accuracies) if truths else None,
        cost=cost,
        mechanisms=tuple(filter(None, tally.mechanisms.values())),
        nr_reports=tally.nr_reports,
        nr_lost=tally.reports["lost"],
        target_cpu_share=tally.target_cpu_share,
        nr_regions=tally.nr_regions,
        wss=WorkingSet(record).median(),
        sample_us=last.intervals.sample_us,
        aggr_us=last.intervals.aggr_us,
        by_process=accuracies if len(truths) > 1 else (),
        failures=tuple(f"{name}: {why}" for name, why in tally.failures.items()),
    )
