"""``damon report access``: the regions of a snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .page import json_option, show, width
from .recorded import opened, record_argument, selected, snapshot_of
from .selection_options import selection_options

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...report.selection import Selection
    from ...snapshot import Snapshot

SORT_KEYS = ("address", "size", "access_rate", "age", "recency", "temperature")


@click.command()
@record_argument
@click.option("--snapshot", "number", type=int, help="Snapshot, from 0; -1 is the last (default).")
@click.option("--all", "every", is_flag=True, help="Every snapshot, from the first to the last.")
@click.option(
    "--sort", type=click.Choice(SORT_KEYS), default="address", show_default=True, help="Order."
)
@click.option("--reverse", is_flag=True, help="Largest first.")
@click.option("--hot", "only", flag_value="hot", help="Only regions that were accessed.")
@click.option("--cold", "only", flag_value="cold", help="Only regions that were not accessed.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most N regions a snapshot.")
@selection_options
@json_option
def access(
    record: str,
    number: int | None,
    every: bool,
    sort: str,
    reverse: bool,
    only: str | None,
    limit: int | None,
    selection: Selection,
    as_json: bool,
) -> None:
    """Regions of a snapshot: address, size, access rate, age, accessed bytes, hits."""
    from ...report.access import AccessTable
    from ...report.order import RegionOrder

    if every and number is not None:
        raise click.UsageError("--all and --snapshot exclude each other")
    order = RegionOrder(sort, reverse, only, limit)
    recording = opened(record)
    last = -1 if number is None else number
    with selected(recording, selection) as shown:
        chosen: Iterable[Snapshot] = shown if every else [snapshot_of(shown, last, record)]
        names = recording.names(shown.number_of(last))
        for snapshot in chosen:
            show(AccessTable(snapshot, order, names=names, width=width()), as_json)
