"""``damon report wss``: the working set size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .page import json_option, show
from .recorded import opened, record_argument, selected
from .selection_options import selection_options

if TYPE_CHECKING:
    from ...report.selection import Selection


@click.command()
@record_argument
@click.option(
    "--range",
    "percentiles",
    type=click.IntRange(0, 101),
    nargs=3,
    metavar="START END STEP",
    default=(0, 101, 25),
    show_default=True,
    help="Percentiles, END excluded.",
)
@click.option("--by-region", is_flag=True, help="Count whole accessed regions, as damo does.")
@click.option(
    "--acc-thres",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Samples with an access from which a whole region counts.",
)
@click.option("--by-time", is_flag=True, help="In the order of time instead of size.")
@selection_options
@json_option
def wss(
    record: str,
    percentiles: tuple[int, int, int],
    by_region: bool,
    acc_thres: int,
    by_time: bool,
    selection: Selection,
    as_json: bool,
) -> None:
    """Working set size: how many bytes were in use, as percentiles over the snapshots."""
    from ...report.wss import WorkingSet

    if not range(*percentiles[:2], max(1, percentiles[2])):
        raise click.UsageError("--range has no percentile in it: write START END STEP, as 0 101 25")
    with selected(opened(record), selection) as shown:
        working_set = WorkingSet(
            shown,
            percentiles=range(*percentiles[:2], max(1, percentiles[2])),
            by_region=by_region,
            acc_thres=acc_thres,
            by_time=by_time,
        )
    show(working_set, as_json)
