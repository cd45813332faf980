"""How true a recording of a scenario is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

import numpy as np
from attrs import define, field, frozen

from ..score import Score, accessed_spans, score_spans
from ..snapshot import Snapshot
from ..spans import Spans
from ..truth import Touches, Truth
from ..truth_log import TruthLog
from .heat import pages_of, rank_correlation, seen_heat, true_heat
from .page_accuracy import PageAccuracy, PageScores
from .page_units import PageUnits

SEEN_FROM = 0.8
"""F1 from which a change of phase counts as seen."""


@frozen
class Accuracy:
    """Medians over the windows in the second half of each phase, when regions have adapted.

    ``precision``, ``recall``, ``f1``: bytes of accessed regions against bytes of touched pages;
    ``recall_of_writes``: of the written pages; each None where nothing was to be found.  ``wss``:
    bytes of the regions accessed in a window over bytes touched in the same window, 1 is right.
    ``rank``: Spearman's correlation of the heat of pages.
    ``delays_s``: for each change of phase how long until a window has an F1 of 0.8, None for never.
    ``pages``: of what was monitored page by page.
    """

    nr_windows: int
    precision: float | None
    recall: float | None
    f1: float | None
    recall_of_writes: float | None
    wss: float | None
    rank: float | None
    delays_s: tuple[float | None, ...]
    pages: PageAccuracy | None = None


@frozen
class _Window:
    """What a window within a phase was worth; ``settled``: it lies in the phase's second half."""

    end_ns: int
    settled: bool
    score: Score
    recall_of_writes: float | None


@define(eq=False)
class _Phase:
    """A phase, its windows, and when the settled ones began and ended."""

    start_ns: int
    end_ns: int
    windows: list[_Window] = field(factory=list)
    settled_ns: tuple[int, int] | None = None

    @property
    def half_ns(self) -> int:
        return (self.start_ns + self.end_ns) // 2

    def settled_at(self, start_ns: int, end_ns: int) -> None:
        self.settled_ns = (self.settled_ns[0] if self.settled_ns else start_ns, end_ns)


def accuracy_of(
    record: Iterable[Snapshot], log: TruthLog, units: PageUnits | None = None
) -> Accuracy:
    """The accuracy of a recording against the log of what was touched meanwhile.

    ``units``: the pages of the workload's areas, if each of them was a region.
    """
    truth = Truth.of(log)
    areas = Spans.of((area.range.start, area.range.end) for area in log.areas)
    pages = pages_of((area.range for area in log.areas), log.page_size)
    paged = None if units is None else PageScores(areas, units)
    seen = np.zeros(len(pages))
    phases = _phases(log)
    # One snapshot at a time: page by page, all of them would fill the memory.
    for snapshot in record:
        times = (truth.monotonic_ns(snapshot.start_ns), truth.monotonic_ns(snapshot.end_ns))
        phase = _phase_around(phases, *times)
        if phase is None:
            continue
        touches = truth.touched(*times)
        said = accessed_spans(snapshot.regions, truth.pid) & areas
        settled = times[0] >= phase.half_ns
        written = truth.touched(*times, writes=True).sure & areas if settled else Spans.of(())
        # Only within the workload's areas: of the program's own memory nothing is known.
        score = score_spans(said, Touches(touches.sure & areas, touches.maybe))
        writes = (said & written).size / written.size if written.size else None
        phase.windows.append(_Window(times[1], settled, score, writes))
        if settled:
            phase.settled_at(*times)
            seen += seen_heat([snapshot], truth.pid, pages)
        if paged is not None:
            paged.add(said, touches)
    windows = [one for phase in phases for one in phase.windows if one.settled]
    scores = [one.score for one in windows]
    return Accuracy(
        nr_windows=len(windows),
        precision=_median([one.precision for one in scores if one.said]),
        recall=_median([one.recall for one in scores if one.touched]),
        f1=_median([one.f1 for one in scores]),
        recall_of_writes=_median([one.recall_of_writes for one in windows]),
        wss=_median([one.said / one.touched for one in scores if one.touched]),
        rank=rank_correlation(_true_heat(phases, log, pages), seen),
        delays_s=_delays_s(phases),
        pages=None if paged is None else paged.accuracy(),
    )


def _phases(log: TruthLog) -> list[_Phase]:
    """Of the first thread: threads of a scenario change phase together, or never."""
    first = log.phases[0].tid if log.phases else 0
    starts = [phase.time_ns for phase in log.phases if phase.tid == first]
    last_ns = max((touching.t1 for touching in log.touchings), default=0)
    ends = [*starts[1:], last_ns]
    return [_Phase(*times) for times in zip(starts, ends, strict=True)]


def _phase_around(phases: Sequence[_Phase], start_ns: int, end_ns: int) -> _Phase | None:
    """The phase that a window lies in, None for one across a change."""
    for phase in phases:
        if phase.start_ns <= start_ns and end_ns <= phase.end_ns:
            return phase
    return None


def _true_heat(phases: Sequence[_Phase], log: TruthLog, pages: np.ndarray) -> np.ndarray:
    """Of all pages of the areas, in the time of all settled windows."""
    times = [phase.settled_ns for phase in phases if phase.settled_ns]
    return sum((true_heat(log, pages, *both) for both in times), np.zeros(len(pages)))


def _delays_s(phases: Sequence[_Phase]) -> tuple[float | None, ...]:
    """Nothing where no window at all could be judged."""
    if not any(phase.windows for phase in phases):
        return ()
    return tuple(_delay_s(phase) for phase in phases[1:])


def _delay_s(phase: _Phase) -> float | None:
    for window in phase.windows:
        if window.score.f1 >= SEEN_FROM:
            return (window.end_ns - phase.start_ns) / 1e9
    return None


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
