"""The heatmap on the terminal: time downwards, addresses to the right, heat as shades."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING

import numpy as np

from ..model import AddrRange
from ..units import about_size
from .text import about_time, clock_time, columns_text, mapping_text, shortened, target_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..record_names import TargetNames
    from .grid import HeatGrid
    from .spans import Column

SHADES = ".:-=+*#%@"
_COLORS = (233, 17, 18, 54, 90, 125, 160, 202, 220)  # of the 256-colour palette, dark to bright
_MAX_AREAS = 12
_MAX_NAME = 16


class Heatmap:
    """A heat grid as shades; with ``color`` each also has a background colour."""

    def __init__(
        self, grid: HeatGrid, *, names: Sequence[TargetNames] = (), color: bool = False
    ) -> None:
        self.grid = grid
        self.color = color
        self.names = next((known for known in names if known.target == grid.target.index), None)
        found = grid.heat[~np.isnan(grid.heat)]
        self.top = float(found.max()) if len(found) else 0.0

    def render(self, file: IO[str]) -> None:
        """Write the title, the picture, and what its marks mean."""
        grid = self.grid
        nr_rows = len(grid.heat)
        print(f"{target_text(grid.target)}, from {clock_time(grid.start_ns)}", file=file)
        for number in range(nr_rows):
            when = about_time(grid.row_ns / 1000 * number)
            print(f"{when:>8} {self._row(grid.heat[number])}", file=file)
        for line in self._legend():
            print(line, file=file)

    def render_json(self, file: IO[str]) -> None:
        """Write one object; ``heat`` is rows of percent by column, null where no region was."""
        grid = self.grid
        json.dump(
            {
                "target": grid.target.index,
                "pid": grid.target.pid,
                "unit": "percent of bytes" if grid.by_bytes else "percent of samples",
                "start_ns": grid.start_ns,
                "row_ns": grid.row_ns,
                "hidden": grid.hidden,
                "columns": [
                    {"start": c.range.start, "end": c.range.end, "folded": c.folded}
                    for c in grid.columns
                ],
                "heat": [
                    [None if np.isnan(cell) else round(float(cell), 3) for cell in row]
                    for row in grid.heat
                ],
            },
            file,
        )
        file.write("\n")

    def _row(self, heat: np.ndarray) -> str:
        marks = []
        before: Column | None = None
        for column, cell in zip(self.grid.columns, heat.tolist(), strict=True):
            if before is not None and before.area != column.area:
                marks.append("|")
            marks.append(self._mark(column, cell))
            before = column
        return "".join(marks).rstrip()

    def _mark(self, column: Column, cell: float) -> str:
        if cell != cell:
            return " "
        if column.folded and cell == 0:
            return "~"
        return self._shade(self._level(cell))

    def _level(self, cell: float) -> int:
        """0 for no access at all, else by share of the hottest cell."""
        if cell <= 0:
            return 0
        return min(1 + int(cell / self.top * (len(SHADES) - 1)), len(SHADES) - 1)

    def _shade(self, level: int) -> str:
        if not self.color:
            return SHADES[level]
        return f"\x1b[48;5;{_COLORS[level]}m{SHADES[level]}\x1b[0m"

    def _legend(self) -> list[str]:
        grid = self.grid
        what = (
            "bytes accessed in a sampling interval" if grid.by_bytes else "samples with an access"
        )
        shades = "".join(self._shade(level) for level in range(1, len(SHADES)))
        lines = [
            f"down: time, {about_time(grid.row_ns / 1000)} a row; right: addresses, as below",
            f"{self._shade(0)} no access, {shades} up to {self.top:.3g} % of {what}",
            "blank: no region",
        ]
        if any(column.folded for column in grid.columns):
            lines.append("~ a long stretch hardly ever accessed, folded; a shade where it was")
        if grid.columns[-1].area:
            lines.append("| addresses between two areas, folded")
        if grid.hidden > 0.005:
            lines.append(f"{grid.hidden:.1%} of the accesses were in addresses not shown")
        if grid.others:
            others = ", ".join(map(str, grid.others[:10]))
            lines.append(f"other targets: {others} (--target)")
        return lines + self._areas()

    def _areas(self) -> list[str]:
        rows = [["area", "addresses", "size", "columns", "a column"]]
        names = ["mostly" if self.names else ""]
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
        lines = columns_text(rows[: _MAX_AREAS + 1], left=2)
        lines = [f"{line}  {name}".rstrip() for line, name in zip(lines, names, strict=False)]
        if len(rows) > _MAX_AREAS + 1:
            lines.append(f"and {len(rows) - _MAX_AREAS - 1} more areas")
        return lines

    def _name_of(self, area: AddrRange) -> str:
        if self.names is None:
            return ""
        return shortened(mapping_text(self.names.name_of(area)), _MAX_NAME)
