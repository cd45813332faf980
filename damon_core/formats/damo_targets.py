"""Whose windows the series of a damo recording are, and in which address space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from ..errors import RecordError
from ..model import Ops
from ..record_format import PrimitiveInfo
from ..snapshot import TargetState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .damo_series import DamoSeries, SeriesKey

UNKNOWN_PID = -1

MAX_TARGETS = 2**12
MAX_DOUBLES = 64
"""Targets of one id at the same time."""

_VIRTUAL = 1 << 46
"""Hardly any machine has physical memory at higher addresses; processes have their stack there."""


@frozen
class Known:
    """What the user, or the file that damo stores beside a recording, says of it."""

    ops: Ops | None = None
    sample_us: int | None = None
    pids: tuple[int, ...] = ()


@define
class DamoTarget:
    """A target, and the numbers of the series that are its windows.

    ``span``: from when to when they are; ``windows``: the single ones, if all of them are single.
    """

    key: SeriesKey
    state: TargetState
    series: list[int] = field(factory=list)
    span: tuple[int, int] = (2**63, 0)
    windows: set[tuple[int, int]] | None = field(factory=set)

    def take(self, position: int, series: DamoSeries) -> bool:
        """Add a series, unless it is of a time that another one is of."""
        begin, end = min(series.start_ns), max(series.end_ns)
        if len(series) == 1 and self.windows is not None:
            # Snapshots that were taken one by one may overlap; the same one again is another.
            if (begin, end) in self.windows:
                return False
            self.windows.add((begin, end))
        elif begin < self.span[1] and end > self.span[0]:
            return False
        else:
            self.windows = None
        self.span = (min(begin, self.span[0]), max(end, self.span[1]))
        self.series.append(position)
        return True


def targets_of(
    series: Sequence[DamoSeries], known: Known, ops: Ops
) -> tuple[list[DamoTarget], list[str]]:
    """Series of one target become one; those at the same time are of two, whatever they say."""
    targets: list[DamoTarget] = []
    by_key: dict[SeriesKey, list[DamoTarget]] = {}
    for position, one in enumerate(series):
        same = by_key.setdefault(one.key, [])
        if len(one) and not any(target.take(position, one) for target in same):
            targets.append(DamoTarget(one.key, _state(len(targets), one, known, ops)))
            targets[-1].take(position, one)
            same.append(targets[-1])
            if len(targets) > MAX_TARGETS or len(same) > MAX_DOUBLES:
                raise RecordError(
                    f"has more than {MAX_TARGETS} targets, or {MAX_DOUBLES} of one id at the same "
                    "time: it is no recording"
                )
    notes = [
        f"target_id {key.target_id} is given to {len(same)} series of the same time: "
        "each is a target of its own here"
        for key, same in by_key.items()
        if len(same) > 1
    ]
    notes += [
        f"only the regions that scheme {scheme} was applied to, of all targets together"
        for scheme in sorted({t.key.scheme for t in targets if t.key.scheme is not None})
    ]
    notes += [
        f"data source: {source}"
        for source in sorted({text_of(one.extras.get("data_source")) for one in series} - {""})
    ]
    if any(target.state.pid == UNKNOWN_PID for target in targets):
        notes.append("process ids are not in the file")
    return targets, notes


def ops_of(series: Sequence[DamoSeries], known: Known) -> tuple[Ops, list[str]]:
    """The address space, and why it is taken for that one if nobody says."""
    told = text_of(series[0].extras.get("x_ops"))
    if known.ops is not None:
        return known.ops, []
    if told in {ops.value for ops in Ops}:
        return Ops(told), []
    highest = max((max(one.ends, default=0) for one in series), default=0)
    ops, why = (Ops.VADDR, "above") if highest > _VIRTUAL else (Ops.PADDR, "none above")
    return ops, [
        f"taken for {ops}, as addresses go up to {highest:#x}, {why} {_VIRTUAL:#x}: "
        "the file does not say; --ops does"
    ]


def sources_of(series: Sequence[DamoSeries]) -> tuple[PrimitiveInfo, ...]:
    """The primitives, where damon-core wrote the file; RecordError if they contradict."""
    names = series[0].extras.get("x_primitives")
    if not isinstance(names, list):
        return ()
    sources = tuple(PrimitiveInfo(name) for name in names)
    if len({source.name for source in sources}) != len(sources):
        raise RecordError("names a primitive twice in x_primitives")
    return sources


def _state(index: int, series: DamoSeries, known: Known, ops: Ops) -> TargetState:
    pid, target_id = series.extras.get("x_pid"), series.key.target_id
    if ops is Ops.PADDR:
        pid = 0
    elif type(pid) is not int or not 0 <= pid < 2**31:
        pid = UNKNOWN_PID
        if isinstance(target_id, int) and 0 <= target_id < len(known.pids):
            pid = known.pids[target_id]
    return TargetState(index, pid, text_of(series.extras.get("x_comm")))


def text_of(value: Any) -> str:
    """A text, or "" for anything else."""
    return value if isinstance(value, str) else ""
