"""Sizes over time as lines: the working set, and what is monitored and resident."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..report.text import target_text
from ..units import about_size
from .canvas import LINE, SOFT, headline, paper, sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..report.sizes import SizesOverTime

WSS, RSS, MONITORED = "#c1123f", "#2b6cb0", "#8a8f99"
_LINES = ("#c1123f", "#2b6cb0", "#2f855a", "#b7791f", "#6b46c1", "#0f766e", "#97266d", "#4a5568")


def sizes_figure(sizes: SizesOverTime) -> Figure:
    """A figure of its own: of one target all its sizes, of several their working sets."""
    with paper():
        figure = sheet(10, 4.2)
        axes = figure.subplots()
        draw_sizes(axes, sizes)
        title = "working set over time"
        if len(sizes.targets) == 1:
            title = f"{target_text(sizes.targets[0])}: sizes over time"
        headline(axes, title, sizes.caption)
        return figure


def draw_sizes(axes: Axes, sizes: SizesOverTime) -> None:
    """Draw them into axes, with their legend."""
    if len(sizes.targets) == 1:
        lines = [
            ("working set", sizes.wss[0], WSS),
            ("resident (RSS)", sizes.rss[0], RSS),
            ("monitored", sizes.monitored[0], MONITORED),
        ]
    else:
        lines = [
            (target_text(target), values, _LINES[number % len(_LINES)])
            for number, (target, values) in enumerate(
                zip(sizes.targets[: len(_LINES)], sizes.wss, strict=False)
            )
        ]
        lines.append(("all targets", sizes.total(sizes.wss), SOFT))
    drawn = [line for line in lines if not np.isnan(line[1]).all()]
    for label, values, color in drawn:
        axes.plot(
            sizes.times_s[:, 1], values, color=color, lw=1.4, label=label, solid_joinstyle="round"
        )
    axes.set_xlabel("time since the first snapshot (s)")
    axes.set_ylabel("bytes")
    axes.yaxis.set_major_formatter(lambda value, _: about_size(value))
    top = max((float(np.nanmax(values)) for _, values, _ in drawn), default=0) * 1.05 or 1
    axes.set_ylim(0, top)
    axes.set_yticks(_binary_ticks(top))
    axes.set_xlim(0, max(float(sizes.times_s[:, 1].max()), 1e-6) if len(sizes.times_s) else 1)
    axes.grid(color=LINE, lw=0.5, alpha=0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if drawn:
        axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))


def _binary_ticks(top: float) -> np.ndarray:
    """Round numbers of KiB, MiB and so on, from 0 to the top."""
    from matplotlib.ticker import MaxNLocator

    unit = 1024.0 ** int(np.log2(max(top, 1)) / 10)
    ticks = MaxNLocator(nbins=6, steps=[1, 2, 2.5, 4, 5, 8, 10]).tick_values(0, top / unit)
    return np.array([tick * unit for tick in ticks if 0 <= tick * unit <= top])
