"""What changed in one target from one recording to another: pieces that became hotter or colder."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from attrs import define, frozen

from ..model import AddrRange
from .range_heat import RangeHeat

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .alignment import Alignment, Piece

# About as many cells are all pieces of a target cut into; borders of programs are round numbers.
_NR_CELLS = 1024
_PAGE = 4096

# Neighbours whose percentages are as near as this are told as one.
_ALIKE = 10.0


@frozen
class Cell:
    """Bytes ``offset`` to ``offset + size`` of a piece; None where a recording has no such."""

    piece: Piece
    offset: int
    size: int

    def at(self, side: AddrRange | None) -> AddrRange:
        """Its addresses in one recording; empty ones where that has less."""
        if side is None:
            return AddrRange(0, 0)
        start = min(side.start + self.offset, side.end)
        return AddrRange(start, min(start + self.size, side.end))


@define
class Change:
    """Neighbouring cells that changed alike.

    ``before``, ``after``: percent in use, NaN where nothing was monitored.  ``in_use_before``,
    ``in_use_after``: bytes, mean over the time.
    """

    piece: Piece
    offset: int
    size: int
    before: float
    after: float
    in_use_before: float
    in_use_after: float

    @property
    def bytes(self) -> float:
        """Positive where it became hotter."""
        return self.in_use_after - self.in_use_before


class TargetChange:
    """The changes of a target; ``before`` and ``after`` are to be filled with snapshots."""

    def __init__(self, alignment: Alignment, target_before: int, target_after: int) -> None:
        self.alignment = alignment
        self._cells = list(_cells_of(alignment.pieces))
        self.before = RangeHeat(target_before, [cell.at(cell.piece.before) for cell in self._cells])
        self.after = RangeHeat(target_after, [cell.at(cell.piece.after) for cell in self._cells])

    def changes(self) -> list[Change]:
        """All of them, those of most bytes first."""
        columns = [
            side.tolist()
            for heat in (self.before, self.after)
            for side in (heat.percent(), heat.in_use())
        ]
        merged: list[Change] = []
        for cell, *numbers in zip(self._cells, *columns, strict=True):
            before, in_use_before, after, in_use_after = numbers
            if before != before and after != after:
                continue
            change = Change(
                cell.piece, cell.offset, cell.size, before, after, in_use_before, in_use_after
            )
            if merged and _joins(merged[-1], change):
                merged[-1] = _joined(merged[-1], change)
            else:
                merged.append(change)
        return sorted(merged, key=lambda change: -abs(change.bytes))

    def unaligned(self) -> tuple[float, float]:
        """Bytes in use outside all pieces, before and after: mapped between two looks."""
        rests = [
            max(0.0, heat.everywhere() - float(heat.in_use().sum()))
            for heat in (self.before, self.after)
        ]
        return rests[0], rests[1]


def _cells_of(pieces: Sequence[Piece]) -> Iterator[Cell]:
    total = sum(piece.size for piece in pieces)
    size = max(_PAGE, 1 << (total // _NR_CELLS).bit_length())
    for piece in pieces:
        nr = max(1, -(-piece.size // size))
        edges = [at * size for at in range(nr)] + [piece.size]
        for low, high in pairwise(edges):
            yield Cell(piece, low, high - low)


def _joins(last: Change, new: Change) -> bool:
    if last.piece is not new.piece or last.offset + last.size != new.offset:
        return False
    return _alike(last.before, new.before) and _alike(last.after, new.after)


def _alike(one: float, other: float) -> bool:
    if one != one or other != other:
        return (one != one) == (other != other)
    return abs(one - other) <= _ALIKE


def _joined(last: Change, new: Change) -> Change:
    share = new.size / (last.size + new.size)
    return Change(
        last.piece,
        last.offset,
        last.size + new.size,
        last.before + share * (new.before - last.before),
        last.after + share * (new.after - last.after),
        last.in_use_before + new.in_use_before,
        last.in_use_after + new.in_use_after,
    )


def total(changes: Sequence[Change], sign: int) -> float:
    """Bytes that became hotter (``sign`` 1) or colder (-1)."""
    return float(np.sum([change.bytes for change in changes if change.bytes * sign > 0]))
