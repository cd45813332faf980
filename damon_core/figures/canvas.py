"""The paper and the ink of all figures, and how they become files."""

from __future__ import annotations

import io
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import PlotError
from ..report.colors import ON_LIGHT
from ..report.text import shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    from ..report.caption import Caption

INK, SOFT, LINE = "#22242c", "#6b6f7a", "#c9ccd3"
DPI = 144
_MAX_TITLE = 90
_MAX_CAPTION = 160

_STYLE: dict[Any, Any] = {
    "font.size": 9.0,
    "font.family": ["DejaVu Sans"],
    "axes.edgecolor": LINE,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "axes.linewidth": 0.8,
    "hatch.linewidth": 0.5,
    "svg.fonttype": "none",
    "text.usetex": False,
    "text.parse_math": False,
}


class _Drawable(Protocol):
    def figure(self) -> Figure: ...


@contextmanager
def paper() -> Iterator[None]:
    """In here matplotlib draws in our style; PlotError if it is not installed."""
    try:
        import matplotlib
    except ImportError:
        raise PlotError(
            "pictures need matplotlib, which is not installed: pip install 'damon-core[plot]'"
        ) from None
    with matplotlib.rc_context(_STYLE):
        yield


def sheet(width: float, height: float) -> Figure:
    """An empty figure, in inches; it belongs to no window and is closed by forgetting it."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=DPI, facecolor="white", layout="constrained")


def heat_colors() -> LinearSegmentedColormap:
    """The ramp for light ground."""
    from matplotlib.colors import LinearSegmentedColormap

    stops = [tuple(part / 255 for part in color) for color in ON_LIGHT]
    return LinearSegmentedColormap.from_list("heat", stops)


def headline(axes: Axes, title: str, caption: Caption) -> None:
    """The title, and what it was seen by in a smaller line below."""
    axes.set_title(shortened(title, _MAX_TITLE), loc="left", fontsize=11, fontweight="bold", pad=20)
    line = axes.annotate(
        shortened(f"{caption.by}  ·  {caption.pace}  ·  from {caption.since}", _MAX_CAPTION),
        (0, 1),
        xytext=(0, 6),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=7.5,
        color=SOFT,
        annotation_clip=False,
    )
    line.set_in_layout(False)  # it may be longer than the axes are wide


def save_figure(figure: Figure, file: Any, kind: str) -> None:
    """Write it as png, svg or pdf into an open binary file; equal figures give equal bytes."""
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    with paper(), warnings.catch_warnings():
        import matplotlib

        # A name may be in any script; a box stands for what the font lacks.
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        with matplotlib.rc_context({"svg.hashsalt": "damon"}):
            figure.savefig(file, format=kind, metadata=metadata)


def figure_png(figure: Figure) -> bytes:
    """The figure as a PNG."""
    file = io.BytesIO()
    save_figure(figure, file, "png")
    return file.getvalue()


def shown_png(drawn: _Drawable) -> bytes | None:
    """For notebooks: a PNG, or None where matplotlib is missing."""
    try:
        return figure_png(drawn.figure())
    except PlotError:
        return None
