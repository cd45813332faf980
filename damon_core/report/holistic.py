"""One page of everything on the terminal: heatmap, memory in use and held, hottest mappings."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

import numpy as np

from ..units import about_size
from .footprint import IN_USE, RSS
from .heatmap import SHADES, Heatmap
from .text import about_time, clock_time, printable, target_text, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .overview import Overview
    from .series import Series

_LINES = {RSS: "RSS", IN_USE: "in use"}


class Holistic:
    """The page of an overview."""

    def __init__(self, overview: Overview, *, width: int = 80, colors: int = 0) -> None:
        self.overview, self.width, self.colors = overview, width, colors

    def render(self, file: IO[str]) -> None:
        """Write the page, each part under a line with its question."""
        overview = self.overview
        for line in self._head():
            print(line, file=file)
        self._title("Where and when", file)
        if overview.grid is None:
            print("no region", file=file)
        else:
            Heatmap(overview.grid, width=self.width, colors=self.colors).render(file)
        self._title("How much", file)
        for line in self._sizes():
            print(line, file=file)
        self._title("Of what", file)
        overview.mappings.width = self.width
        overview.mappings.render(file)

    def render_json(self, file: IO[str]) -> None:
        """Write one object of those that the single reports write."""
        overview = self.overview
        file.write('{"record_info": ')
        overview.info.render_json(file)
        file.write(', "heatmap": ')
        if overview.grid is None:
            file.write("null")
        else:
            Heatmap(overview.grid).render_json(file)
        file.write(', "footprint": ')
        overview.footprint.render_json(file)
        file.write(', "mappings": ')
        overview.mappings.render_json(file)
        file.write("}\n")

    def _title(self, text: str, file: IO[str]) -> None:
        print(f"\n== {text}", file=file)

    def _head(self) -> Iterator[str]:
        info = self.overview.info
        yield from wrapped(
            f"{info.nr_snapshots} snapshots, {about_time(info.length_us)} from "
            f"{clock_time(info.first_ns)}, on {printable(info.header.host) or 'unknown host'}",
            self.width,
        )
        for target in info.targets.values():
            yield from wrapped(target_text(target), self.width)
        for source in info.sources.values():
            mechanisms = ", ".join(printable(name) for name in source.mechanisms if name)
            nr_lost = source.counters["lost"]
            text = f"{printable(source.name)}{f' ({mechanisms})' if mechanisms else ''}: "
            text += f"{source.counters.total():,} reports"
            yield from wrapped(text + (f", {nr_lost:,} lost" if nr_lost else ""), self.width)
        yield from wrapped(f"the monitor took {info.cpu_share:.2%} of one CPU", self.width)

    def _sizes(self) -> Iterator[str]:
        """For each target both sizes as shades over time, with their quartiles."""
        room = max(8, self.width - 7)
        for series in self.overview.footprint.series.shown():
            whose = target_text(series.target) if series.target else "all targets"
            yield from wrapped(whose, self.width)
            top = max((self._top(series, kind) for kind in _LINES), default=0.0)
            for kind, title in _LINES.items():
                numbers = series.of(kind)
                if np.isnan(numbers).all():
                    yield f"{title}: unknown"
                    continue
                yield f"{title:<6} {shades(series, kind, room, top)}"
                low, mid, high = (
                    about_size(float(np.nanpercentile(numbers, percent)))
                    for percent in (0, 50, 100)
                )
                yield from wrapped(f"  {low} to {high}, median {mid}", self.width)
        yield from wrapped(
            f"right: time; {SHADES[0]} least to {SHADES[-1]} most of both; RSS: resident memory; "
            "in use: working set",
            self.width,
        )

    def _top(self, series: Series, kind: str) -> float:
        numbers = series.of(kind)
        known = numbers[np.isfinite(numbers)]
        return float(known.max()) if len(known) else 0.0


def shades(series: Series, kind: str, nr_columns: int, top: float) -> str:
    """Numbers in the order of time as shades from 0 to ``top``; blank where there are none."""
    numbers = series.of(kind)
    nr_columns = min(nr_columns, len(numbers))
    at = np.arange(len(numbers)) * nr_columns // max(1, len(numbers))
    marks = []
    for column in range(nr_columns):
        inside = numbers[(at == column) & np.isfinite(numbers)]
        share = float(inside.mean()) / top if len(inside) and top > 0 else 0.0
        level = min(int(min(1.0, max(0.0, share)) * len(SHADES)), len(SHADES) - 1)
        marks.append(SHADES[level] if len(inside) else " ")
    return "".join(marks).rstrip()
