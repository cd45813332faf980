"""``damon report heatmap``: heat by time and address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .page import json_option, nr_colors, show, width
from .recorded import opened, record_argument, selected
from .selection_options import selection_options

if TYPE_CHECKING:
    from ...report.selection import Selection


@click.command()
@record_argument
@click.option(
    "--rows", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Rows of time."
)
@click.option(
    "--columns", type=click.IntRange(4, 10_000), help="Columns (default: the terminal's)."
)
@click.option(
    "--measure",
    default="samples",
    show_default=True,
    metavar="WHAT",
    help="Heat: samples (% with an access), bytes (% accessed), or a primitive, for its reports.",
)
@click.option("--no-fold", is_flag=True, help="Show long stretches without access in full.")
@selection_options
@json_option
def heatmap(
    record: str,
    rows: int,
    columns: int | None,
    measure: str,
    no_fold: bool,
    selection: Selection,
    as_json: bool,
) -> None:
    """Time by address, with the access rate as shades; of the hottest target that is selected."""
    from ...report.grid import heat_grid
    from ...report.heatmap import NR_TIME_COLUMNS, Heatmap

    recording = opened(record)
    with selected(recording, selection) as shown:
        grid = heat_grid(
            shown,
            nr_rows=rows,
            nr_columns=columns or max(4, width() - NR_TIME_COLUMNS),
            fold=not no_fold,
            measure=measure,
            marks=True,
            names=recording.names(),
        )
    show(Heatmap(grid, width=width(), colors=nr_colors()), as_json)
