"""The table of regions in the live view, with as many columns as a width allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from attrs import frozen

from .. import metrics
from ..report.text import about_time, mapping_text, printable
from ..units import about_size
from .choice import Choice, Names
from .glyphs import Glyphs
from .line import Line, cells
from .watch import Seen

_HOT, _WARM = 66, 33
_BAR = 10
_WIDE = 110


@frozen
class _Column:
    """A column; of those that do not fit, the ones of the highest ``rank`` are left out."""

    head: str
    width: int
    rank: int
    cell: Callable[[int], str]
    right: bool = True
    sort: str = ""
    rated: bool = False


class RegionTable:
    """The regions of a snapshot that a choice shows, in its order; ``nr_rows`` of them."""

    def __init__(self, seen: Seen, choice: Choice, glyphs: Glyphs) -> None:
        self._seen = seen
        self._choice = choice
        self._glyphs = glyphs
        self._names = Names(seen)
        self._rows = choice.rows(seen, mapping_text)
        self.nr_rows = len(self._rows)

    def head(self, width: int) -> Line:
        """Names of the columns; the one of the order is marked."""
        line = Line()
        for column in self._columns(width):
            sorted_by = column.sort == self._choice.sort and bool(column.sort)
            head = (self._glyphs.down if sorted_by else "") + column.head
            line.add(" " if line.pieces else "", "head")
            head = cells(head, column.width, right=column.right, more=self._glyphs.more)
            line.add(head, "head")
        return line.filled(width, "head")

    def lines(self, width: int, first: int, nr_lines: int) -> list[Line]:
        """That many regions, from the ``first`` one on."""
        columns = self._columns(width)
        return [self._line(int(row), columns) for row in self._rows[first : first + nr_lines]]

    def _line(self, row: int, columns: Sequence[_Column]) -> Line:
        line = Line()
        style = self._style(row)
        for column in columns:
            text = cells(column.cell(row), column.width, right=column.right, more=self._glyphs.more)
            line.add(" " if line.pieces else "")
            line.add(text, style if column.rated else "")
        return line

    def _style(self, row: int) -> str:
        percent = self._percent(row)
        if percent >= _HOT:
            return "hot"
        if percent >= _WARM:
            return "warm"
        return "cool" if percent else "dim"

    def _columns(self, width: int) -> list[_Column]:
        """Those that fit, in the order in which they are shown."""
        named = bool(self._seen.names)
        wanted = self._all_columns(width)
        least = 20 if len(self._seen.snapshot.sources) == 1 else 10
        mapping = max(5, min(least, width // 4)) if named else 0
        left = width - (mapping + 1 if mapping else 0)
        chosen: set[int] = set()
        for column in sorted(wanted, key=lambda one: one.rank):
            if column.width + 1 > left + (not chosen and not mapping):
                break
            left -= column.width + 1
            chosen.add(column.rank)
        columns = [column for column in wanted if column.rank in chosen]
        if named:
            used = sum(column.width + 1 for column in columns)
            columns.append(_Column("mapping", max(1, width - used), 0, self._mapping, right=False))
        return columns

    def _all_columns(self, width: int) -> list[_Column]:
        snapshot, regions = self._seen.snapshot, self._seen.snapshot.regions
        aggr_us = snapshot.intervals.aggr_us
        single = len(snapshot.sources) == 1
        several = len(snapshot.targets) > 1 and self._choice.target is None
        columns = [_Column("target", 6, 4, lambda row: str(int(regions.target[row])))] * several
        if width >= _WIDE:
            columns.append(_Column("address range", 25, 3, self._range, sort="address"))
        else:
            columns.append(_Column("address", 12, 3, self._start, sort="address"))
        columns += [
            _Column("size", 9, 2, self._size, sort="size"),
            _Column("", _BAR, 6 if single else 50, self._bar, right=False, rated=True),
            _Column("rate", 5, 1, lambda row: f"{self._percent(row)} %", sort="rate", rated=True),
            _Column(
                "age",
                8,
                5,
                lambda row: about_time(metrics.age_us(int(regions.age[row]), aggr_us)),
                sort="age",
            ),
        ]
        for number, source in enumerate(snapshot.sources):
            head = "hits" if single else printable(source.name)
            hits = regions.hits[number]
            columns.append(
                _Column(
                    head,
                    max(8, min(12 if width >= _WIDE else 8, len(head))),
                    7 + number,
                    lambda row, hits=hits: about_count(int(hits[row])),  # type: ignore[misc]
                )
            )
        columns.append(_Column("accessed", 9, 99, self._accessed))
        return columns

    def _percent(self, row: int) -> int:
        snapshot = self._seen.snapshot
        nr_accesses = int(snapshot.regions.nr_accesses[row])
        return int(metrics.percent(nr_accesses, snapshot.nr_samples))

    def _bar(self, row: int) -> str:
        snapshot = self._seen.snapshot
        share = int(snapshot.regions.nr_accesses[row]) / max(1, snapshot.nr_samples)
        return self._glyphs.bar(share, _BAR)

    def _start(self, row: int) -> str:
        return f"{int(self._seen.snapshot.regions.start[row]):012x}"

    def _range(self, row: int) -> str:
        return f"{self._start(row)}-{int(self._seen.snapshot.regions.end[row]):012x}"

    def _size(self, row: int) -> str:
        regions = self._seen.snapshot.regions
        return about_size(int(regions.end[row]) - int(regions.start[row]))

    def _accessed(self, row: int) -> str:
        accessed = float(self._seen.snapshot.regions.accessed_bytes[row])
        return "-" if np.isnan(accessed) else about_size(accessed)

    def _mapping(self, row: int) -> str:
        return mapping_text(self._names.of_row(row))


def about_count(number: float) -> str:
    """A count in at most seven characters: 12,345, 123k, 12.3M."""
    if number < 99_999.5:
        return f"{number:,.0f}"
    for unit in "kMGT":
        number /= 1000
        if number < 999.5:
            return f"{number:.3g}{unit}"
    return f"{number:.3g}T"
