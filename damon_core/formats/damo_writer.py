"""Writes a recording so that damo's reports read it.

damo knows one series of windows a target, with the same intervals for all of them: what differs is
brought to the most frequent number of samples.  What damo has no words for stands under keys that
begin with x_, which it ignores.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from attrs import define, field

from ..errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..snapshot import Snapshot, SnapshotRegions, TargetState
    from .recorded import Recorded

_SAME = 0.1
"""Windows that differ by less than this share are, to damo, of the interval that was asked for."""

_SHORTEST_NS = 1000


@define
class DamoText:
    """A recording as the JSON text of damo, or as that of perf script; walked once a target.

    ``rescaled``: windows whose counts were brought to another number of samples; ``empty``: windows
    of targets without regions, at which damo would fail.
    """

    recorded: Recorded
    rescaled: int = 0
    empty: int = 0
    _targets: dict[int, TargetState] = field(factory=dict)
    _nr_samples: int = 1
    _aggr_us: int = 1
    _update_us: int = 1
    _vary: bool = False

    def __attrs_post_init__(self) -> None:
        samples: Counter[int] = Counter()
        windows: list[int] = []
        with_regions: set[int] = set()
        for snapshot in self.recorded:
            samples[snapshot.nr_samples] += 1
            windows.append(snapshot.intervals.aggr_us)
            self._update_us = snapshot.intervals.ops_update_us
            self._targets.update((target.index, target) for target in snapshot.targets)
            with_regions.update(np.unique(snapshot.regions.target).tolist())
        self._targets = {
            index: self._targets[index] for index in sorted(self._targets.keys() & with_regions)
        }
        if not self._targets:
            raise RecordError("the recording has no regions: damo could show nothing of it")
        self._nr_samples = samples.most_common(1)[0][0]
        median = float(np.median(windows))
        self._vary = max(abs(window - median) for window in windows) > _SAME * median
        self._aggr_us = self._nr_samples * max(1, round(median / self._nr_samples))

    def notes(self) -> list[str]:
        """What the user must know, once it has been written."""
        notes = []
        if self.rescaled:
            notes.append(
                f"{self.rescaled:,} windows had another number of samples than {self._nr_samples}: "
                "their counts are in proportion"
            )
        if self.empty:
            notes.append(f"{self.empty:,} windows without regions are left out: damo fails at them")
        return notes

    def json(self) -> Iterator[str]:
        """The JSON text, in pieces of a window."""
        before = "[\n"
        for index, target in self._targets.items():
            yield before + self._head(target)
            comma = "\n"
            for snapshot in self.recorded:
                if regions := self._rows(snapshot, index):
                    yield comma + self._window(snapshot, regions)
                    comma = ",\n"
            yield "\n]}"
            before = ",\n"
        yield "\n]\n"

    def perf_script(self) -> Iterator[str]:
        """The text of perf script, in pieces of a window; it has no intervals, and no extras."""
        for index in self._targets:
            last: tuple[int, int] | None = None
            nr = 0
            for snapshot in self.recorded:
                rows = self._rows(snapshot, index)
                if rows:
                    nr += 1
                    start_ns, end_ns = _times(snapshot)
                    last = (end_ns, 2 * end_ns - start_ns)
                    head = _event(end_ns, index, len(rows))
                    yield "".join(
                        f"{head} {start}-{end}: {nr_accesses} {age}\n"
                        for start, end, nr_accesses, age, *_ in rows
                    )
            if nr == 1 and last:  # as damo does: it takes the length of the first from the second
                yield f"{_event(last[1], index, 1)} 0-0: -1 -1\n"

    def _head(self, target: TargetState) -> str:
        header = self.recorded.header
        goal = {
            "access_bp": 0,
            # Not 0 makes damo take each window's own interval.
            "aggrs": int(self._vary),
            "min_sample_us": 0,
            "max_sample_us": 0,
        }
        head: dict[str, Any] = {
            "kdamond_idx": 0,
            "context_idx": 0,
            "intervals": {
                "sample_us": self._aggr_us // self._nr_samples,
                "aggr_us": self._aggr_us,
                "ops_update_us": self._update_us,
                "intervals_goal": goal,
            },
            "scheme_idx": None,
            "target_id": target.index,
            "scheme_filters": [],
            "data_source": "unknown",
            "x_ops": header.ops.value,
            "x_pid": target.pid,
            "x_comm": target.comm,
            "x_primitives": [primitive.name for primitive in header.primitives],
            "x_host": header.host,
            "x_kernel": header.kernel,
        }
        return json.dumps(head)[:-1] + ', "snapshots": ['

    def _window(self, snapshot: Snapshot, rows: list[tuple[Any, ...]]) -> str:
        start_ns, end_ns = _times(snapshot)
        sample_us = max(1, round(snapshot.intervals.aggr_us / self._nr_samples))
        total = sum(row[1] - row[0] for row in rows)
        return (
            f'{{"start_time": {start_ns}, "end_time": {end_ns}, "total_bytes": {total}, '
            f'"damos_stats": null, "sample_interval_us": {sample_us}, "regions": [\n'
            + ",\n".join(_region(*row) for row in rows)
            + "]}"
        )

    def _rows(self, snapshot: Snapshot, index: int) -> list[tuple[Any, ...]]:
        """The regions of one target: start, end, samples, age, accessed bytes, hits."""
        regions = snapshot.regions
        first, last = np.searchsorted(regions.target, [index, index + 1])
        if first == last:
            self.empty += any(target.index == index for target in snapshot.targets)
            return []
        if snapshot.nr_samples != self._nr_samples:
            self.rescaled += 1
        return list(_columns(regions, slice(first, last), self._nr_samples, snapshot.nr_samples))


def write_json(recorded: Recorded, file: IO[bytes]) -> list[str]:
    """The plain form, which damo reads only where file(1) calls it "JSON data"."""
    text = DamoText(recorded)
    for piece in text.json():
        file.write(piece.encode())
    return text.notes()


def write_compressed(recorded: Recorded, file: IO[bytes]) -> list[str]:
    """json_compressed, the form that damo itself writes."""
    text = DamoText(recorded)
    packer = zlib.compressobj()
    for piece in text.json():
        file.write(packer.compress(piece.encode()))
    file.write(packer.flush())
    return text.notes()


def write_perf(recorded: Recorded, file: IO[bytes]) -> list[str]:
    """perf_script, for tools that read it; it cannot tell the intervals."""
    text = DamoText(recorded)
    for piece in text.perf_script():
        file.write(piece.encode())
    return [*text.notes(), "intervals and accessed bytes have no place in this format"]


def _columns(
    regions: SnapshotRegions, rows: slice, wanted: int, nr_samples: int
) -> Iterator[tuple[Any, ...]]:
    nr_accesses = regions.nr_accesses[rows]
    if nr_samples != wanted:
        scaled = np.rint(nr_accesses * (wanted / nr_samples))
        nr_accesses = np.maximum(scaled, nr_accesses > 0).astype(np.int64)
    return zip(
        regions.start[rows].tolist(),
        regions.end[rows].tolist(),
        nr_accesses.tolist(),
        regions.age[rows].tolist(),
        regions.accessed_bytes[rows].tolist(),
        regions.hits[:, rows].T.tolist(),
        strict=True,
    )


def _region(
    start: int, end: int, nr_accesses: int, age: int, accessed: float, hits: list[int]
) -> str:
    told = "null" if accessed != accessed else repr(accessed)
    return (
        f'{{"start": {start}, "end": {end}, '
        f'"nr_accesses": {{"samples": {nr_accesses}, "percent": null}}, '
        f'"age": {{"usec": null, "aggr_intervals": {age}}}, "probe_hits": [], '
        f'"sz_filter_passed": 0, "x_accessed_bytes": {told}, "x_hits": {hits}}}'
    )


def _event(end_ns: int, index: int, nr_regions: int) -> str:
    seconds, rest_ns = divmod(end_ns, 1_000_000_000)
    return (
        f"kdamond.0 0 [000] {seconds}.{rest_ns // 1000:06}: damon:damon_aggregated: "
        f"target_id={index} nr_regions={nr_regions}"
    )


def _times(snapshot: Snapshot) -> tuple[int, int]:
    """Start and end of a window; damo drops those of less than a microsecond."""
    end_ns = snapshot.end_ns
    return max(0, min(snapshot.start_ns, end_ns - _SHORTEST_NS)), end_ns
