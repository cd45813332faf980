"""What became hotter or colder from one recording to another."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any

from attrs import define, frozen

from ..model import AddrRange
from ..units import about_size
from .alignment import Alignment, matched
from .change import TargetChange, total
from .outline import Outline
from .text import (
    about_time,
    fitting_columns,
    mapping_text,
    printable,
    shortened,
    target_text,
    wrapped,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..record_names import TargetNames
    from ..snapshot import Snapshot, TargetState
    from .change import Change
    from .outline import Snapshots

# Of the changes, for people; less than a page is none.
_NR_SHOWN = 20
_LEAST = 4096

# A monitor that looks twice as rarely sees more in each look.
_COMPARABLE = 1.5

_LEGEND = (
    "change: bytes in use (accessed in a sampling interval), mean over the time, + hotter, - "
    "colder; before, after: percent of the bytes that were in use, - where nothing was monitored; "
    "size: of the piece"
)


@frozen(eq=False)
class Side:
    """One of the two recordings."""

    path: str
    snapshots: Snapshots
    names: Sequence[TargetNames] = ()


@define(eq=False)
class _Pair:
    """A target in both recordings, or in one; its changes where it is in both."""

    before: TargetState | None
    after: TargetState | None
    names: TargetNames | None = None
    change: TargetChange | None = None


class Diff:
    """Targets are paired by process, else by name in the order of their numbers; read once each."""

    def __init__(
        self, before: Side, after: Side, *, limit: int | None = None, width: int = 80
    ) -> None:
        self.before, self.after = before, after
        self.limit, self.width = limit, width
        self._outlines = (Outline(before.snapshots), Outline(after.snapshots))
        self.pairs = list(self._paired())
        for side, name in ((before, "before"), (after, "after")):
            heats = [getattr(pair.change, name) for pair in self.pairs if pair.change]
            for snapshot in side.snapshots:
                for heat in heats:
                    heat.add(snapshot)
        self.changes = [pair.change.changes() if pair.change else [] for pair in self.pairs]

    def render(self, file: IO[str]) -> None:
        """Write a table of changes for each target."""
        for line in self._lines():
            print(line, file=file)

    def render_json(self, file: IO[str]) -> None:
        """Write one object; bytes, percent; null where a recording has none."""
        json.dump(
            {
                "before": self._side_json(0),
                "after": self._side_json(1),
                "targets": [
                    {
                        "before": pair.before.index if pair.before else None,
                        "after": pair.after.index if pair.after else None,
                        "aligned_by": _aligned_by(pair),
                        "unaligned_bytes": pair.change.unaligned() if pair.change else None,
                        "changes": [_change_json(one) for one in changes[: self.limit]],
                    }
                    for pair, changes in zip(self.pairs, self.changes, strict=True)
                ],
            },
            file,
        )
        file.write("\n")

    def _paired(self) -> Iterator[_Pair]:
        firsts, seconds = (
            [outline.targets[index] for index in sorted(outline.targets)]
            for outline in self._outlines
        )
        found = list(matched(firsts, seconds))
        for first, second in found:
            names = [
                next((known for known in side.names if known.target == one.target.index), None)
                for side, one in ((self.before, first), (self.after, second))
            ]
            alignment = Alignment.of(first, second, *names)
            change = TargetChange(alignment, first.target.index, second.target.index)
            yield _Pair(first.target, second.target, names[1] or names[0], change)
        for first in firsts:
            if not any(first is one for one, _ in found):
                yield _Pair(first.target, None)
        for second in seconds:
            if not any(second is one for _, one in found):
                yield _Pair(None, second.target)

    def _lines(self) -> Iterator[str]:
        for number, (title, side) in enumerate((("before", self.before), ("after", self.after))):
            outline = self._outlines[number]
            length = about_time((outline.end_ns - outline.start_ns) / 1000)
            text = f"{title}: {side.path}, {len(side.snapshots)} snapshots, {length}"
            yield from wrapped(text, self.width)
        for warning in self._warnings():
            yield from wrapped(warning, self.width)
        for pair, changes in zip(self.pairs, self.changes, strict=True):
            yield from self._pair_lines(pair, changes)
        yield from wrapped(_LEGEND, self.width)

    def _warnings(self) -> Iterator[str]:
        """What makes the two recordings hard to compare."""
        rates = [self._sample_us(number) for number in (0, 1)]
        if all(rates) and max(rates) > _COMPARABLE * min(rates):
            texts = " and ".join(map(about_time, rates))
            yield f"sampling intervals differ, {texts}: the longer one sees more in each look"
        seen_by = [self._primitives(number) for number in (0, 1)]
        if seen_by[0] != seen_by[1]:
            before, after = map(printable, seen_by)
            yield f"primitives differ: before {before}; after {after}. They do not see the same"

    def _middle(self, number: int) -> Snapshot | None:
        side = (self.before, self.after)[number].snapshots
        return side[len(side) // 2] if len(side) else None

    def _sample_us(self, number: int) -> int:
        snapshot = self._middle(number)
        return snapshot.intervals.sample_us if snapshot else 0

    def _primitives(self, number: int) -> str:
        snapshot = self._middle(number)
        return ", ".join(source.name for source in snapshot.sources) if snapshot else ""

    def _pair_lines(self, pair: _Pair, changes: list[Change]) -> Iterator[str]:
        whose = [target_text(one) if one else "no such target" for one in (pair.before, pair.after)]
        yield from wrapped(f"{whose[0]}; after: {whose[1]}", self.width)
        if pair.change is None:
            return
        how = (
            "by mapping, as addresses moved"
            if pair.change.alignment.moved
            else "by their addresses"
        )
        text = (
            f"pieces aligned {how}; {about_size(total(changes, 1))} became hotter, "
            f"{about_size(abs(total(changes, -1)))} colder"
        )
        yield from (f"  {line}" for line in wrapped(text, self.width - 2))
        shown = [one for one in changes if abs(one.bytes) >= _LEAST][: self.limit or _NR_SHOWN]
        if shown:
            yield from self._table(pair, shown)
        if nr_more := len(changes) - len(shown):
            yield from wrapped(f"{nr_more} pieces that changed less are not shown", self.width)
        unaligned = max(pair.change.unaligned())
        if unaligned >= _LEAST:
            yield from wrapped(
                f"up to {about_size(unaligned)} in use lay where no mapping was known", self.width
            )

    def _table(self, pair: _Pair, shown: list[Change]) -> list[str]:
        rows = [["change", "before", "after", "size"]]
        for one in shown:
            percents = ["-" if p != p else f"{p:.0f} %" for p in (one.before, one.after)]
            sign = "+" if one.bytes > 0 else "-" if one.bytes < 0 else ""
            rows.append([sign + about_size(abs(one.bytes)), *percents, about_size(one.size)])
        lines = fitting_columns(rows, max(self.width - 14, 14), (3, 1, 2), left=0)
        room = max(12, self.width - max(map(len, lines)) - 2)
        places = ["where", *(_where(one, pair.names) for one in shown)]
        return [
            f"{line}  {shortened(place, room)}" for line, place in zip(lines, places, strict=True)
        ]

    def _side_json(self, number: int) -> dict[str, Any]:
        outline, side = self._outlines[number], (self.before, self.after)[number]
        return {
            "path": side.path,
            "nr_snapshots": len(side.snapshots),
            "start_ns": outline.start_ns,
            "end_ns": outline.end_ns,
            "sample_us": self._sample_us(number),
            "targets": [
                {"target": one.target.index, "pid": one.target.pid, "comm": one.target.comm}
                for one in outline.targets.values()
            ],
        }


def _aligned_by(pair: _Pair) -> str | None:
    if pair.change is None:
        return None
    return "mapping" if pair.change.alignment.moved else "address"


def _where(change: Change, names: TargetNames | None) -> str:
    """Name and offset in it, or addresses and what is there."""
    piece = change.piece
    if piece.name:
        if change.size == piece.size:
            return piece.name
        return f"{piece.name}+{change.offset:#x}-{change.offset + change.size:#x}"
    at = _addresses(change, piece.after)
    text = f"{at.start:x}-{at.end:x}"
    return f"{text} {mapping_text(names.name_of(at))}" if names else text


def _addresses(change: Change, side: AddrRange | None) -> AddrRange:
    start = side.start if side else 0
    return AddrRange(start + change.offset, start + change.offset + change.size)


def _change_json(change: Change) -> dict[str, Any]:
    piece = change.piece
    return {
        "name": piece.name or None,
        "offset": change.offset,
        "size": change.size,
        "start_before": piece.before.start + change.offset if piece.before else None,
        "start_after": piece.after.start + change.offset if piece.after else None,
        "percent_before": None if change.before != change.before else change.before,
        "percent_after": None if change.after != change.after else change.after,
        "in_use_before": change.in_use_before,
        "in_use_after": change.in_use_after,
        "change": change.bytes,
    }
