"""``damon report access``: the regions of a snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .page import json_option, show, width
from .recorded import opened, record_argument, selected, snapshot_of
from .selection_options import selection_options

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...record_names import TargetNames
    from ...report import Report
    from ...report.order import RegionOrder
    from ...report.selection import Selection
    from ...snapshot import Snapshot

STYLES = (
    "detailed",
    "bars",
    "recency-sz-hist",
    "recency-percentiles",
    "temperature-sz-hist",
    "temperature-percentiles",
)
SORT_KEYS = ("address", "size", "access_rate", "age", "recency", "temperature")


@click.command()
@record_argument
@click.option("--snapshot", "number", type=int, help="Snapshot, from 0; -1 is the last (default).")
@click.option("--all", "every", is_flag=True, help="Every snapshot, from the first to the last.")
@click.option(
    "--style",
    type=click.Choice(STYLES),
    default="detailed",
    show_default=True,
    help="A table or bars of regions; or how much memory was idle for how long (recency), or of "
    "which temperature, as a histogram or percentiles.",
)
@click.option("--sort", type=click.Choice(SORT_KEYS), help="Order (default: by address).")
@click.option("--reverse", is_flag=True, help="The other way round: largest first.")
@click.option(
    "--hot",
    "only",
    flag_value="hot",
    help="Only regions that were accessed; without --sort by temperature, hottest first.",
)
@click.option(
    "--cold",
    "only",
    flag_value="cold",
    help="Only regions that were not accessed; without --sort by temperature, coldest first.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most N regions a snapshot.")
@selection_options
@json_option
def access(
    record: str,
    number: int | None,
    every: bool,
    style: str,
    sort: str | None,
    reverse: bool,
    only: str | None,
    limit: int | None,
    selection: Selection,
    as_json: bool,
) -> None:
    """Regions of a snapshot: address, size, access rate, age, accessed bytes, hits."""
    from ...report.order import RegionOrder

    if style.startswith(("recency", "temperature")) and (sort or reverse or only or limit):
        raise click.UsageError(
            f"--style {style} is of all selected memory: --sort, --reverse, --hot, --cold and "
            "--limit are for the styles detailed and bars; --rate selects by access rate"
        )
    if every and number is not None:
        raise click.UsageError("--all and --snapshot exclude each other")
    if only and not sort:
        sort, reverse = "temperature", reverse != (only == "hot")
    order = RegionOrder(sort or "address", reverse, only, limit)
    recording = opened(record)
    last = -1 if number is None else number
    with selected(recording, selection, watched=False) as shown:
        chosen: Iterable[Snapshot] = shown if every else [snapshot_of(shown, last, record)]
        names = recording.names(shown.number_of(last))
        for snapshot in chosen:
            show(_styled(style, snapshot, order, names), as_json)


def _styled(
    style: str, snapshot: Snapshot, order: RegionOrder, names: Sequence[TargetNames]
) -> Report:
    """The report of a snapshot in one of STYLES."""
    from ...report.access import AccessTable
    from ...report.bars import RegionBars
    from ...report.weight import RegionPercentiles, SizeHistogram

    key = style.partition("-")[0]
    if style.endswith("-sz-hist"):
        return SizeHistogram(snapshot, key, width=width())
    if style.endswith("-percentiles"):
        return RegionPercentiles(snapshot, key, width=width())
    table = RegionBars if style == "bars" else AccessTable
    return table(snapshot, order, names=names, width=width())
