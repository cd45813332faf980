"""``damon report nr_regions``: how many regions there were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .page import json_option, show, width
from .recorded import opened, record_argument, selected
from .selection_options import selection_options
from .series_options import series_options, without_first

if TYPE_CHECKING:
    from ...report.selection import Selection
    from ...report.series import Places


@click.command("nr_regions")
@record_argument
@series_options
@selection_options
@json_option
def nr_regions(
    record: str, places: Places, nr_excluded: int, selection: Selection, as_json: bool
) -> None:
    """How many regions there were, and how large, as percentiles over the snapshots."""
    from ...report.nr_regions import NrRegions

    with selected(opened(record), selection) as shown:
        counted = NrRegions(without_first(shown, nr_excluded), places=places, width=width())
    show(counted, as_json)
