"""Regions as bars: as long as their share of the memory, dark or bright by their access rate."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from .. import metrics
from ..units import about_size
from .access import AccessTable
from .head import head_lines
from .text import about_time, bar, columns_text, mapping_text, shortened, wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEGEND = (
    "bar: size, as a share of the largest region shown; rate: samples with an access; "
    "age: time at a similar rate"
)


class RegionBars(AccessTable):
    """As the table, each region with a bar of its size in place of its address."""

    def render(self, file: IO[str]) -> None:
        """Write a line a region."""
        for line in head_lines(self.snapshot, self.width):
            print(line, file=file)
        if not len(self.rows):
            print("no region to show", file=file)
            return
        for line in self._bar_lines():
            print(line, file=file)
        for line in wrapped(_LEGEND, self.width):
            print(line, file=file)

    def _bar_lines(self) -> Sequence[str]:
        snapshot, regions = self.snapshot, self.snapshot.regions
        sizes = (regions.end - regions.start)[self.rows]
        largest = int(sizes.max())
        length = max(4, self.width - 44)
        rows = [["", "size", "rate", "age"]]
        for row, size in zip(self.rows, sizes.tolist(), strict=True):
            rate = metrics.percent(int(regions.nr_accesses[row]), snapshot.nr_samples)
            age_us = metrics.age_us(int(regions.age[row]), snapshot.intervals.aggr_us)
            rows.append(
                [bar(size / largest, length), about_size(size), f"{rate} %", about_time(age_us)]
            )
        lines = columns_text(rows)
        room = self.width - max(map(len, lines)) - 2
        if not self.names or room < 8:
            return lines
        names = ["mapping", *(mapping_text(self.name_of(row)) for row in self.rows)]
        return [f"{line}  {shortened(name, room)}" for line, name in zip(lines, names, strict=True)]
