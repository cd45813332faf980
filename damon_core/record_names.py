"""What lies where in a target: names of mappings, so that a report can say [heap] or libc.so.6."""

from __future__ import annotations

import time
from bisect import bisect_right
from typing import TYPE_CHECKING, Protocol

from attrs import define, field, frozen

from .model import AddrRange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .maps import Mapping
    from .snapshot import Snapshot

MAX_NAMES = 1000
"""Ranges kept of one target; of more, the largest."""

_MAX_LENGTH = 256

# Mappings change most while a program starts.  Looking must cost next to nothing, also where there
# are ten thousand of them: each pause is twice the last one, and many times as long as a look took.
_FIRST_PAUSE_NS = 250_000_000
_LAST_PAUSE_NS = 8_000_000_000
_PAUSE_PER_COST = 500


@frozen
class NamedRange:
    """Neighbouring mappings of one name: a path, a name in brackets, or "" for anonymous memory."""

    start: int
    end: int
    name: str


@frozen
class TargetNames:
    """The mappings of one target, by address."""

    target: int
    ranges: tuple[NamedRange, ...]

    def name_of(self, region: AddrRange) -> str | None:
        """The name that most bytes of a region have; None if nothing is mapped there."""
        first = max(0, bisect_right(self.ranges, region.start, key=lambda known: known.start) - 1)
        overlaps: dict[str, int] = {}
        for known in self.ranges[first:]:
            if known.start >= region.end:
                break
            size = min(known.end, region.end) - max(known.start, region.start)
            if size > 0:
                overlaps[known.name] = overlaps.get(known.name, 0) + size
        return max(overlaps, key=lambda name: overlaps[name]) if overlaps else None


class Names(Protocol):
    """Whoever knows the names that a recording is to have."""

    def changed(self, snapshot: Snapshot) -> tuple[TargetNames, ...]:
        """The names of those targets whose mappings are other than when last told."""
        ...


@define
class _Look:
    next_ns: int = 0
    pause_ns: int = _FIRST_PAUSE_NS
    names: TargetNames | None = None


@define
class NameWatch:
    """Looks at the mappings of targets now and then: when they are new, and for changes later."""

    _read: Callable[[int], Sequence[Mapping]]
    _now_ns: Callable[[], int] = time.monotonic_ns
    _looks: dict[int, _Look] = field(factory=dict)

    @property
    def known(self) -> tuple[TargetNames, ...]:
        """The names of all targets, as last told."""
        return tuple(look.names for look in self._looks.values() if look.names is not None)

    def changed(self, snapshot: Snapshot) -> tuple[TargetNames, ...]:
        """The names of those targets whose mappings are other than when last told."""
        changed = []
        for gone in self._looks.keys() - {target.index for target in snapshot.targets}:
            del self._looks[gone]
        for target in snapshot.targets:
            look = self._looks.setdefault(target.index, _Look())
            if not target.pid or not target.alive or self._now_ns() < look.next_ns:
                continue
            names = self._look(look, target.index, target.pid)
            if names is not None and names != look.names:
                look.names = names
                changed.append(names)
        return tuple(changed)

    def _look(self, look: _Look, index: int, pid: int) -> TargetNames | None:
        began_ns = self._now_ns()
        try:
            names = TargetNames(index, named_ranges(self._read(pid)))
        except OSError:  # it ended, or lets nobody look
            names = None
        now_ns = self._now_ns()
        look.next_ns = now_ns + max(look.pause_ns, _PAUSE_PER_COST * (now_ns - began_ns))
        look.pause_ns = min(2 * look.pause_ns, _LAST_PAUSE_NS)
        return names


def named_ranges(mappings: Iterable[Mapping]) -> tuple[NamedRange, ...]:
    """Mappings as ranges of one name each; touching ones of the same name become one."""
    ranges: list[NamedRange] = []
    for mapping in mappings:
        name = mapping.name[:_MAX_LENGTH].encode(errors="replace").decode()
        start = mapping.range.start
        if ranges and ranges[-1].name == name and ranges[-1].end == start:
            start = ranges.pop().start
        ranges.append(NamedRange(start, mapping.range.end, name))
    if len(ranges) > MAX_NAMES:
        ranges.sort(key=lambda one: one.start - one.end)
        ranges = sorted(ranges[:MAX_NAMES], key=lambda one: one.start)
    return tuple(ranges)
