"""``damon report``: what a recording says, on the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model import AddrRange
    from ..record import Record
    from ..report import Report
    from ..snapshot import Snapshot

SORT_KEYS = ("address", "size", "access_rate", "age", "recency", "temperature")

_record_argument = click.argument("record", type=click.Path())
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@click.group()
def report() -> None:
    """Show what a recording says."""


@report.command()
@_record_argument
@click.option("--snapshot", "number", type=int, help="Snapshot, from 0; -1 is the last (default).")
@click.option("--all", "every", is_flag=True, help="Every snapshot, from the first to the last.")
@click.option(
    "--sort", type=click.Choice(SORT_KEYS), default="address", show_default=True, help="Order."
)
@click.option("--reverse", is_flag=True, help="Largest first.")
@click.option("--hot", "only", flag_value="hot", help="Only regions that were accessed.")
@click.option("--cold", "only", flag_value="cold", help="Only regions that were not accessed.")
@click.option("--address", "within", metavar="START-END", help="Only regions in this range (hex).")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most N regions a snapshot.")
@_json_option
def access(
    record: str,
    number: int | None,
    every: bool,
    sort: str,
    reverse: bool,
    only: str | None,
    within: str | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Regions of a snapshot: address, size, access rate, age, accessed bytes, hits."""
    from ..report.access import AccessTable
    from ..report.order import RegionOrder

    if every and number is not None:
        raise click.UsageError("--all and --snapshot exclude each other")
    order = RegionOrder(sort, reverse, only, limit, _range(within) if within else None)
    opened = _opened(record)
    if not len(opened):
        raise _no_snapshots(opened)
    chosen: Iterable[Snapshot] = opened
    if not every:
        chosen = [_snapshot(opened, -1 if number is None else number)]
    for snapshot in chosen:
        _show(AccessTable(snapshot, order, width=_width()), as_json)


def _opened(path: str) -> Record:
    from ..record import open_record

    record = open_record(path)
    if record.note:
        click.echo(f"note: {record.note}", err=True)
    return record


def _snapshot(record: Record, number: int) -> Snapshot:
    from ..errors import RecordError

    try:
        return record[number]
    except IndexError as error:
        raise RecordError(str(error)) from None


def _no_snapshots(record: Record) -> Exception:
    from ..errors import RecordError

    return RecordError(f"{record.path}: has no snapshot: it ended before its first window did")


def _show(report: Report, as_json: bool) -> None:
    if as_json:
        report.render_json(sys.stdout)
    else:
        report.render(sys.stdout)


def _width() -> int:
    """Columns of the terminal; 80 where there is none."""
    import shutil

    return shutil.get_terminal_size((80, 24)).columns


def _range(text: str) -> AddrRange:
    from ..model import AddrRange

    try:
        start, end = (int(part, 16) for part in text.split("-"))
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no range: write START-END in hexadecimal, as /proc/PID/maps does",
            param_hint="--address",
        ) from None
    return AddrRange(start, end)
