"""Whether an event really tells addresses: shown on memory of our own, before it is trusted."""

from __future__ import annotations

import errno
import mmap
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from attrs import evolve

from damon_core.access import REPORT_DTYPE, ReportFlag
from damon_core.cpus import online_cpus
from damon_core.perf_attr import AttrFlag
from damon_core.perf_event import Opener, PerfError, PerfEvent
from damon_core.perf_sampling import ALL_THREADS, PerfSampling
from damon_core.perf_targets import is_denied

from .ladder import find_opening
from .layout import Layout
from .shown import ENOUGH, Memory, Outcome, Shown

SIZE = 4 << 20
PERIOD = 1009
IBS_PERIOD = 0x4000
CPU_NS = 100_000_000
"""CPU time that the accesses may take."""

_RING = 256 << 10
_LINE = 64
_WORD = 8
_STRIDE = 40503  # in lines; odd, so that each one has its turn
_NR_FRESH = 128  # pages that each round touches for the first time: some events are faults


def self_test(layout: Layout, opener: Opener = PerfEvent) -> Shown:
    """What samples show of reads and writes that a thread of ours makes; PerfError.

    The thread runs on one processor that can count the event, for CPU_NS at most.
    """
    fit = online_cpus() & os.sched_getaffinity(0)
    if layout.event.cpus is not None:
        fit &= layout.event.cpus
    if not fit:
        return Shown(Outcome.TOO_FEW)  # of its processors none is for us
    results: list[Shown | BaseException] = []

    def run() -> None:
        try:
            results.append(_on_cpu(layout, min(fit), opener))
        except BaseException as error:
            results.append(error)

    # A thread of its own, as it stays on one processor from now on.
    thread = threading.Thread(target=run, name="damon self-test")
    thread.start()
    thread.join()
    (result,) = results
    if isinstance(result, BaseException):
        raise result
    return result


def _on_cpu(layout: Layout, cpu: int, opener: Opener) -> Shown:
    os.sched_setaffinity(0, {cpu})
    layout, tid = _opening(_for_test(layout), cpu, opener)
    kept = _Kept()
    with _Accesses() as accesses, _sampling(layout, cpu, tid, opener) as sampling:
        sampling.enable()
        end_ns = time.thread_time_ns() + CPU_NS
        while not accesses.memory.holds(kept.rows, 4 * ENOUGH):
            accesses.round()
            sampling.drain(kept, 0)
            if time.thread_time_ns() > end_ns:
                break
        sampling.disable()
        sampling.drain(kept, 0)
        totals = sampling.totals
        memory = accesses.looked_up()
    return memory.judge(kept.rows, layout, totals.counts, totals.nr_events)


def _for_test(layout: Layout) -> Layout:
    """Sampled often, with whatever addresses there are."""
    attr, event = layout.attr, layout.event
    period = 1 if event.is_kernel_made else IBS_PERIOD if event.by_ibs else PERIOD
    if AttrFlag.FREQ in attr.flags or attr.sample_period > period:
        layout = layout.sampled_every(period)
    return evolve(layout, decoding=evolve(layout.decoding, needs=ReportFlag(0)))


def _opening(layout: Layout, cpu: int, opener: Opener) -> tuple[Layout, int]:
    """What opens for our thread, or where that cannot be for its processor; and whose it is."""
    own = threading.get_native_id()
    try:
        return find_opening(layout, {cpu}, pid=own, opener=opener).layout, own
    except PerfError as error:
        if is_denied(error):
            of_user_mode = layout.of_user_mode()
            return find_opening(of_user_mode, {cpu}, pid=own, opener=opener).layout, own
        # IBS before Linux 6.2 samples processors only; this one has the thread on it.
        if error.errno != errno.EINVAL or not layout.event.by_ibs:
            raise
    return find_opening(layout, {cpu}, opener=opener).layout, ALL_THREADS


@contextmanager
def _sampling(layout: Layout, cpu: int, tid: int, opener: Opener) -> Iterator[PerfSampling]:
    sampling = PerfSampling(
        [layout.attr],
        layout.decoding,
        ring_size=_RING,
        max_ring_size=_RING,
        leader=layout.leader,
        cpus=frozenset({cpu}),
        opener=opener,
    )
    sampling.decoder.only([os.getpid()])
    sampling.open((tid,))
    try:
        yield sampling
    finally:
        sampling.close()


class _Kept:
    """Slots for reports, all of which are kept."""

    def __init__(self) -> None:
        self._slots = np.zeros(4096, REPORT_DTYPE)
        self.rows = np.empty(0, REPORT_DTYPE)

    def space(self) -> tuple[int, int]:
        return self._slots.ctypes.data, len(self._slots)

    def commit(self, nr: int) -> None:
        self.rows = np.concatenate([self.rows, self._slots[:nr]])

    def lose(self, nr: int) -> None:
        """What is lost shows nothing."""


class _Accesses:
    """Memory of our own that is read and written out of order, so that caches do not help."""

    def __init__(self) -> None:
        self._mapping = mmap.mmap(-1, SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._mapping.madvise(mmap.MADV_NOHUGEPAGE)
        self._words = np.frombuffer(self._mapping, np.uint64)
        nr_pages = SIZE // mmap.PAGESIZE
        self.memory = Memory(self._words.ctypes.data, np.zeros(nr_pages, np.uint64))
        self._lines = np.arange(SIZE // _LINE) * _STRIDE % (SIZE // _LINE) * (_LINE // _WORD)
        self._nr_touched = 0

    def round(self) -> None:
        """Touch some pages for the first time, by reads and by writes; then use all so far."""
        per_page = mmap.PAGESIZE // _WORD
        first, end = self._nr_touched, self._nr_touched + _NR_FRESH
        fresh = self._words[first * per_page : end * per_page : per_page]
        half = len(fresh) // 2
        fresh[:half].sum()
        fresh[half:] = 1
        self._nr_touched = min(end, SIZE // mmap.PAGESIZE)
        lines = self._lines[self._lines < self._nr_touched * per_page]
        self._words[lines] += np.uint64(1)

    def looked_up(self) -> Memory:
        """With the frames that the pages have now; zeros where we may not know."""
        try:
            with open("/proc/self/pagemap", "rb", buffering=0) as pagemap:
                pagemap.seek(self.memory.start // mmap.PAGESIZE * _WORD)
                entries = np.frombuffer(pagemap.read(len(self.memory.frames) * _WORD), np.uint64)
        except PermissionError:
            return self.memory
        return evolve(self.memory, frames=entries & np.uint64((1 << 55) - 1))

    def __enter__(self) -> _Accesses:
        return self

    def __exit__(self, *_: object) -> None:
        del self._words
        self._mapping.close()
