"""``damon report wss``: the working set size."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .page import json_option, show, width
from .picture import FIGURES, picture_option, refuse_both, write_figure
from .recorded import opened, record_argument, selected
from .selection_options import selection_options
from .series_options import series_options, without_first
from .use_options import use_options

if TYPE_CHECKING:
    from ...report.selection import Selection
    from ...report.series import Places
    from ...report.use_rule import UseRule


@click.command()
@record_argument
@picture_option(*FIGURES)
@series_options
@use_options
@selection_options
@json_option
def wss(
    record: str,
    output: Path | None,
    places: Places,
    nr_excluded: int,
    rule: UseRule,
    selection: Selection,
    as_json: bool,
) -> None:
    """Working set size: how many bytes were in use, as percentiles over the snapshots."""
    from ...report.sizes import sizes_over_time
    from ...report.wss import WorkingSet

    refuse_both(output, as_json)
    with selected(opened(record), selection) as shown:
        snapshots = without_first(shown, nr_excluded)
        if output:
            sizes = sizes_over_time(snapshots, rule=rule)
            write_figure(output, sizes.figure(("wss",)))
            return
        working_set = WorkingSet(snapshots, rule=rule, places=places, width=width())
    show(working_set, as_json)
