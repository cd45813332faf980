"""A recording of damo as one of ours: windows of its targets put together to snapshots.

What the file does not say is not made up; ``notes`` name it, in one line each.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field, frozen

from ..errors import RecordError
from ..model import Intervals
from ..record_format import RecordHeader
from ..snapshot import Snapshot, SnapshotRegions, SourceState
from .damo_columns import Columns, columns_of
from .damo_file import read_damo_record
from .damo_targets import DamoTarget, Known, ops_of, sources_of, targets_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..record_names import TargetNames
    from .damo_series import DamoSeries

_SINCE_BOOT_NS = 10 * 365 * 86400 * 10**9
"""Times below are no dates: they count from when the machine was started."""

_APART = 1 / 10
"""Windows of several targets that end closer to each other than this share are one snapshot."""


@frozen
class _Window:
    """A window of one target: where its regions are."""

    end_ns: int
    start_ns: int
    target: int
    series: int
    number: int


@define
class DamoRecording:
    """One context of a recording of damo; iterate it for its snapshots.

    ``header``: as far as known.  ``notes``: what the user is told; they stand in the first
    snapshot.  ``name`` tells the contexts of a file apart.
    """

    header: RecordHeader
    notes: tuple[str, ...]
    name: str
    _targets: list[DamoTarget]
    _columns: Columns
    _groups: list[list[_Window]] = field(repr=False)

    @classmethod
    def of(cls, series: Sequence[DamoSeries], known: Known) -> DamoRecording:
        """Of the series of one context, at least one."""
        sources = sources_of(series)
        ops, why = ops_of(series, known)
        targets, remarks = targets_of(series, known, ops)
        columns = columns_of(series, known.sample_us, len(sources))
        groups = _groups(series, targets)
        asked = next((one.intervals for one in series if one.intervals), None)
        header = RecordHeader(
            ops=ops,
            primitives=sources,
            start_ns=groups[0][0].start_ns if groups else 0,
            intervals=Intervals(asked.sample_us, asked.aggr_us, asked.ops_update_us)
            if asked
            else None,
            host=text_of(series[0].extras.get("x_host")) or "unknown",
            kernel=text_of(series[0].extras.get("x_kernel")) or "unknown",
        )
        notes = [*why, *_time_notes(header, columns), *remarks, *_counted(series, columns)]
        name = f"{series[0].key.kdamond}.{series[0].key.context}"
        return cls(header, tuple(notes), name, targets, columns, groups)

    def __len__(self) -> int:
        return len(self._groups)

    def __iter__(self) -> Iterator[Snapshot]:
        for index, group in enumerate(self._groups):
            yield self._snapshot(index, group)

    def __getitem__(self, number: int) -> Snapshot:
        position = range(len(self))[number]
        return self._snapshot(position, self._groups[position])

    def names(self, number: int = -1) -> Sequence[TargetNames]:
        """Names of mappings are not in recordings of damo."""
        return ()

    def _snapshot(self, index: int, group: list[_Window]) -> Snapshot:
        start_ns, end_ns = group[0].start_ns, group[0].end_ns
        aggr_us = max(1, (end_ns - start_ns) // 1000)
        nr_samples = self._columns.nr_samples
        asked = self.header.intervals
        return Snapshot(
            index=index,
            start_ns=start_ns,
            end_ns=end_ns,
            intervals=Intervals(
                max(1, aggr_us // nr_samples), aggr_us, asked.ops_update_us if asked else 0
            ),
            nr_samples=nr_samples,
            targets=tuple(self._targets[window.target].state for window in group),
            regions=self._regions(group),
            sources=tuple(SourceState(one.name, one.mechanism) for one in self.header.primitives),
            notes=self.notes if index == 0 else (),
        )

    def _regions(self, group: list[_Window]) -> SnapshotRegions:
        parts = [self._columns.window(window.series, window.number) for window in group]
        sizes = [len(part) for part in parts]
        indices = [window.target for window in group]
        pids = [self._targets[index].state.pid for index in indices]
        return SnapshotRegions(
            start=np.concatenate([part.start for part in parts]),
            end=np.concatenate([part.end for part in parts]),
            nr_accesses=np.concatenate([part.nr_accesses for part in parts]),
            age=np.concatenate([part.age for part in parts]),
            target=np.repeat(np.array(indices, np.uint32), sizes),
            pid=np.repeat(np.array(pids, np.int32), sizes),
            hits=np.concatenate([part.hits for part in parts], axis=1),
            accessed_bytes=np.concatenate([part.accessed_bytes for part in parts]),
        )


def contexts_of(path: str, known: Known) -> list[DamoRecording]:
    """The contexts of a file of damo; RecordError if it is none, or has no windows."""
    contexts: dict[tuple[int, int], list[DamoSeries]] = {}
    for one in read_damo_record(path):
        if len(one):
            contexts.setdefault((one.key.kdamond, one.key.context), []).append(one)
    if not contexts:
        raise RecordError(f"{path}: has no snapshot")
    try:
        return [DamoRecording.of(series, known) for _, series in sorted(contexts.items())]
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from error


def _groups(series: Sequence[DamoSeries], targets: Sequence[DamoTarget]) -> list[list[_Window]]:
    """The windows of each snapshot, by target."""
    windows = sorted(
        (
            _Window(one.end_ns[number], one.start_ns[number], index, position, number)
            for index, target in enumerate(targets)
            for position in target.series
            for one in [series[position]]
            for number in range(len(one))
        ),
        key=lambda window: (window.end_ns, window.start_ns, window.target),
    )
    groups: list[list[_Window]] = []
    inside: set[int] = set()
    for window in windows:
        group = groups[-1] if groups else []
        apart = (window.end_ns - window.start_ns) * _APART
        if (
            group
            and window.end_ns - group[0].end_ns <= apart
            and abs(window.start_ns - group[0].start_ns) <= apart
            and window.target not in inside
        ):
            group.append(window)
        else:
            groups.append([window])
            inside = set()
        inside.add(window.target)
    return [sorted(group, key=lambda window: window.target) for group in groups]


def _time_notes(header: RecordHeader, columns: Columns) -> Iterator[str]:
    if header.start_ns < _SINCE_BOOT_NS:
        yield (
            "times count from the boot of the machine that recorded, as the file has them; "
            "dates are not known"
        )
    if columns.guessed:
        yield (
            f"sampling interval is not in the file: rates are shares of {columns.nr_samples}, the "
            "highest count in it; --sample-us tells it"
        )


def _counted(series: Sequence[DamoSeries], columns: Columns) -> Iterator[str]:
    counts = Counter(columns.counts)
    for one in series:
        counts.update(one.remarks)
    return (f"{nr:,} {what}" for what, nr in sorted(counts.items()) if nr)
