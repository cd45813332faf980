"""Everything of a recording on one sheet: heatmap, sizes over time, hottest mappings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..report.footprint import IN_USE, RSS
from ..report.text import shortened, target_text
from ..units import about_size
from .canvas import LINE, headline, paper, sheet
from .heatmap import draw_heatmap
from .sizes import COLORS_OF_KINDS, bytes_axis, drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..report.mappings import Mapping
    from ..report.overview import Overview
    from ..report.series import Series

_MAX_MAPPINGS = 8
_MAX_NAME = 28


def holistic_figure(overview: Overview) -> Figure:
    """A figure of an overview that has a grid; PlotError without matplotlib."""
    grid = overview.grid
    if grid is None:
        raise LookupError("no snapshot has a region")
    target = grid.target.index
    with paper():
        figure = sheet(10, 9.5)
        heat, lines, bars = figure.subplots(3, 1, height_ratios=[5, 2, 2])
        draw_heatmap(heat, grid)
        headline(heat, target_text(grid.target), grid.caption)
        for series in overview.footprint.series.shown():
            if series.target and series.target.index == target:
                _draw_sizes(lines, series, grid.start_ns, float(grid.times_s[-1]))
        _draw_mappings(bars, [one for one in overview.mappings.hottest() if one.target == target])
        return figure


def _draw_sizes(axes: Axes, series: Series, start_ns: int, ended_s: float) -> None:
    times_s = (np.array(series.ends_ns, np.float64) - start_ns) / 1e9
    top = 0.0
    for kind, label in ((IN_USE, "working set"), (RSS, "resident (RSS)")):
        numbers = drawable(series.of(kind))
        if not np.isfinite(numbers).any():
            continue
        top = max(top, float(np.nanmax(numbers)))
        axes.plot(times_s, numbers, color=COLORS_OF_KINDS[kind], lw=1.4, label=label)
    bytes_axis(axes, top)
    axes.set_xlim(0, ended_s)
    axes.set_title("sizes over time", loc="left", fontsize=9.5)
    if top:
        axes.legend(frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1, 0.96), ncols=2)


def _draw_mappings(axes: Axes, hottest: list[Mapping]) -> None:
    shown = hottest[:_MAX_MAPPINGS]
    axes.set_title("hottest mappings: bytes in use, mean over the time", loc="left", fontsize=9.5)
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    axes.set_xticks([])
    if not shown:
        axes.set_yticks([])
        axes.text(0.01, 0.5, "no mapping is known of which anything was in use", va="center")
        return
    places = range(len(shown))
    axes.barh(places, [one.in_use for one in shown], color=COLORS_OF_KINDS[IN_USE], height=0.62)
    axes.set_yticks(places, [shortened(one.name, _MAX_NAME) for one in shown])
    axes.invert_yaxis()
    axes.set_xlim(0, shown[0].in_use * 1.25)
    axes.spines["left"].set_color(LINE)
    for place, one in zip(places, shown, strict=True):
        text = f" {about_size(one.in_use)} of {about_size(one.size)}"
        axes.text(one.in_use, place, text, va="center", fontsize=8)
