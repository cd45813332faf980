"""The results of a comparison as one HTML page that needs nothing else: dots with whiskers."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ..comparison.figures import FIGURES
from .comparison import why_not_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..comparison.comparison import Cell, ScenarioResult, Spread
    from ..comparison.figures import Figure

_WIDTH, _ROW, _LABEL = 360, 22, 4
_STYLE = Path(__file__).with_name("comparison.css")


class ComparisonPage:
    """A box for each figure, a line for each contender: the median, and from least to largest."""

    def __init__(self, results: Sequence[ScenarioResult], *, repetitions: int) -> None:
        self.results = results
        self.repetitions = repetitions

    def render(self, file: IO[str]) -> None:
        """Write the page; names are escaped."""
        file.write(
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>damon compare</title><style>{_STYLE.read_text()}</style></head><body>\n"
            "<h1>Primitives compared</h1>\n"
            f"<p>Dots are medians of {self.repetitions} rounds, lines reach from the least to the "
            "largest. Every axis starts at 0.</p>\n"
        )
        for result in self.results:
            self._scenario(result, file)
        file.write("</body></html>\n")

    def _scenario(self, result: ScenarioResult, file: IO[str]) -> None:
        file.write(f"<h2>{escape(result.scenario.name)}</h2>")
        file.write(f"<p>{escape(result.scenario.summary)}</p>\n")
        file.write('<div class="figures">\n')
        for figure in FIGURES:
            spreads = [(cell, figure.take(cell)) for cell in result.cells]
            rows = [(cell, spread) for cell, spread in spreads if spread is not None]
            if rows:
                file.write(_box(figure, rows))
        file.write("</div>\n")
        if why := why_not_whole(result):
            file.write(f'<p class="skipped">{escape(why)}</p>\n')
        for cell in result.cells:
            for remark in cell.remarks:
                name, said = escape(cell.contender), escape(remark)
                file.write(f'<p class="skipped">{name}: {said}</p>\n')


def _box(figure: Figure, rows: Sequence[tuple[Cell, Spread]]) -> str:
    largest = max(spread.high for _, spread in rows) or 1.0
    better = {"high": "more is better", "low": "less is better", "one": "1 is right"}
    hint = better.get(figure.better, "")
    lines = [
        f"<figure><figcaption>{escape(figure.title)}<small>{escape(figure.meaning)}"
        f"{'; ' + hint if hint else ''}</small></figcaption><table>"
    ]
    for cell, spread in rows:
        name = escape(cell.contender)
        lines.append(
            f'<tr><td class="name" title="{name}">{name}</td><td>{_dot(spread, largest)}</td>'
            f'<td class="n">{escape(figure.format(spread.median))}</td></tr>'
        )
    return "\n".join([*lines, "</table></figure>\n"])


def _dot(spread: Spread, largest: float) -> str:
    def at(value: float) -> float:
        return round(_LABEL + max(0.0, value) / largest * (_WIDTH - 2 * _LABEL), 1)

    middle = _ROW // 2
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_ROW}" role="img" aria-label="{spread.median:.4g}">'
        f'<line class="axis" x1="{_LABEL}" y1="{middle}" x2="{_WIDTH - _LABEL}" y2="{middle}"/>'
        f'<line x1="{at(spread.low)}" y1="{middle}" x2="{at(spread.high)}" y2="{middle}"/>'
        f'<circle cx="{at(spread.median)}" cy="{middle}" r="5"/></svg>'
    )
