"""What samples of accesses to memory of our own show of the event that was sampled."""

from __future__ import annotations

import mmap
from enum import Enum

import numpy as np
from attrs import field, frozen

from damon_core.access import ReportFlag
from damon_core.perf_attr import SampleType
from damon_core.perf_decoding import PerfCounts

from .layout import Layout

ENOUGH = 8
"""Samples in our memory that show that an event tells addresses."""

_AGREEMENT = 0.9  # pages may be moved while we look
_EVENT = 0xFF
_OF_SOME_CACHE = (0xD1, 0xD2, 0xD3)  # Intel: loads that a cache has or has not, often rare


class Outcome(Enum):
    """What was found out."""

    PASSED = "its addresses are those of our accesses"
    TOO_FEW = "too few samples came to tell"
    NO_SAMPLES = (
        "no samples came of our own accesses: the counter is taken (NMI watchdog, perf, another "
        "monitor), or this machine only pretends to have the event (vPMU)"
    )
    NO_ADDRESS = "samples came without any address"
    OTHER_ADDRESSES = "samples came of other addresses than those that we accessed"
    NO_PHYSICAL = "samples came without physical address, as in guests of some hypervisors"
    OTHER_FRAMES = "physical addresses came that are not those of the page map"
    ONE_DIRECTION = "of reads and writes only one came"


@frozen
class Shown:
    """``nr_inside`` of ``nr_samples`` samples were in the memory that was accessed."""

    outcome: Outcome
    nr_samples: int = 0
    nr_inside: int = 0
    is_rare: bool = False

    @property
    def is_refusal(self) -> bool:
        """Whether the event is of no use; few samples, or none of a rare event, do not say so."""
        if self.outcome is Outcome.NO_SAMPLES:
            return not self.is_rare
        return self.outcome not in (Outcome.PASSED, Outcome.TOO_FEW)

    def __str__(self) -> str:
        if not self.nr_samples:
            return self.outcome.value
        return f"{self.outcome.value} ({self.nr_inside} of {self.nr_samples} samples fit)"


@frozen
class Memory:
    """Memory of our own; ``frames``: the page frame of each page, 0 if there is none."""

    start: int
    frames: np.ndarray = field(eq=False)
    page_size: int = mmap.PAGESIZE

    def holds(self, rows: np.ndarray, nr: int) -> bool:
        """Whether at least ``nr`` of these reports are in it."""
        return int(self._inside(rows).sum()) >= nr

    def judge(self, rows: np.ndarray, layout: Layout, counts: PerfCounts, nr_counted: int) -> Shown:
        """What these reports of our thread show; ``nr_counted``: events, sampled or not."""
        inside = rows[self._inside(rows)]
        nr = counts.samples - counts.other_process
        # A counter that goes on without samples is broken, however rare its event is.
        is_rare = _is_rare(layout) and nr_counted < 4 * max(1, layout.attr.sample_period)

        def shown(outcome: Outcome, nr_inside: int = len(inside)) -> Shown:
            return Shown(outcome, nr, nr_inside, is_rare)

        if not nr:
            return shown(Outcome.NO_SAMPLES)
        if len(inside) < ENOUGH:
            return shown(self._why_few(rows, nr))
        if SampleType.PHYS_ADDR in layout.attr.sample_type:
            known = inside[inside["paddr"] != 0]
            if len(known) < ENOUGH:
                return shown(Outcome.NO_PHYSICAL, len(known))
            is_checkable = self.frames.any()  # the page map tells those who may know
            if is_checkable and self._nr_right(known) < _AGREEMENT * len(known):
                return shown(Outcome.OTHER_FRAMES, self._nr_right(known))
        return shown(Outcome.ONE_DIRECTION if _is_half_blind(inside, layout) else Outcome.PASSED)

    def _inside(self, rows: np.ndarray) -> np.ndarray:
        end = self.start + len(self.frames) * self.page_size
        inside: np.ndarray = (rows["vaddr"] >= self.start) & (rows["vaddr"] < end)
        return inside

    def _why_few(self, rows: np.ndarray, nr: int) -> Outcome:
        """Samples of virtual addresses are not in our memory: they may tell physical ones alone."""
        if nr < 4 * ENOUGH:
            return Outcome.TOO_FEW
        if (rows["vaddr"] != 0).any():
            return Outcome.OTHER_ADDRESSES
        frames = rows["paddr"] // np.uint64(self.page_size)
        ours = np.isin(frames, self.frames[self.frames != 0])
        return Outcome.PASSED if ours.sum() >= ENOUGH else Outcome.NO_ADDRESS

    def _nr_right(self, rows: np.ndarray) -> int:
        """Reports whose physical address is where the page map has their virtual one."""
        size = np.uint64(self.page_size)
        expected = self.frames[(rows["vaddr"] - np.uint64(self.start)) // size]
        return int((rows["paddr"] // size == expected).sum())


def _is_rare(layout: Layout) -> bool:
    """Whether our accesses need not be among what it counts: device faults, misses of a cache."""
    event = layout.event
    if event.is_kernel_made:
        return True
    return not event.by_ibs and event.config & _EVENT in _OF_SOME_CACHE


def _is_half_blind(rows: np.ndarray, layout: Layout) -> bool:
    """Whether IBS, which samples loads and stores, has shown but one of both in many samples."""
    if not layout.event.by_ibs or len(rows) < 4 * ENOUGH:
        return False
    return not all((rows["flags"] & one).any() for one in (ReportFlag.READ, ReportFlag.WRITE))
