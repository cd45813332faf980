"""``damon report``: what a recording says, on the terminal."""

from __future__ import annotations

import os
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
    opened = _with_snapshots(record)
    last = -1 if number is None else number
    chosen: Iterable[Snapshot] = opened if every else [_snapshot(opened, last)]
    names = opened.names(last)
    for snapshot in chosen:
        _show(AccessTable(snapshot, order, names=names, width=_width()), as_json)


@report.command()
@_record_argument
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
@_json_option
def wss(
    record: str,
    percentiles: tuple[int, int, int],
    by_region: bool,
    acc_thres: int,
    by_time: bool,
    as_json: bool,
) -> None:
    """Working set size: how many bytes were in use, as percentiles over the snapshots."""
    from ..report.wss import WorkingSet

    if not range(*percentiles[:2], max(1, percentiles[2])):
        raise click.UsageError("--range has no percentile in it: write START END STEP, as 0 101 25")
    working_set = WorkingSet(
        _with_snapshots(record),
        percentiles=range(*percentiles[:2], max(1, percentiles[2])),
        by_region=by_region,
        acc_thres=acc_thres,
        by_time=by_time,
    )
    _show(working_set, as_json)


@report.command("record_info")
@_record_argument
@_json_option
def record_info(record: str, as_json: bool) -> None:
    """What was recorded: when, of whom, by which primitives, at which cost, with which losses."""
    from ..report.record_info import RecordInfo

    opened = _opened(record)
    _show(RecordInfo(opened.header, opened, truncated=opened.truncated), as_json)


@report.command()
@_record_argument
@click.option(
    "--target", type=click.IntRange(0), metavar="N", help="Target (default: the hottest)."
)
@click.option("--address", "within", metavar="START-END", help="Only these addresses (hex).")
@click.option(
    "--rows", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Rows of time."
)
@click.option(
    "--columns", type=click.IntRange(4, 10_000), help="Columns (default: the terminal's)."
)
@click.option(
    "--measure",
    default="samples",
    show_default=True,
    metavar="WHAT",
    help="Heat: samples (% with an access), bytes (% accessed), or a primitive, for its reports.",
)
@click.option("--no-fold", is_flag=True, help="Show long stretches without access in full.")
@_json_option
def heatmap(
    record: str,
    target: int | None,
    within: str | None,
    rows: int,
    columns: int | None,
    measure: str,
    no_fold: bool,
    as_json: bool,
) -> None:
    """Time by address, with the access rate as shades."""
    from ..errors import RecordError
    from ..report.grid import heat_grid
    from ..report.heatmap import NR_TIME_COLUMNS, Heatmap

    opened = _with_snapshots(record)
    try:
        grid = heat_grid(
            opened,
            nr_rows=rows,
            nr_columns=columns or max(4, _width() - NR_TIME_COLUMNS),
            target=target,
            within=_range(within) if within else None,
            fold=not no_fold,
            measure=measure,
            marks=True,
            names=opened.names(),
        )
    except LookupError as error:
        raise RecordError(f"{record}: {error}") from None
    _show(Heatmap(grid, width=_width(), colors=_nr_colors()), as_json)


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


def _with_snapshots(path: str) -> Record:
    from ..errors import RecordError

    record = _opened(path)
    if not len(record):
        raise RecordError(f"{path}: has no snapshot: it ended before its first window did")
    return record


def _nr_colors() -> int:
    """How many colours the terminal has and wants: 0 (https://no-color.org), 256 or 2**24."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return 0
    return 2**24 if os.environ.get("COLORTERM") in ("truecolor", "24bit") else 256


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
        if not 0 <= start < end < 2**64:
            raise ValueError("not a range")
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no range: write START-END in hexadecimal, as /proc/PID/maps does",
            param_hint="--address",
        ) from None
    return AddrRange(start, end)
