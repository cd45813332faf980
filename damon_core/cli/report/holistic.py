"""``damon report holistic``: one page of everything."""

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
@selection_options
@json_option
def holistic(record: str, selection: Selection, as_json: bool) -> None:
    """One page of everything: heatmap, working set beside resident memory, hottest mappings."""
    from ...report.holistic import Holistic
    from ...report.overview import Overview

    recording = opened(record)
    with selected(recording, selection) as shown:
        overview = Overview(
            recording.header,
            shown,
            recording.names(),
            nr_columns=max(20, width() - 14),
            truncated=recording.truncated,
        )
    show(Holistic(overview, width=width(), color=colored()), as_json)
