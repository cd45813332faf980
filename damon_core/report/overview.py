"""All that one page says of a recording, gathered in one reading."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from .footprint import Footprint
from .grid import GridSums
from .mappings import Mappings
from .record_info import RecordInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..record_format import RecordHeader
    from ..record_names import TargetNames
    from ..snapshot import Snapshot
    from .grid import HeatGrid
    from .outline import Snapshots


class Overview:
    """``info``, ``footprint`` and ``mappings`` of the recording, ``grid`` of its hottest target.

    ``grid`` is None where no target has regions, or ``nr_rows`` is 0.  Whoever draws the page takes
    the numbers here, and may have each snapshot shown to something else ``also``.
    """

    def __init__(
        self,
        header: RecordHeader,
        snapshots: Snapshots,
        names: Sequence[TargetNames] = (),
        *,
        nr_rows: int = 10,
        nr_columns: int = 64,
        least: int = 1,
        marks: bool = False,
        truncated: bool = False,
        also: Callable[[Snapshot], None] | None = None,
    ) -> None:
        self.info = RecordInfo(header, (), truncated=truncated)
        self.footprint = Footprint()
        self.mappings = Mappings(names)
        sums = None
        with suppress(LookupError):
            if nr_rows:
                sums = GridSums(
                    snapshots,
                    nr_rows=nr_rows,
                    nr_columns=nr_columns,
                    least=least,
                    marks=marks,
                    names=names,
                )
        for snapshot in snapshots:
            self.info.add(snapshot)
            self.footprint.add(snapshot)
            self.mappings.add(snapshot)
            if sums:
                sums.add(snapshot)
            if also:
                also(snapshot)
        self.grid: HeatGrid | None = sums.grid() if sums else None
