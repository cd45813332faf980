"""``damon report diff``: what changed from one recording to another."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from .page import json_option, show, width
from .recorded import opened, selected
from .selection_options import selection_options

if TYPE_CHECKING:
    from ...report.selection import Selection


@click.command()
@click.argument("before", type=click.Path())
@click.argument("after", type=click.Path())
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most N changes a target.")
@selection_options
@json_option
def diff(before: str, after: str, limit: int | None, selection: Selection, as_json: bool) -> None:
    """What became hotter or colder from one recording to another.

    Targets are paired if they are the same process, else by the names of their programs. Where
    mappings lie at other addresses, pieces of memory are paired by mapping and offset in it,
    elsewhere by address. What is selected is selected of both recordings.
    """
    from ...report.diff import Diff, Side

    with ExitStack() as stack:
        sides = [
            Side(path, stack.enter_context(selected(record, selection)), record.names())
            for path, record in ((before, opened(before)), (after, opened(after)))
        ]
        report = Diff(sides[0], sides[1], limit=limit, width=width())
    show(report, as_json)
