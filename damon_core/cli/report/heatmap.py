"""``damon report heatmap``: heat by time and address."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .page import json_option, nr_colors, show, width
from .picture import (
    FIGURES,
    HTML,
    kind_of,
    picture_option,
    refuse_both,
    write_figure,
    write_picture,
)
from .recorded import opened, record_argument, selected
from .selection_options import selection_options

if TYPE_CHECKING:
    from ...report.selection import Selection

# Rows of time and columns of addresses: of text, of a figure, of a page to zoom into.
_TEXT_ROWS = 20
_FIGURE_CELLS = (600, 400)
_PAGE_CELLS = (2000, 1000)


@click.command()
@record_argument
@picture_option(HTML, *FIGURES)
@click.option(
    "--rows",
    type=click.IntRange(1, 10_000),
    help=f"Rows of time (default: {_TEXT_ROWS}, more in a file).",
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
    output: Path | None,
    rows: int | None,
    columns: int | None,
    measure: str,
    no_fold: bool,
    selection: Selection,
    as_json: bool,
) -> None:
    """Time by address, with heat as shades, colours, or a page to zoom into.

    In text and figures of the hottest target that is selected; in HTML all of them, with every kind
    of heat.
    """
    from ...report.grid import heat_grid
    from ...report.heatmap import NR_TIME_COLUMNS, Heatmap

    refuse_both(output, as_json)
    recording = opened(record)
    names = recording.names()
    if output and kind_of(output) == HTML:
        from ...report.page import page_of

        with selected(recording, selection) as shown:
            page = page_of(
                shown,
                names,
                title=f"Heatmap of {Path(record).name}",
                about=recording.header.machine,
                measure=measure,
                nr_rows=rows or _PAGE_CELLS[0],
                nr_columns=columns or _PAGE_CELLS[1],
                fold=not no_fold,
            )
        write_picture(output, page.html.encode())
        return
    nr_columns = columns or (_FIGURE_CELLS[1] if output else max(4, width() - NR_TIME_COLUMNS))
    with selected(recording, selection) as shown:
        grid = heat_grid(
            shown,
            nr_rows=rows or (_FIGURE_CELLS[0] if output else _TEXT_ROWS),
            nr_columns=nr_columns,
            fold=not no_fold,
            measure=measure,
            least=max(1, nr_columns // 80) if output else 1,
            marks=not output,
            names=names,
        )
    if output:
        write_figure(output, grid.figure())
    else:
        show(Heatmap(grid, width=width(), colors=nr_colors()), as_json)
