"""The heatmap on the terminal: time downwards, addresses to the right, heat as shades."""

from __future__ import annotations

import json
from itertools import groupby
from textwrap import wrap
from typing import IO, TYPE_CHECKING

import numpy as np

from ..model import AddrRange
from ..units import about_size
from .colors import ON_DARK, background, ramp_at
from .text import about_time, clock_time, columns_text, mapping_text, shortened, target_text

if TYPE_CHECKING:
    from .grid import HeatGrid

SHADES = ".:-=+*#%@"
NR_TIME_COLUMNS = 9
"""Columns of the terminal that the time of each row takes."""

_RESET = "\x1b[0m"
_LEAST_PLACE = 0.1  # on the ramp, so that a little heat is told from none
_NARROW = 60
_MAX_AREAS = 12
_MAX_NAME = 16


class Heatmap:
    """A heat grid as shades, no line wider than ``width``.

    ``colors``: how many the terminal has, 0, 256 or 2**24; they take the place of the shades.
    """

    def __init__(self, grid: HeatGrid, *, width: int = 80, colors: int = 0) -> None:
        self.grid = grid
        self.width = width
        self.colors = colors
        found = grid.heat[np.isfinite(grid.heat)]
        self.top = float(found.max()) if len(found) else 0.0

    def render(self, file: IO[str]) -> None:
        """Write the title, the picture, and what its marks mean."""
        grid = self.grid
        title = f"{target_text(grid.target)}, from {clock_time(grid.start_ns)}"
        lines = wrap(title, self.width)
        for number in range(len(grid.heat)):
            when = about_time(grid.row_ns / 1000 * number)
            lines.append(f"{when:>{NR_TIME_COLUMNS - 1}} {self._row(grid.heat[number])}")
        for line in [*lines, *self._legend(), *self._areas()]:
            print(line, file=file)

    def render_json(self, file: IO[str]) -> None:
        """Write one object; ``heat`` is rows of heat by column, null where no region was."""
        grid = self.grid
        json.dump(
            {
                "target": grid.target.index,
                "pid": grid.target.pid,
                "measure": grid.measure.key,
                "unit": grid.measure.unit,
                "start_ns": grid.start_ns,
                "row_ns": grid.row_ns,
                "hidden": grid.hidden,
                "columns": [
                    {"start": c.range.start, "end": c.range.end, "folded": c.folded}
                    for c in grid.columns
                ],
                "heat": [
                    [round(float(cell), 3) if np.isfinite(cell) else None for cell in row]
                    for row in grid.heat
                ],
            },
            file,
        )
        file.write("\n")

    def _row(self, heat: np.ndarray) -> str:
        marks: list[tuple[str, str]] = []
        area = self.grid.columns[0].area
        for column, cell in zip(self.grid.columns, heat.tolist(), strict=True):
            if column.area != area:
                area = column.area
                marks.append(("", "|"))
            if cell != cell:
                marks.append(("", " "))
            else:
                marks.append(self._mark(self._place(cell), folded=column.folded and cell == 0))
        return self._joined(marks).rstrip()

    def _place(self, cell: float) -> float:
        """From 0, no access at all, to 1, the hottest cell."""
        if not cell > 0 or not self.top:
            return 0.0
        return self.grid.measure.place(min(cell / self.top, 1.0))

    def _mark(self, place: float, *, folded: bool = False) -> tuple[str, str]:
        """How to colour it, and the character."""
        if self.colors:
            shown = max(_LEAST_PLACE, place) if place else 0.0
            color = background(ramp_at(ON_DARK, shown), truecolor=self.colors > 256)
            return color, "~" if folded else " "
        if folded or not place:
            return "", "~" if folded else SHADES[0]
        return "", SHADES[min(1 + int(place * (len(SHADES) - 1)), len(SHADES) - 1)]

    def _joined(self, marks: list[tuple[str, str]]) -> str:
        runs = []
        for color, run in groupby(marks, key=lambda mark: mark[0]):
            text = "".join(char for _, char in run)
            runs.append(f"{color}{text}{_RESET}" if color else text)
        return "".join(runs)

    def _scale(self) -> list[str]:
        """The colours or shades, and what they stand for."""
        unit, top = self.grid.measure.unit, f"{self.top:.3g}"
        if self.colors:
            nr = max(4, min(32, self.width - len(f"0  {top}")))
            bar = self._joined([self._mark(number / (nr - 1)) for number in range(nr)])
            return [f"0 {bar} {top}", *wrap(unit + self._middle(), self.width)]
        shades = SHADES[1:]
        text = f"{SHADES[0]} no access, {shades} up to {top} {unit}{self._middle()}"
        return wrap(text, self.width)

    def _middle(self) -> str:
        """What the middle of an uneven scale is."""
        middle = self.top * self.grid.measure.heat_at(0.5)
        return "" if self.grid.measure.percent else f", {middle:.3g} in the middle"

    def _legend(self) -> list[str]:
        grid = self.grid
        lines = [f"down: time, {about_time(grid.row_ns / 1000)} a row; right: addresses, as below"]
        lines += ["", "blank: no region"]
        if any(column.folded for column in grid.columns):
            lines.append("~ a long stretch hardly ever accessed, folded; a shade where it was")
        if grid.columns[-1].area:
            lines.append("| addresses between two areas, folded")
        if grid.hidden > 0.005:
            lines.append(f"{grid.hidden:.1%} of the accesses were in addresses not shown")
        if grid.others:
            others = ", ".join(map(str, grid.others[:10]))
            lines.append(f"other targets: {others} (--target)")
        lines.append(f"seen by {grid.caption.by}; {grid.caption.pace}")
        wrapped = [wrap(line, self.width) if line else self._scale() for line in lines]
        return [line for some in wrapped for line in some]

    def _areas(self) -> list[str]:
        rows = [["area", "addresses", "size", "columns", "a column"]]
        names = ["mostly" if self.grid.names else ""]
        for area in range(self.grid.columns[-1].area + 1):
            columns = [column for column in self.grid.columns if column.area == area]
            start, end = columns[0].range.start, columns[-1].range.end
            plain = [column for column in columns if not column.folded]
            width = sum(column.range.size for column in plain) / len(plain) if plain else 0
            rows.append(
                [
                    str(area + 1),
                    f"{start:012x}-{end:012x}",
                    about_size(end - start),
                    str(len(columns)),
                    about_size(width) if plain else "-",
                ]
            )
            names.append(self._name_of(AddrRange(start, end)))
        more = len(rows) - _MAX_AREAS - 1
        if self.width < _NARROW:
            shown = zip(rows[1 : _MAX_AREAS + 1], names[1:], strict=False)
            lines = [line for row, name in shown for line in self._narrow(row, name)]
        else:
            lines = columns_text(rows[: _MAX_AREAS + 1], left=2)
            lines = [f"{line}  {name}".rstrip() for line, name in zip(lines, names, strict=False)]
        return [*lines, f"and {more} more areas"] if more > 0 else lines

    def _narrow(self, row: list[str], name: str) -> list[str]:
        start, end = row[1].split("-")
        return [f"area {row[0]}: {row[2]}", f"  {start}", f" -{end}", *([f"  {name}"] * bool(name))]

    def _name_of(self, area: AddrRange) -> str:
        if self.grid.names is None:
            return ""
        return shortened(mapping_text(self.grid.names.name_of(area)), _MAX_NAME)
