"""``damon report record_info``: what a recording is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .page import json_option, show, width
from .recorded import opened, record_argument, selected
from .selection_options import selection_options

if TYPE_CHECKING:
    from ...report.selection import Selection


@click.command("record_info")
@record_argument
@selection_options
@json_option
def record_info(record: str, selection: Selection, as_json: bool) -> None:
    """What was recorded: when, of whom, by which primitives, at which cost, with which losses."""
    from ...report.record_info import RecordInfo

    recording = opened(record)
    if not len(recording):
        info = RecordInfo(recording.header, (), truncated=recording.truncated, width=width())
        show(info, as_json)
        return
    with selected(recording, selection) as shown:
        info = RecordInfo(
            recording.header,
            shown,
            truncated=recording.truncated,
            names=recording.names(),
            width=width(),
        )
    show(info, as_json)
