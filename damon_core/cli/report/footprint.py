"""``damon report footprint``: resident memory beside the working set."""

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
def footprint(
    record: str,
    output: Path | None,
    places: Places,
    nr_excluded: int,
    rule: UseRule,
    selection: Selection,
    as_json: bool,
) -> None:
    """Resident memory beside the working set, as percentiles over the snapshots.

    Resident memory is that of the whole process, whichever addresses or regions are selected.
    """
    from ...report.footprint import Footprint
    from ...report.sizes import sizes_over_time

    refuse_both(output, as_json)
    with selected(opened(record), selection) as shown:
        snapshots = without_first(shown, nr_excluded)
        if output:
            sizes = sizes_over_time(snapshots, rule=rule)
            write_figure(output, sizes.figure(("rss", "wss")))
            return
        both = Footprint(snapshots, rule=rule, places=places, width=width())
    show(both, as_json)
