"""The text of perf script, or of trace-cmd, with the tracepoints of the kernel's DAMON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..errors import RecordError
from .damo_series import NO_AGE, DamoSeries, SeriesKey, time_ns

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_LINE = 1 << 16
_MAX_TARGETS = 2**16

_AGGREGATED = re.compile(
    r"(\d{1,12})\.(\d{1,9}): (?:damon:)?damon_aggregated:\s+target_id=(\d{1,20}) "
    r"nr_regions=(\d{1,10}) (\d{1,20})-(\d{1,20}): (-?\d{1,10})(?: (-?\d{1,10}))?\s*$",
    re.ASCII,
)


def is_perf_script(head: bytes) -> bool:
    """Whether the beginning of a file is such text."""
    return b"\0" not in head and b"damon_aggregated:" in head


def read_perf_script(chunks: Iterator[str]) -> list[DamoSeries]:
    """A series for each target; other lines are counted as left out."""
    targets: dict[int, _Target] = {}
    nr_others = 0
    for line in _lines(chunks):
        match = _AGGREGATED.search(line)
        if match is None:
            nr_others += bool(line.strip()) and not line.startswith("#")
            continue
        target_id = int(match[3])
        if target_id not in targets and len(targets) >= _MAX_TARGETS:
            raise RecordError(f"has more than {_MAX_TARGETS} targets: it is no recording")
        targets.setdefault(target_id, _Target(target_id)).add(match)
    for target in targets.values():
        target.end()
    series = [target.series for target in targets.values()]
    if nr_others and series:
        series[0].remarks["lines that are not of damon_aggregated: left out"] += nr_others
    return [one for one in series if len(one)]


class _Target:
    """Puts the regions of one target together: ``nr_regions`` of them are a window."""

    def __init__(self, target_id: int) -> None:
        self.series = DamoSeries(SeriesKey(target_id=target_id))
        self._ends_ns: list[int] = []
        self._missing = 0
        self._last_end = 0
        self._fake = False

    def add(self, match: re.Match[str]) -> None:
        """One line: one region."""
        start, end, nr = int(match[5]), int(match[6]), int(match[7])
        if not self._missing or start < self._last_end:
            self._begin(match)
        self._missing -= 1
        self._last_end = end
        self._fake = nr < 0
        if self._fake:  # a window that damo adds where there is only one, to tell how long that was
            return
        if not start < end < 2**64:
            self.series.remarks["regions without a size: left out"] += 1
        else:
            age = int(match[8]) if match[8] else -1
            self.series.add(start, end, nr, max(age, 0), NO_AGE if age < 0 else 0)

    def end(self) -> None:
        """Give each window its times: it began when the one before it ended."""
        series, ends = self.series, self._ends_ns
        if self._missing:
            series.remarks["windows with lost regions"] += 1
        if len(ends) < 2:
            if ends:
                series.remarks["windows of unknown length: left out"] += 1
            series.first = series.first[:0]
            return
        mean = (ends[-1] - ends[0]) // (len(ends) - 1)
        starts = [max(0, ends[0] - mean), *ends[:-1]]
        if self._fake:
            starts, ends = starts[:-1], ends[:-1]
            series.first.pop()
        for start_ns, end_ns in zip(starts, ends, strict=True):
            series.end_window(start_ns, end_ns)

    def _begin(self, match: re.Match[str]) -> None:
        if self._missing:
            self.series.remarks["windows with lost regions"] += 1
        end_ns = time_ns(int(match[1]) * 1_000_000_000 + int(match[2].ljust(9, "0")), "time")
        if self._ends_ns and end_ns <= self._ends_ns[-1]:
            if end_ns < self._ends_ns[-1]:
                raise RecordError(f"is not sorted by time: {match[0].strip()[:60]!r}")
            end_ns += 1
        self.series.begin_window()
        self._ends_ns.append(end_ns)
        self._missing = int(match[4])


def _lines(chunks: Iterator[str]) -> Iterator[str]:
    rest = ""
    for chunk in chunks:
        lines = (rest + chunk).split("\n")
        rest = lines.pop()
        if len(rest) > _MAX_LINE:
            raise RecordError(f"has a line of more than {_MAX_LINE} characters: it is no recording")
        yield from lines
    yield rest
