"""How right a snapshot is: its accessed bytes against the ground truth of the same window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from .spans import Spans
from .truth import Touches, Truth

if TYPE_CHECKING:
    from .snapshot import Snapshot, SnapshotRegions


@frozen
class Score:
    """Bytes, or pages: found (said and touched), false (said, not touched), missed (the reverse).

    What the truth is not sure of counts as none of them.
    """

    found: int
    false: int
    missed: int

    @property
    def said(self) -> int:
        """Found or false."""
        return self.found + self.false

    @property
    def touched(self) -> int:
        """Found or missed."""
        return self.found + self.missed

    @property
    def precision(self) -> float:
        """Of what was said to be accessed, the share that was; 1 if nothing was said."""
        return self.found / self.said if self.said else 1.0

    @property
    def recall(self) -> float:
        """Of what was accessed, the share that was said; 1 if nothing was."""
        return self.found / self.touched if self.touched else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 if there was nothing, and nothing was said."""
        total = self.said + self.touched
        return 2 * self.found / total if total else 1.0


def score_spans(said: Spans, touches: Touches) -> Score:
    """The score of any claim about what was accessed."""
    found = (said & touches.sure).size
    return Score(found, (said - touches.sure - touches.maybe).size, touches.sure.size - found)


def accessed_spans(regions: SnapshotRegions, pid: int, *, min_nr_accesses: int = 1) -> Spans:
    """The regions of a process that were accessed in at least so many samples."""
    chosen = (regions.pid == pid) & (regions.nr_accesses >= min_nr_accesses)
    return Spans.union_of(regions.start[chosen], regions.end[chosen])


def touches_of(snapshot: Snapshot, truth: Truth, *, page_size: int | None = None) -> Touches:
    """The truth of a snapshot's window."""
    return truth.touched(
        truth.monotonic_ns(snapshot.start_ns),
        truth.monotonic_ns(snapshot.end_ns),
        page_size=page_size,
    )


def score_snapshot(
    snapshot: Snapshot, truth: Truth, *, min_nr_accesses: int = 1, page_size: int | None = None
) -> Score:
    """Region borders against touched pages, for the process that the truth is about."""
    said = accessed_spans(snapshot.regions, truth.pid, min_nr_accesses=min_nr_accesses)
    return score_spans(said, touches_of(snapshot, truth, page_size=page_size))
