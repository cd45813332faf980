"""How true a recording is page by page, where each page was a region."""

from __future__ import annotations

from statistics import median

from attrs import define, field, frozen

from ..score import Score
from ..spans import Spans
from ..truth import Touches
from .page_units import PageUnits


@frozen
class PageAccuracy:
    """Of the windows that lie within a phase: what was said of each page, and what was touched.

    ``precision``, ``recall``, ``f1``: medians, None where nothing was to be found.  ``nr_false``,
    ``nr_missed``: pages said but not touched, and touched but not said, means of the windows, None
    without windows.  ``nr_pages``, of which ``nr_huge`` are huge, and ``size`` bytes: monitored.
    """

    nr_windows: int
    precision: float | None
    recall: float | None
    f1: float | None
    nr_false: float | None
    nr_missed: float | None
    nr_pages: int
    nr_huge: int
    size: int


@define(eq=False)
class PageScores:
    """Judges windows in which every page of ``areas`` is a region."""

    areas: Spans
    units: PageUnits
    scores: list[Score] = field(factory=list)

    def add(self, said: Spans, touches: Touches) -> None:
        """Judge a window; a page that may have been touched, but not surely, counts as nothing."""
        whole, count = self.units.whole, self.units.count
        said, sure = whole(said & self.areas), whole(touches.sure & self.areas)
        maybe = whole(touches.maybe & self.areas)
        found = count(said & sure)
        self.scores.append(Score(found, count(said - sure - maybe), count(sure) - found))

    def accuracy(self) -> PageAccuracy:
        """All windows together."""
        scores, nr = self.scores, len(self.scores)
        precisions = [one.precision for one in scores if one.said]
        recalls = [one.recall for one in scores if one.touched]
        return PageAccuracy(
            nr_windows=nr,
            precision=median(precisions) if precisions else None,
            recall=median(recalls) if recalls else None,
            f1=median(one.f1 for one in scores) if nr else None,
            nr_false=sum(one.false for one in scores) / nr if nr else None,
            nr_missed=sum(one.missed for one in scores) / nr if nr else None,
            nr_pages=self.units.count(self.areas),
            nr_huge=self.units.count(self.areas & self.units.huge),
            size=self.areas.size,
        )
