"""``damon report heatmap``: heat by time and address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .page import colored, json_option, show, width
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
@click.option("--by-bytes", is_flag=True, help="Shade by accessed bytes instead of access rate.")
@click.option("--no-fold", is_flag=True, help="Show long stretches without access in full.")
@selection_options
@json_option
def heatmap(
    record: str,
    rows: int,
    columns: int | None,
    by_bytes: bool,
    no_fold: bool,
    selection: Selection,
    as_json: bool,
) -> None:
    """Time by address, with the access rate as shades; of the hottest target that is selected."""
    from ...report.grid import heat_grid
    from ...report.heatmap import Heatmap

    recording = opened(record)
    with selected(recording, selection) as shown:
        grid = heat_grid(
            shown,
            nr_rows=rows,
            nr_columns=columns or max(20, width() - 14),
            fold=not no_fold,
            by_bytes=by_bytes,
        )
    show(Heatmap(grid, names=recording.names(), color=colored()), as_json)
