"""Pictures by matplotlib, of the plain numbers that the reports hold: figures, and files of them.

matplotlib is imported by the first picture only, and never its state of the process (pyplot).
"""

from .canvas import figure_png, save_figure, shown_png
from .heatmap import heatmap_figure
from .holistic import holistic_figure
from .sizes import sizes_figure

__all__ = [
    "figure_png",
    "heatmap_figure",
    "holistic_figure",
    "save_figure",
    "shown_png",
    "sizes_figure",
]
