"""The head of a report of one snapshot: when it was, and how much each target had in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..units import about_size
from .text import about_time, clock_time, target_text, wrapped

if TYPE_CHECKING:
    from ..snapshot import Snapshot, TargetState


def head_lines(snapshot: Snapshot, width: int) -> list[str]:
    """The window, and each target."""
    window = snapshot.intervals
    lines = wrapped(
        f"snapshot {snapshot.index}, {clock_time(snapshot.end_ns)}: window "
        f"{about_time(window.aggr_us)}, {snapshot.nr_samples} samples of "
        f"{about_time(window.sample_us)}",
        width,
    )
    for target in snapshot.targets:
        lines += wrapped(target_text(target), width)
        lines += [f"  {line}" for line in wrapped(_sizes_of(target, snapshot), width - 2)]
    return lines


def _sizes_of(target: TargetState, snapshot: Snapshot) -> str:
    regions = snapshot.regions
    mine = regions.target == target.index
    sizes = (regions.end - regions.start)[mine]
    hot = int(sizes[regions.nr_accesses[mine] > 0].sum())
    rss = "" if target.rss is None else f", RSS {about_size(target.rss)}"
    return (
        f"{len(sizes)} regions of {about_size(int(sizes.sum()))}, "
        f"accessed ones {about_size(hot)}{rss}"
    )
