"""The heatmap as a figure: time to the right, addresses upwards, heat as colour."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ..report.colors import ON_LIGHT
from ..report.text import shortened, target_text
from .canvas import INK, LINE, SOFT, headline, heat_colors, paper, sheet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..report.axis import Axis, Band
    from ..report.grid import HeatGrid

_NR_LINES = 1400
_TEXT_SHARE = 1 / 46
_NAMED_SHARE = 1 / 250  # what is narrower has no room for a name
_TICK_SHARE = 1 / 14
_MAX_NAME = 24
_GAP = "#9aa0ab"


def heatmap_figure(grid: HeatGrid) -> Figure:
    """A figure of its own for a grid; PlotError without matplotlib."""
    with paper():
        figure = sheet(10, 6)
        axes = figure.subplots()
        draw_heatmap(axes, grid)
        headline(axes, target_text(grid.target), grid.caption)
        return figure


def draw_heatmap(axes: Axes, grid: HeatGrid) -> None:
    """Draw a grid into axes, with its colour bar."""
    axis = grid.axis
    lines = (np.arange(_NR_LINES) + 0.5) / _NR_LINES
    cells = _lines_of(axis.edges(), lines, grid.heat.T)
    ended_s = float(grid.times_s[-1])
    image = axes.imshow(
        np.ma.masked_invalid(cells),
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        extent=(0, ended_s, 0, 1),
        cmap=heat_colors(),
        norm=_norm(grid),
    )
    _draw_gaps(axes, axis)
    _draw_addresses(axes, axis)
    _draw_names(axes, grid)
    axes.set_xlabel("time since the first snapshot (s)", loc="left")
    axes.set_ylabel("address")
    axes.set_xlim(0, ended_s)
    axes.set_ylim(0, 1)
    bar = axes.figure.colorbar(image, ax=axes, pad=0.01, aspect=32, fraction=0.04)
    bar.set_label(grid.measure.unit)
    bar.outline.set_edgecolor(LINE)
    _draw_key(axes, grid)


def _draw_key(axes: Axes, grid: HeatGrid) -> None:
    """What the marks mean that the colour bar does not tell."""
    from matplotlib.patches import Patch

    red, green, blue = (part / 255 for part in ON_LIGHT[0])
    patches = [Patch(facecolor=(red, green, blue), edgecolor=LINE, label="no access")]
    if np.isnan(grid.heat).any():
        patches.append(Patch(facecolor="white", edgecolor=LINE, label="no region"))
    bands = grid.axis.bands
    if any(one.high < other.low for one, other in pairwise(bands)):
        label = "between two areas, folded"
        patches.append(Patch(facecolor="none", edgecolor=_GAP, hatch="//////", label=label))
    if any(band.folded for band in bands):
        label = "hardly ever accessed, folded"
        patches.append(Patch(facecolor="none", edgecolor=_GAP, hatch="....", label=label))
    if grid.hidden > 0.005:
        label = f"{grid.hidden:.1%} of the accesses in addresses not shown"
        patches.append(Patch(facecolor="none", edgecolor="none", label=label))
    axes.legend(
        handles=patches,
        loc="upper right",
        bbox_to_anchor=(1, -0.035),
        ncols=len(patches),
        frameon=False,
        fontsize=7.5,
        labelcolor=SOFT,
        handlelength=1.8,
        columnspacing=1.4,
    )


def _lines_of(edges: np.ndarray, lines: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """The cells of each line of the picture, NaN between two areas."""
    at = np.searchsorted(edges[:, 0], lines, side="right") - 1
    inside = (at >= 0) & (lines < edges[at, 1])
    return np.where(inside[:, np.newaxis], cells[at], np.nan)


def _norm(grid: HeatGrid) -> Any:
    from matplotlib.colors import Normalize, PowerNorm

    found = grid.heat[np.isfinite(grid.heat)]
    top = float(found.max()) if len(found) and found.max() > 0 else 1.0
    # Counts of reports differ by orders of magnitude.
    return Normalize(0, top) if grid.measure.percent else PowerNorm(0.25, 0, top)


def _draw_gaps(axes: Axes, axis: Axis) -> None:
    """Hatched between two areas; a line of dashes along what is folded."""
    style: dict[str, Any] = {"facecolor": "none", "linewidth": 0, "zorder": 3}
    before = 0.0
    for band in axis.bands:
        if band.low > before:
            axes.axhspan(before, band.low, hatch="//////", edgecolor=_GAP, **style)
        if band.folded:
            axes.axhspan(band.low, band.high, hatch="....", edgecolor=_GAP, **style)
        before = band.high


def _draw_addresses(axes: Axes, axis: Axis) -> None:
    """Addresses where bands begin and end, those first that belong to the largest bands."""
    wanted: list[tuple[float, float, int]] = []
    for band in axis.bands:
        weight = band.high - band.low
        wanted += [(weight, band.low, band.range.start), (weight, band.high, band.range.end)]
        if not band.folded:
            wanted += [(0.0, place, address) for place, address in _round_places(band)]
    chosen = _apart((weight, place, f"{address:x}") for weight, place, address in wanted)
    axes.set_yticks([place for place, _ in chosen], [text for _, text in chosen])
    for tick in axes.get_yticklabels():
        tick.set_fontfamily("monospace")
        tick.set_fontsize(7)


def _round_places(band: Band) -> Iterator[tuple[float, int]]:
    """Round addresses inside a band, not too many."""
    step = 4096
    while (band.high - band.low) * step / band.range.size < _TICK_SHARE:
        step *= 2
    for address in range((band.range.start // step + 1) * step, band.range.end, step):
        share = (address - band.range.start) / band.range.size
        yield band.low + (band.high - band.low) * share, address


def _draw_names(axes: Axes, grid: HeatGrid) -> None:
    """Names of mappings at the right, the widest first, and lines between them."""
    labels = grid.axis.labels(grid.names)
    wide = [one for one in labels if one.high - one.low >= _NAMED_SHARE]
    wanted = ((one.high - one.low, (one.low + one.high) / 2, one.text) for one in wide)
    for place, text in _apart(wanted):
        axes.annotate(
            shortened(text, _MAX_NAME),
            (1, place),
            xytext=(4, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=7.5,
            color=INK,
            va="center",
            annotation_clip=False,
        )
    for label in wide:
        axes.plot([0.994, 1], [label.low] * 2, transform=axes.transAxes, color=SOFT, lw=0.6)


def _apart(wanted: Iterable[tuple[float, float, str]]) -> list[tuple[float, str]]:
    """Of texts with weight and place, the heaviest that do not overlap."""
    chosen: list[tuple[float, str]] = []
    for _, place, text in sorted(wanted, key=lambda one: -one[0]):
        if all(abs(place - other) >= _TEXT_SHARE for other, _ in chosen):
            chosen.append((place, text))
    return chosen
