"""What is in a file of samples, before any of them is monitored: whose, where, when."""

from __future__ import annotations

import numpy as np
from attrs import field, frozen

from .._native import ffi, lib
from ..access import REPORT_DTYPE
from ..spans import Spans
from .decoding import FileCounts
from .tasks import Tasks

MAX_BLOCKS = 1 << 18
_ROOM_ROWS = 1 << 13


@frozen
class SampledProcess:
    """One process: its samples that can be reported, and the accesses that these stand for."""

    pid: int
    nr_samples: int
    nr_accesses: int


@frozen(eq=False)
class Survey:
    """What all samples with an address add up to.

    ``processes``: most samples first.  ``first_ns``, ``last_ns``: times of samples, on the file's
    clock.
    """

    processes: tuple[SampledProcess, ...]
    blocks: Blocks
    first_ns: int
    last_ns: int
    nr_samples: int
    counts: FileCounts
    tasks: Tasks = field(factory=Tasks)

    def places_of(self, pid: int) -> Spans:
        """Where a process has accessed memory, to a page or, of much, a larger block.

        Pid 0 is physical memory, if that was surveyed.
        """
        return self.blocks.of(pid)


@frozen(eq=False)
class Blocks:
    """Blocks of ``size`` bytes, by number, sorted by ``owners``: indices of the processes."""

    owners: np.ndarray
    numbers: np.ndarray
    size: int
    index_of: dict[int, int]

    def of(self, pid: int) -> Spans:
        """The memory of a process in blocks that have a byte of it."""
        owner = np.uint32(self.index_of.get(pid, 2**32 - 1))
        first = int(np.searchsorted(self.owners, owner, side="left"))
        last = int(np.searchsorted(self.owners, owner, side="right"))
        highest = np.uint64(2**64 // self.size - 2)  # its end must be an address too
        return Spans.of_pages(np.minimum(self.numbers[first:last], highest), self.size)


class Surveyor:
    """Takes reports in any order (a ``Room``) and remembers what a :class:`Survey` needs."""

    def __init__(self, *, physical: bool) -> None:
        created = lib.damon_footprint_create(MAX_BLOCKS, physical)
        if created == ffi.NULL:
            raise MemoryError("no memory for the footprints of processes")
        self._c = ffi.gc(created, lib.damon_footprint_destroy)
        self._physical = physical
        self._rows = np.empty(_ROOM_ROWS, REPORT_DTYPE)
        self._nr = 0
        self._first_ns, self._last_ns = 2**64 - 1, 0
        self._nr_samples = 0

    def space(self) -> tuple[int, int]:
        """Address of free slots, and how many, at least one."""
        if self._nr == len(self._rows):
            self._digest()
        return self._rows[self._nr :].ctypes.data, len(self._rows) - self._nr

    def commit(self, nr: int) -> None:
        """Take the first ``nr`` of the slots."""
        self._nr += nr

    def result(self, counts: FileCounts, tasks: Tasks) -> Survey:
        """What was found, besides what is known of the file."""
        self._digest()
        nr = lib.damon_footprint_nr_processes(self._c)
        processes = ffi.new("struct damon_footprint_process[]", nr)
        lib.damon_footprint_processes(self._c, processes)
        found = sorted(
            (SampledProcess(one.pid, one.nr_reports, one.weight) for one in processes),
            key=lambda one: (-one.nr_samples, one.pid),
        )
        return Survey(
            processes=tuple(found),
            blocks=self._blocks([one.pid for one in processes]),
            first_ns=self._first_ns,
            last_ns=self._last_ns,
            nr_samples=self._nr_samples,
            counts=counts,
            tasks=tasks,
        )

    def _digest(self) -> None:
        rows, self._nr = self._rows[: self._nr], 0
        if not len(rows):
            return
        times = rows["time_ns"]
        self._first_ns = min(self._first_ns, int(times.min()))
        self._last_ns = max(self._last_ns, int(times.max()))
        self._nr_samples += len(rows)
        slots = ffi.cast("struct damon_access_report *", rows.ctypes.data)
        if lib.damon_footprint_add(self._c, slots, len(rows)):
            raise MemoryError("no memory for the footprints of processes")

    def _blocks(self, pids: list[int]) -> Blocks:
        found = ffi.new("struct damon_footprint_block[]", lib.damon_footprint_nr_blocks(self._c))
        lib.damon_footprint_blocks(self._c, found)
        columns = np.frombuffer(ffi.buffer(found), np.dtype("u8, u4, u4"))
        order = np.argsort(columns["f1"], kind="stable")
        index_of = {0: 0} if self._physical else {pid: i for i, pid in enumerate(pids)}
        size = 1 << lib.damon_footprint_shift(self._c)
        return Blocks(columns["f1"][order], columns["f0"][order], size, index_of)
