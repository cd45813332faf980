"""``damon report holistic``: one page of everything."""

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


# Rows of time and columns of addresses: of text, of a figure.
_TEXT_ROWS = 10
_FIGURE_CELLS = (600, 400)


@click.command()
@record_argument
@picture_option(HTML, *FIGURES)
@selection_options
@json_option
def holistic(record: str, output: Path | None, selection: Selection, as_json: bool) -> None:
    """One page of everything: heatmap, working set beside resident memory, hottest mappings."""
    from ...report.heatmap import NR_TIME_COLUMNS
    from ...report.holistic import Holistic
    from ...report.overview import Overview

    refuse_both(output, as_json)
    recording = opened(record)
    names = recording.names()
    if output and kind_of(output) == HTML:
        from ...report.holistic_page import holistic_page

        with selected(recording, selection) as shown:
            page = holistic_page(recording.header, shown, names, title=Path(record).name)
        write_picture(output, page.html.encode())
        return
    rows, columns = _FIGURE_CELLS if output else (_TEXT_ROWS, max(4, width() - NR_TIME_COLUMNS))
    with selected(recording, selection) as shown:
        overview = Overview(
            recording.header,
            shown,
            names,
            nr_rows=rows,
            nr_columns=columns,
            least=columns // 80 if output else 1,
            marks=not output,
            truncated=recording.truncated,
        )
        if output:
            from ...figures import holistic_figure

            write_figure(output, holistic_figure(overview))
            return
    show(Holistic(overview, width=width(), colors=nr_colors()), as_json)
