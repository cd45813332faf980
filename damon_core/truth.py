"""What a workload really touched in a window of time, from its ground-truth log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from attrs import define, field, frozen

from .spans import Spans
from .touching import Shape, shape_of
from .truth_log import Area, PhaseStart, TruthLog, read_truth_log


@frozen(eq=False)
class Touches:
    """Bytes of a window: surely touched, and perhaps touched; all others surely were not.

    Perhaps: by a record that is only partly in the window, by the program's own doing (stack,
    code), in memory that was unmapped in the window, when nobody can see it any more, or after the
    end of a log that was cut off.
    """

    sure: Spans
    maybe: Spans


@define(eq=False)
class Truth:
    """The ground truth of one run.  Times are nanoseconds of CLOCK_MONOTONIC."""

    _log: TruthLog
    _t0: np.ndarray
    _t1: np.ndarray
    _pass_ns: np.ndarray
    _shape: np.ndarray
    _shapes: Sequence[Shape]
    _others: Spans
    _known: dict[int, Spans] = field(factory=dict)

    @classmethod
    def read(cls, path: Path) -> Truth:
        """From a log file, also one that is still written.  RecordError."""
        return cls.of(read_truth_log(path))

    @classmethod
    def of(cls, log: TruthLog) -> Truth:
        """From a log in memory."""
        touchings = log.touchings
        numbers: dict[Shape, int] = {}
        shape = [numbers.setdefault(shape_of(touching), len(numbers)) for touching in touchings]
        return cls(
            log,
            np.array([touching.t0 for touching in touchings], np.uint64),
            np.array([touching.t1 for touching in touchings], np.uint64),
            np.array([touching.pass_ns for touching in touchings], np.uint64),
            np.array(shape, np.intp),
            tuple(numbers),
            Spans.of((other.start, other.end) for other in log.others),
        )

    @property
    def pid(self) -> int:
        """The process that was touched."""
        return self._log.pid

    @property
    def areas(self) -> Sequence[Area]:
        """What the workload could touch."""
        return self._log.areas

    @property
    def phases(self) -> Sequence[PhaseStart]:
        """Which thread began what when, in the order of the log."""
        return self._log.phases

    def monotonic_ns(self, realtime_ns: int) -> int:
        """CLOCK_REALTIME, as snapshots have it, to CLOCK_MONOTONIC."""
        return realtime_ns - self._log.realtime_offset_ns

    def touched(
        self, start_ns: int, end_ns: int, *, page_size: int | None = None, writes: bool = False
    ) -> Touches:
        """Which pages were touched from ``start_ns`` to ``end_ns``.

        ``page_size``: bytes, a power of two, of the pages that are touched as a whole; larger than
        the system's for huge pages.  ``writes``: only what was written.
        """
        page_size = page_size or self._log.page_size
        sure, maybe = self._records_in(start_ns, end_ns)
        gone = self._unmapped(start_ns, end_ns)
        touched = self._spans(sure, writes)
        surely = (touched - gone).widened(page_size)
        perhaps = self._spans(maybe, writes) | self._others | self._unknown(end_ns)
        perhaps |= touched & gone
        return Touches(surely, perhaps.widened(page_size) - surely)

    def _records_in(self, start_ns: int, end_ns: int) -> tuple[np.ndarray, np.ndarray]:
        """Which records the window has a whole pass of: surely, and perhaps."""
        start, end = np.uint64(max(0, start_ns)), np.uint64(max(0, end_ns))
        overlaps = (self._t0 < end) & (self._t1 > start)
        inside = (self._t0 >= start) & (self._t1 <= end)
        # In order, the turn of a page comes again within two passes.
        common = np.minimum(self._t1, end) - np.minimum(np.maximum(self._t0, start), end)
        repeated = (self._pass_ns > 0) & (common // np.uint64(2) > self._pass_ns)
        sure = overlaps & (inside | repeated)
        return sure, overlaps & ~sure

    def _spans(self, records: np.ndarray, writes: bool) -> Spans:
        parts = [
            self._spans_of(number)
            for number in np.unique(self._shape[records]).tolist()
            if not (writes and self._shapes[number].mode == "r")
        ]
        if not parts:
            return Spans.of(())
        return Spans.union_of(
            np.concatenate([part.starts for part in parts]),
            np.concatenate([part.ends for part in parts]),
        )

    def _spans_of(self, number: int) -> Spans:
        if number in self._known:
            return self._known[number]
        shape = self._shapes[number]
        spans = shape.spans(self._log.page_size)
        if shape.first is None:  # random ones do not come twice
            self._known[number] = spans
        return spans

    def _unmapped(self, start_ns: int, end_ns: int) -> Spans:
        """What was unmapped in the window."""
        lost = [one for one in self._log.unmapped if start_ns <= one.time_ns <= end_ns]
        return Spans.of((one.range.start, one.range.end) for one in lost)

    def _unknown(self, end_ns: int) -> Spans:
        """All of the areas, if the log does not reach to the end of the window."""
        until = self._log.known_until_ns
        if until is None or end_ns <= until:
            return Spans.of(())
        return Spans.of((area.range.start, area.range.end) for area in self.areas)
