"""Virtual addresses for samples that have only physical ones: the targets' page maps, backwards."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from damon_core.access import ReportFlag
from damon_core.maps import read_maps
from damon_core.passing import as_rows
from damon_core.vaddr import user_space_end

if TYPE_CHECKING:
    from damon_core.target import Target

MAX_PAGES = 1 << 20
"""Pages whose frames are known at most, 4 GiB of them; each takes 16 bytes here."""
MAX_ENTRIES = 1 << 22
"""Entries of page maps that are read at most, present or not: some programs map terabytes."""

_SHARE = 20  # of the time, a twentieth
_ENTRY = 8
_CHUNK = 1 << 18
_PRESENT = np.uint64(1 << 63)
_FRAME = np.uint64((1 << 55) - 1)
_PID_BITS = np.uint64(22)  # PID_MAX_LIMIT of Linux


class FrameSearch:
    """Where the frames of physical memory lie in the targets, as their page maps say.

    They are read anew at each :meth:`update`, but for at most a twentieth of the time.
    ``nr_beyond``: pages of the targets, there or not, that were too many to look at; the smallest
    mappings come first.
    """

    def __init__(self, page_size: int) -> None:
        self.nr_beyond = 0
        self._page_size = page_size
        self._keys = np.empty(0, np.uint64)
        self._vaddrs = np.empty(0, np.uint64)
        self._not_before_ns = 0
        self._nr_left = 0

    def update(self, targets: Sequence[Target]) -> None:
        """Look at the page maps of the targets, unless that was done a moment ago."""
        begun_ns = time.monotonic_ns()
        if begun_ns < self._not_before_ns:
            return
        self._look(targets)
        ended_ns = time.monotonic_ns()
        self._not_before_ns = ended_ns + (ended_ns - begun_ns) * (_SHARE - 1)

    def find(self, address: int, nr: int) -> int:
        """Add virtual addresses to the ``nr`` reports at ``address``; how many have one.

        The others are left out: their frames are of no target, or have come to be since.
        """
        rows = as_rows(address, nr)
        size = np.uint64(self._page_size)
        wanted = _key(rows["paddr"] // size, rows["pid"])
        at = np.searchsorted(self._keys, wanted)
        known = np.flatnonzero(at < len(self._keys))
        known = known[self._keys[at[known]] == wanted[known]]
        found = rows[known]
        found["vaddr"] = self._vaddrs[at[known]] + found["paddr"] % size
        found["flags"] |= np.uint16(ReportFlag.HAS_VADDR)
        rows[: len(found)] = found
        return len(found)

    def _look(self, targets: Iterable[Target]) -> None:
        self.nr_beyond, self._nr_left = 0, MAX_ENTRIES
        keys, vaddrs, nr = [np.empty(0, np.uint64)], [np.empty(0, np.uint64)], 0
        for target in targets:
            for start, entries in self._entries(target.pid):
                present = np.flatnonzero(entries & _PRESENT)
                frames = entries[present] & _FRAME
                present, frames = present[frames != 0], frames[frames != 0]
                room = MAX_PAGES - nr
                self.nr_beyond += max(0, len(present) - room)
                present, frames = present[:room], frames[:room]
                nr += len(present)
                pages = present.astype(np.uint64) * np.uint64(self._page_size)
                keys.append(_key(frames, np.full(len(frames), target.pid, np.int32)))
                vaddrs.append(np.uint64(start) + pages)
        order = np.argsort(np.concatenate(keys), kind="stable")
        self._keys = np.concatenate(keys)[order]
        self._vaddrs = np.concatenate(vaddrs)[order]

    def _entries(self, pid: int) -> Iterator[tuple[int, np.ndarray]]:
        """Where pages begin, and their entries in the page map; none of a process that ended."""
        try:
            mappings = read_maps(pid)
            with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pagemap:
                for first, end in self._pages(mappings):
                    for page in range(first, end, _CHUNK):
                        pagemap.seek(page * _ENTRY)
                        read = pagemap.read(min(_CHUNK, end - page) * _ENTRY) or b""
                        yield page * self._page_size, np.frombuffer(read, np.uint64)
        except OSError:
            return

    def _pages(self, mappings: np.ndarray) -> Iterator[tuple[int, int]]:
        """First and last page of each mapping that may still be looked at."""
        mappings = mappings[mappings["start"] < user_space_end()]
        for mapping in mappings[np.argsort(mappings["end"] - mappings["start"], kind="stable")]:
            first = int(mapping["start"]) // self._page_size
            end = int(mapping["end"]) // self._page_size
            if end - first > self._nr_left:
                self.nr_beyond += end - first
                continue
            self._nr_left -= end - first
            yield first, end


def _key(frames: np.ndarray, pids: np.ndarray) -> np.ndarray:
    key: np.ndarray = frames.astype(np.uint64) << _PID_BITS | pids.astype(np.uint64)
    return key
