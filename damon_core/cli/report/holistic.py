"""``damon report holistic``: one page of everything."""

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
@selection_options
@json_option
def holistic(record: str, selection: Selection, as_json: bool) -> None:
    """One page of everything: heatmap, working set beside resident memory, hottest mappings."""
    from ...report.heatmap import NR_TIME_COLUMNS
    from ...report.holistic import Holistic
    from ...report.overview import Overview

    recording = opened(record)
    with selected(recording, selection) as shown:
        overview = Overview(
            recording.header,
            shown,
            recording.names(),
            nr_columns=max(4, width() - NR_TIME_COLUMNS),
            marks=True,
            truncated=recording.truncated,
        )
    show(Holistic(overview, width=width(), colors=nr_colors()), as_json)
