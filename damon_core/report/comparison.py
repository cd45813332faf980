"""The results of a comparison, as a table for each scenario or as JSON."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any

import attrs

from ..comparison.figures import FIGURES
from .text import columns_text, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..comparison.comparison import Cell, ScenarioResult, Spread
    from ..comparison.figures import Figure


class ComparisonTable:
    """A table for each scenario: a row a contender, a column a figure that any of them has."""

    def __init__(self, results: Sequence[ScenarioResult], *, repetitions: int) -> None:
        self.results = results
        self.repetitions = repetitions

    def render(self, file: IO[str]) -> None:
        """Write the tables, and below them what the columns mean."""
        shown: list[Figure] = []
        for result in self.results:
            figures = _figures_in(result)
            shown += [one for one in figures if one not in shown]
            name, summary = result.scenario.name, printable(result.scenario.summary)
            print(f"== {printable(name)}: {summary}" if summary else f"== {name}", file=file)
            for line in _table(result, figures):
                print(line, file=file)
            print(file=file)
        if self.repetitions > 1:
            print(
                f"Medians of {self.repetitions} rounds, in brackets the least and the largest.",
                file=file,
            )
        for figure in shown:
            print(f"{figure.title}: {figure.meaning}", file=file)

    def render_json(self, file: IO[str]) -> None:
        """Write one object: results by scenario and contender, with each trial's own figures."""
        scenarios = [
            {
                "scenario": result.scenario.name,
                "summary": result.scenario.summary,
                "skipped": result.skipped or None,
                "failed": result.failed or None,
                "contenders": [_cell_as_dict(cell) for cell in result.cells],
            }
            for result in self.results
        ]
        json.dump({"repetitions": self.repetitions, "scenarios": scenarios}, file, indent=2)
        file.write("\n")


def _figures_in(result: ScenarioResult) -> list[Figure]:
    return [one for one in FIGURES if any(one.take(cell) for cell in result.cells)]


def why_not_whole(result: ScenarioResult) -> str:
    """Why a scenario was not run, or not to its end; "" if it was."""
    if result.skipped:
        return f"not run: {result.skipped}"
    return f"failed: {result.failed}" if result.failed else ""


def _table(result: ScenarioResult, figures: Sequence[Figure]) -> list[str]:
    rows = [("contender", *(figure.title for figure in figures))]
    for cell in result.cells:
        if cell.trials:
            cells = [spread_text(figure, figure.take(cell)) for figure in figures]
            rows.append((printable(cell.contender), *cells))
    lines = columns_text(rows) if len(rows) > 1 else []
    if why := why_not_whole(result):
        lines.append(printable(why))
    return lines + [
        f"{printable(cell.contender)}: {printable(remark)}"
        for cell in result.cells
        for remark in cell.remarks
    ]


def spread_text(figure: Figure, spread: Spread | None) -> str:
    """The median, in brackets the least and the largest where they differ; "-" for none."""
    if spread is None:
        return "-"
    median, low, high = map(figure.format, (spread.median, spread.low, spread.high))
    return median if low == high else f"{median} [{low}-{high}]"


def _cell_as_dict(cell: Cell) -> dict[str, Any]:
    figures = {figure.key: figure.take(cell) for figure in FIGURES}
    return {
        "contender": cell.contender,
        "skipped": cell.skipped or None,
        "remarks": cell.remarks,
        "mechanisms": sorted({name for sight in cell.sights for name in sight.mechanisms}),
        "figures": {
            key: attrs.asdict(spread) if spread else None for key, spread in figures.items()
        },
        "trials": [attrs.asdict(trial) for trial in cell.trials],
    }
