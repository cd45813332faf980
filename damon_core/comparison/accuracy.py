"""How true a recording of a scenario is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

import numpy as np
from attrs import frozen

from ..report.wss import WorkingSet
from ..score import Score, accessed_spans, score_spans, touches_of
from ..snapshot import Snapshot
from ..spans import Spans
from ..truth import Touches, Truth
from ..truth_log import TruthLog
from .heat import pages_of, rank_correlation, seen_heat, true_heat

SEEN_FROM = 0.8
"""F1 from which a change of phase counts as seen."""


@frozen
class Accuracy:
    """Medians over the windows in the second half of each phase, when regions have adapted.

    ``precision``, ``recall``, ``f1``: bytes of accessed regions against bytes of touched pages;
    ``recall_of_writes``: of the written pages; each None where nothing was to be found.  ``wss``:
    working set over the truth, 1 is right.  ``rank``: Spearman's correlation of the heat of pages.
    ``delays_s``: for each change of phase how long until a window has an F1 of 0.8, None for never.
    """

    nr_windows: int
    precision: float | None
    recall: float | None
    f1: float | None
    recall_of_writes: float | None
    wss: float | None
    rank: float | None
    delays_s: tuple[float | None, ...]


@frozen(eq=False)
class _Phase:
    """A phase with the snapshots whose windows lie in it, and those in its second half."""

    start_ns: int
    windows: list[Snapshot]
    settled: list[Snapshot]


def accuracy_of(record: Iterable[Snapshot], log: TruthLog) -> Accuracy:
    """The accuracy of a recording against the log of what was touched meanwhile."""
    truth = Truth.of(log)
    areas = Spans.of((area.range.start, area.range.end) for area in log.areas)
    phases = _phases(list(record), truth, log)
    settled = [snapshot for phase in phases for snapshot in phase.settled]
    touches = [touches_of(snapshot, truth) for snapshot in settled]
    scores = [
        _score(snapshot, touched, truth.pid, areas)
        for snapshot, touched in zip(settled, touches, strict=True)
    ]
    return Accuracy(
        nr_windows=len(settled),
        precision=_median([one.precision for one in scores if one.found + one.false]),
        recall=_median([one.recall for one in scores if one.found + one.missed]),
        f1=_median([f1_of(one) for one in scores]),
        recall_of_writes=_recall_of_writes(settled, truth, areas),
        wss=_wss(settled, touches),
        rank=_rank(phases, truth, log),
        delays_s=tuple(_delay_s(phase, truth, areas) for phase in phases[1:]),
    )


def f1_of(score: Score) -> float:
    """Harmonic mean of precision and recall; 1 if there was nothing, and nothing was said."""
    total = 2 * score.found + score.false + score.missed
    return 2 * score.found / total if total else 1.0


def _phases(snapshots: list[Snapshot], truth: Truth, log: TruthLog) -> list[_Phase]:
    """Of the first thread: threads of a scenario change phase together, or never."""
    first = log.phases[0].tid if log.phases else 0
    starts = [phase.time_ns for phase in log.phases if phase.tid == first]
    last_ns = max((touching.t1 for touching in log.touchings), default=0)
    phases = []
    for start_ns, end_ns in zip(starts, [*starts[1:], last_ns], strict=True):
        windows = [
            one
            for one in snapshots
            if start_ns <= truth.monotonic_ns(one.start_ns)
            and truth.monotonic_ns(one.end_ns) <= end_ns
        ]
        half_ns = (start_ns + end_ns) // 2
        settled = [one for one in windows if truth.monotonic_ns(one.start_ns) >= half_ns]
        phases.append(_Phase(start_ns, windows, settled))
    return phases


def _score(snapshot: Snapshot, touches: Touches, pid: int, areas: Spans) -> Score:
    """Only within the workload's areas: of the program's own memory nothing is known."""
    said = accessed_spans(snapshot.regions, pid) & areas
    return score_spans(said, Touches(touches.sure & areas, touches.maybe))


def _recall_of_writes(settled: Sequence[Snapshot], truth: Truth, areas: Spans) -> float | None:
    recalls = []
    for snapshot in settled:
        times = (truth.monotonic_ns(snapshot.start_ns), truth.monotonic_ns(snapshot.end_ns))
        written = truth.touched(*times, writes=True).sure & areas
        if written.size:
            found = accessed_spans(snapshot.regions, truth.pid) & written
            recalls.append(found.size / written.size)
    return _median(recalls)


def _wss(settled: Sequence[Snapshot], touches: Sequence[Touches]) -> float | None:
    """As `damon report wss` tells it, over the touched bytes: medians of the windows."""
    true = _median([touched.sure.size for touched in touches])
    return WorkingSet(settled).median() / true if true else None


def _rank(phases: Sequence[_Phase], truth: Truth, log: TruthLog) -> float | None:
    """Over all pages of the areas, and the time of all settled windows."""
    pages = pages_of((area.range for area in log.areas), log.page_size)
    true = np.zeros(len(pages))
    for settled in (phase.settled for phase in phases if phase.settled):
        start_ns = truth.monotonic_ns(settled[0].start_ns)
        true += true_heat(log, pages, start_ns, truth.monotonic_ns(settled[-1].end_ns))
    seen = seen_heat([one for phase in phases for one in phase.settled], truth.pid, pages)
    return rank_correlation(true, seen)


def _delay_s(phase: _Phase, truth: Truth, areas: Spans) -> float | None:
    for snapshot in phase.windows:
        score = _score(snapshot, touches_of(snapshot, truth), truth.pid, areas)
        if f1_of(score) >= SEEN_FROM:
            return (truth.monotonic_ns(snapshot.end_ns) - phase.start_ns) / 1e9
    return None


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None
