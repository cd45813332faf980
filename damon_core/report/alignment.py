"""Which addresses of one recording are which of another: by mapping if they moved, else as is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from ..model import AddrRange
from .spans import union
from .text import mapping_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..record_names import NamedRange, TargetNames
    from ..snapshot import TargetState
    from .outline import TargetOutline


@frozen
class Piece:
    """A mapping, or a stretch of addresses, in the one recording and in the other.

    ``name`` is "" where pieces are addresses as they are.
    """

    name: str
    before: AddrRange | None
    after: AddrRange | None

    @property
    def size(self) -> int:
        """Of the larger one."""
        return max(side.size for side in (self.before, self.after) if side)


@frozen
class Alignment:
    """Pieces of a target in two recordings; ``moved``: named, as addresses are not the same."""

    moved: bool
    pieces: tuple[Piece, ...]

    @classmethod
    def of(
        cls,
        before: TargetOutline,
        after: TargetOutline,
        names_before: TargetNames | None,
        names_after: TargetNames | None,
    ) -> Alignment:
        """By mapping if most mappings that both have lie elsewhere, else by address.

        Ranges of one name are paired in the order of their addresses.  Anonymous ones that follow
        a file belong to it, as its bss; the others are paired by size, largest first.
        """
        if names_before and names_after and _moved(names_before, names_after):
            sides = [dict(_keyed(names)) for names in (names_before, names_after)]
            keys = dict.fromkeys(key for side in sides for key in side)
            pieces = tuple(Piece(key, *(side.get(key) for side in sides)) for key in keys)
            return cls(True, pieces)
        areas = union(np.concatenate([before.present, after.present])).tolist()
        return cls(False, tuple(Piece("", AddrRange(*at), AddrRange(*at)) for at in areas))


def matched(
    firsts: Sequence[TargetOutline], seconds: Sequence[TargetOutline]
) -> Iterator[tuple[TargetOutline, TargetOutline]]:
    """Targets that are the same process, else of the same name, else alone on both sides."""
    alone = len(firsts) == len(seconds) == 1
    waiting, left = list(firsts), list(seconds)
    for is_same in (_is_same_process, _has_same_name, lambda *_: alone):
        for first in tuple(waiting):
            second = next((one for one in left if is_same(first.target, one.target)), None)
            if second is not None:
                waiting = [one for one in waiting if one is not first]
                left = [one for one in left if one is not second]
                yield first, second


def _is_same_process(one: TargetState, other: TargetState) -> bool:
    return (one.pid, one.comm) == (other.pid, other.comm)


def _has_same_name(one: TargetState, other: TargetState) -> bool:
    return one.comm == other.comm


def _moved(before: TargetNames, after: TargetNames) -> bool:
    """Whether most mappings that both have lie elsewhere: one may be mapped anew at any time."""
    first, second = _places(before), _places(after)
    common = first.keys() & second.keys()
    return 2 * sum(first[name] != second[name] for name in common) > len(common)


def _places(names: TargetNames) -> dict[str, int]:
    """Where each named mapping begins; a stack grows downwards, so where it ends."""
    places: dict[str, int] = {}
    for known in names.ranges:
        if known.name:
            places.setdefault(known.name, known.end if known.name == "[stack]" else known.start)
    return places


def _keyed(names: TargetNames) -> Iterator[tuple[str, AddrRange]]:
    """Ranges by a name that is theirs alone."""
    counts: dict[str, int] = {}
    unnamed: list[AddrRange] = []
    file: NamedRange | None = None
    for known in names.ranges:
        at = AddrRange(known.start, known.end)
        if known.name:
            yield _numbered(mapping_text(known.name), counts), at
            file = known if known.name.startswith("/") else None
        elif file and file.end == known.start:
            yield _numbered(f"{mapping_text(file.name)} bss", counts), at
            file = None
        else:
            unnamed.append(at)
    for number, at in enumerate(sorted(unnamed, key=lambda one: -one.size), start=1):
        yield f"(anonymous {number})", at


def _numbered(name: str, counts: dict[str, int]) -> str:
    counts[name] = counts.get(name, 0) + 1
    return name if counts[name] == 1 else f"{name} {counts[name]}"
