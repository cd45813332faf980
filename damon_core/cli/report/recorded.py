"""The recording of a report: opened, and selected from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from .reading import Reading

if TYPE_CHECKING:
    from ...record import Record
    from ...report.selected import Selected
    from ...report.selection import Selection
    from ...snapshot import Snapshot

record_argument = click.argument("record", type=click.Path())


def opened(path: str) -> Record:
    """The recording at ``path``; says if it broke off."""
    from ...record import open_record

    record = open_record(path)
    if record.note:
        click.echo(f"note: {record.note}", err=True)
    return record


@contextmanager
def selected(record: Record, selection: Selection, *, watched: bool = True) -> Iterator[Selected]:
    """What is selected of a recording that has snapshots; ``watched``: with a line of progress.

    RecordError if it has none, or in the end if all that was read had nothing selected.
    """
    from ...errors import RecordError
    from ...report.selected import Selected

    if not len(record):
        raise RecordError(f"{record.path}: has no snapshot: it ended before its first window did")
    reading = Reading(record.path, len(record))
    shown = Selected(record, selection, reading.watch if watched else iter)
    try:
        yield shown
    except LookupError as error:
        shown.check(record.path)
        raise RecordError(f"{record.path}: {error}") from None
    finally:
        reading.erase()
    shown.check(record.path)


def snapshot_of(shown: Selected, number: int, path: str) -> Snapshot:
    """The selected snapshot of that number; RecordError if there are fewer."""
    from ...errors import RecordError

    try:
        return shown[number]
    except IndexError as error:
        shown.check(path)
        raise RecordError(f"{path}: {error}") from None
