"""Writes a snapshot from the live view to a recording of its own."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import frozen

from ..errors import DamonError
from ..record_writer import RecordWriter

if TYPE_CHECKING:
    from ..record_names import TargetNames
    from ..snapshot import Snapshot
    from .watch import Seen


@frozen
class _SeenNames:
    """The names of a snapshot that is seen already."""

    names: tuple[TargetNames, ...]

    def changed(self, snapshot: Snapshot) -> tuple[TargetNames, ...]:
        """All of them."""
        return self.names


def save_snapshot(seen: Seen) -> str:
    """Write it below the present directory; where it is, or why that failed, in one line."""
    path = _free_path(seen)
    try:
        names = _SeenNames(seen.names)
        with RecordWriter(path, seen.context.header(), names=names) as writer:
            writer.write(seen.snapshot)
    except (DamonError, OSError) as error:
        return f"not saved: {error}"
    return f"snapshot {seen.snapshot.index} is in {path}"


def _free_path(seen: Seen) -> str:
    moment = datetime.fromtimestamp(seen.snapshot.end_ns // 1_000_000_000)
    stem = f"damon-{moment:%Y%m%d-%H%M%S}-{seen.snapshot.index}"
    if seen.context.config.name:
        stem = f"{stem}.{seen.context.config.name}"
    number = 0
    path = f"{stem}.damon"
    while os.path.lexists(path):
        number += 1
        path = f"{stem}.{number}.damon"
    return path
