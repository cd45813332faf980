"""Names of processes and of their mappings, as the records of a perf.data file tell them."""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from attrs import define, field

from ..maps import Mapping
from ..model import AddrRange

MAX_PROCESSES = 1 << 15
MAX_MAPPINGS, MAX_MAPPINGS_OF_ONE = 1 << 17, 1 << 13
"""What is kept of a file; what is beyond that stays without a name."""

_MMAP, _COMM, _FORK, _MMAP2 = 1, 3, 7, 10
_EXEC = 1 << 13  # misc of COMM
_IDS = struct.Struct("<ii")
_MMAP_HEAD = struct.Struct("<iiQQQ")
_FORK_HEAD = struct.Struct("<iiii")
_MMAP2_NAME_AT = 64
_ANONYMOUS = ("//anon", "anon_inode:[perf_event]")


@define
class Tasks:
    """What was told so far; a process that executed another program begins anew."""

    _comms: dict[int, str] = field(factory=dict)
    _mappings: dict[int, list[tuple[int, int, str]]] = field(factory=dict)
    _nr_mappings: int = 0

    def tell(self, kind: int, misc: int, body: bytes) -> None:
        """Learn from one record; one that is too short teaches nothing."""
        try:
            if kind == _COMM:
                self._comm(misc, body)
            elif kind == _FORK:
                self._fork(*_FORK_HEAD.unpack_from(body))
            elif kind in (_MMAP, _MMAP2):
                at = _MMAP_HEAD.size if kind == _MMAP else _MMAP2_NAME_AT
                pid, _, start, size, _ = _MMAP_HEAD.unpack_from(body)
                self._map(pid, start, size, _name(body[at:]))
        except struct.error:
            return

    def comm_of(self, pid: int) -> str:
        """What a process was called last; "" if unknown."""
        return self._comms.get(pid, "")

    def mappings_of(self, pid: int) -> list[Mapping]:
        """The mappings of a process by address, of those in one place the last."""
        disjoint: list[tuple[int, int, str]] = []
        for one in self._mappings.get(pid, ()):
            _lay_over(disjoint, one)
        return [Mapping(AddrRange(start, end), "", name) for start, end, name in disjoint]

    def _comm(self, misc: int, body: bytes) -> None:
        pid, tid = _IDS.unpack_from(body)
        if misc & _EXEC:
            self._nr_mappings -= len(self._mappings.pop(pid, ()))
        known = pid in self._comms
        if tid == pid if known else len(self._comms) < MAX_PROCESSES:
            self._comms[pid] = _name(body[_IDS.size :])

    def _fork(self, pid: int, parent: int, _tid: int, _parent_tid: int) -> None:
        if pid == parent:
            return  # a thread
        if parent in self._comms and len(self._comms) < MAX_PROCESSES:
            self._comms[pid] = self._comms[parent]
        inherited = self._mappings.get(parent, [])
        self._nr_mappings -= len(self._mappings.pop(pid, ()))
        if inherited and self._nr_mappings + len(inherited) <= MAX_MAPPINGS:
            self._nr_mappings += len(inherited)
            self._mappings[pid] = list(inherited)

    def _map(self, pid: int, start: int, size: int, name: str) -> None:
        end = start + size
        if pid <= 0 or not size or end >= 1 << 63:
            return  # the kernel's own
        mappings = self._mappings.setdefault(pid, [])
        if len(mappings) < MAX_MAPPINGS_OF_ONE and self._nr_mappings < MAX_MAPPINGS:
            self._nr_mappings += 1
            mappings.append((start, end, "" if name in _ANONYMOUS else name))


def _name(text: bytes) -> str:
    return text.split(b"\0", 1)[0].decode(errors="replace")


def _lay_over(disjoint: list[tuple[int, int, str]], new: tuple[int, int, str]) -> None:
    """Put a mapping over what was there."""
    start, end, _ = new
    first = bisect_left(disjoint, start, key=lambda one: one[1])
    last = bisect_left(disjoint, end, key=lambda one: one[0])
    covered = disjoint[first:last]
    disjoint[first:last] = [*_left_of(covered, start), new, *_right_of(covered, end)]


def _left_of(covered: Sequence[tuple[int, int, str]], start: int) -> Iterator[tuple[int, int, str]]:
    if covered and covered[0][0] < start:
        yield covered[0][0], min(covered[0][1], start), covered[0][2]


def _right_of(covered: Sequence[tuple[int, int, str]], end: int) -> Iterator[tuple[int, int, str]]:
    if covered and covered[-1][1] > end:
        yield max(covered[-1][0], end), covered[-1][1], covered[-1][2]
