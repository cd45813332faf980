"""Sizes over time as lines: the working set, and what is monitored and resident."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from ..report.sizes import KINDS
from ..report.text import shortened, target_text
from ..units import about_size
from .canvas import LINE, SOFT, headline, paper, sheet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..report.sizes import SizesOverTime

_COLORS = ("#c1123f", "#2b6cb0", "#2f855a", "#b7791f", "#6b46c1", "#0f766e", "#97266d", "#4a5568")
_MAX_NAME = 32
_KINDS = {
    "wss": ("working set", "#c1123f", "-"),
    "rss": ("resident (RSS)", "#2b6cb0", "--"),
    "monitored": ("monitored", "#8a8f99", ":"),
}


COLORS_OF_KINDS = {kind: color for kind, (_, color, _) in _KINDS.items()}


@frozen
class _Line:
    label: str
    sizes: np.ndarray
    color: str
    style: str


def sizes_figure(sizes: SizesOverTime, kinds: Sequence[str] = KINDS) -> Figure:
    """A figure of its own; PlotError without matplotlib."""
    with paper():
        figure = sheet(10, 4.2)
        axes = figure.subplots()
        draw_sizes(axes, sizes, kinds)
        what = ", ".join(_KINDS[kind][0] for kind in kinds)
        one = f"{target_text(sizes.targets[0])}: " if len(sizes.targets) == 1 else ""
        headline(axes, f"{one}{what} over time", sizes.caption)
        return figure


def draw_sizes(axes: Axes, sizes: SizesOverTime, kinds: Sequence[str] = KINDS) -> None:
    """Draw them into axes, with their legend: a colour a target, or a kind where there is one."""
    drawn = [line for line in _lines(sizes, kinds) if not np.isnan(line.sizes).all()]
    for line in drawn:
        (drawn_line,) = axes.plot(sizes.times_s[:, 1], line.sizes, line.style, label=line.label)
        drawn_line.set(color=line.color, linewidth=1.4)
    axes.set_xlabel("time since the first snapshot (s)")
    bytes_axis(axes, max((float(np.nanmax(line.sizes)) for line in drawn), default=0.0))
    axes.set_xlim(0, max(float(sizes.times_s[:, 1].max()), 1e-6))
    if drawn:
        axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))


def drawable(sizes: np.ndarray) -> np.ndarray:
    """Sizes that memory can have: a damaged recording may hold any number."""
    possible: np.ndarray = np.minimum(np.maximum(sizes, 0), 2.0**64)
    return possible


def bytes_axis(axes: Axes, top: float) -> None:
    """The upright axis in bytes, from 0 to a little more than the top."""
    top = top * 1.05 or 1
    axes.set_ylabel("bytes")
    axes.set_ylim(0, top)
    axes.set_yticks(_binary_ticks(top))
    axes.yaxis.set_major_formatter(lambda value, _: about_size(value))
    axes.grid(color=LINE, lw=0.5, alpha=0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _lines(sizes: SizesOverTime, kinds: Sequence[str]) -> Iterator[_Line]:
    shown = sizes.targets[: len(_COLORS)]
    for kind in kinds:
        name, color, style = _KINDS[kind]
        values = drawable(getattr(sizes, kind))
        for number, target in enumerate(shown):
            if len(sizes.targets) == 1:
                yield _Line(name, values[number], color, "-")
            else:
                label = f"{name}, {shortened(target_text(target), _MAX_NAME)}"
                yield _Line(label, values[number], _COLORS[number], style)
        if len(sizes.targets) > 1:
            yield _Line(f"{name}, all targets", drawable(sizes.total(kind)), SOFT, style)


def _binary_ticks(top: float) -> np.ndarray:
    """Round numbers of KiB, MiB and so on, from 0 to the top."""
    from matplotlib.ticker import MaxNLocator

    unit = 1024.0 ** int(np.log2(max(top, 1)) / 10)
    ticks = MaxNLocator(nbins=6, steps=[1, 2, 2.5, 4, 5, 8, 10]).tick_values(0, top / unit)
    return np.array([tick * unit for tick in ticks if 0 <= tick * unit <= top])
