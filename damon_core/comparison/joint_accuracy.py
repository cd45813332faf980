"""How true a recording of a scenario with several processes is, each judged by its own truth."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from attrs import evolve

from ..record import Record
from ..report.selected import Selected
from ..report.selection import Selection
from ..truth_log import TruthLog
from .accuracy import Accuracy, accuracy_of
from .page_units import PageUnits

NO_TARGET = -1
"""The index of a process that never became a target: of it nothing was seen."""


def accuracies_of(
    record: Record, truths: Sequence[TruthLog], units: PageUnits | None = None
) -> tuple[Accuracy, ...]:
    """Of each process: what was seen of it, against what it touched itself.

    What another one touched in memory that they share does not count as touched by it.
    ``units``: the pages of the areas of the only process, if each of them was a region.
    """
    if len(truths) == 1:
        return (accuracy_of(record, truths[0], units),)
    targets = {target.pid: target.index for snapshot in record for target in snapshot.targets}
    return tuple(
        accuracy_of(Selected(record, Selection(targets=(targets.get(log.pid, NO_TARGET),))), log)
        for log in truths
    )


def joint(accuracies: Sequence[Accuracy]) -> Accuracy:
    """The mean over the processes; a change is seen when it is seen of all of them."""
    if len(accuracies) == 1:
        return accuracies[0]
    delays = zip(*(one.delays_s for one in accuracies), strict=True)
    return evolve(
        accuracies[0],
        nr_windows=min(one.nr_windows for one in accuracies),
        precision=_mean([one.precision for one in accuracies]),
        recall=_mean([one.recall for one in accuracies]),
        f1=_mean([one.f1 for one in accuracies]),
        recall_of_writes=_mean([one.recall_of_writes for one in accuracies]),
        wss=_mean([one.wss for one in accuracies]),
        rank=_mean([one.rank for one in accuracies]),
        delays_s=tuple(_latest(one) for one in delays),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _latest(delays_s: Sequence[float | None]) -> float | None:
    known = [one for one in delays_s if one is not None]
    return max(known) if len(known) == len(delays_s) else None
