"""The C half of page_idle at its edge: the kernel's files are memory files written by the tests."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damon_accessed_bit._native import ffi, lib
from damon_core import REPORT_DTYPE, ReportFlag

PAGE = 4096
MARKED = lib.KPF_IDLE | lib.KPF_LRU
PID = 4321


class WordFile:
    """A file of 64-bit words, as sparse as the kernel's."""

    def __init__(self) -> None:
        self.fd = os.memfd_create("words")

    def put(self, index: int, word: int) -> None:
        os.pwrite(self.fd, word.to_bytes(8, "little"), index * 8)

    def get(self, index: int) -> int:
        return int.from_bytes(os.pread(self.fd, 8, index * 8), "little")


class Kernel:
    """Idle bitmap, page flags, and the page map of one process."""

    def __init__(self) -> None:
        self.bitmap, self.kpageflags, self.pagemap = WordFile(), WordFile(), WordFile()
        self.idle = lib.page_idle_create(self.bitmap.fd, self.kpageflags.fd, PAGE)

    def close(self) -> None:
        lib.page_idle_destroy(self.idle)
        for file in (self.bitmap, self.kpageflags, self.pagemap):
            os.close(file.fd)

    def map(self, addr: int, pfn: int, flags: int = MARKED) -> None:
        self.pagemap.put(addr // PAGE, lib.PAGEMAP_PRESENT | pfn)
        self.kpageflags.put(pfn, flags)

    def mark(self, addrs: list[int], *, physical: bool = False) -> None:
        array = np.array(sorted(addrs), np.uint64)
        fd, pid = (-1, 0) if physical else (self.pagemap.fd, PID)
        lib.page_idle_reset(self.idle)
        pointer = ffi.from_buffer("uint64_t[]", array)
        assert lib.page_idle_add(self.idle, fd, pid, pointer, len(array)) == 0
        assert lib.page_idle_mark(self.idle) == 0

    def is_idle(self, pfn: int) -> bool:
        return bool(self.bitmap.get(pfn // 64) >> pfn % 64 & 1)

    def access(self, pfn: int, flags: int = lib.KPF_LRU) -> None:
        self.bitmap.put(pfn // 64, self.bitmap.get(pfn // 64) & ~(1 << pfn % 64))
        self.kpageflags.put(pfn, flags)

    def check(self, cap: int = 4096) -> np.ndarray:
        assert lib.page_idle_check(self.idle) == 0
        slots = np.zeros(cap, REPORT_DTYPE)
        nr = lib.page_idle_report(self.idle, ffi.cast("void *", slots.ctypes.data), cap)
        return slots[:nr]

    @property
    def nr_cannot_tell(self) -> int:
        return int(lib.page_idle_nr_cannot_tell(self.idle))


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    kernel = Kernel()
    yield kernel
    kernel.close()


def test_a_page_that_is_no_longer_idle_is_reported_with_its_address_process_and_frame(
    kernel: Kernel,
) -> None:
    kernel.map(0x7000, pfn=100)
    kernel.mark([0x7123])
    kernel.access(100)
    (report,) = kernel.check()
    assert (report["vaddr"], report["paddr"], report["size"]) == (0x7000, 100 * PAGE, PAGE)
    assert (report["pid"], report["weight"]) == (PID, 1)
    assert report["flags"] == ReportFlag.HAS_VADDR | ReportFlag.HAS_PADDR
    assert report["time_ns"] > 0
    assert kernel.nr_cannot_tell == 0


def test_a_page_that_stays_idle_is_not_reported(kernel: Kernel) -> None:
    kernel.map(0x7000, pfn=100)
    kernel.mark([0x7000])
    assert kernel.is_idle(100)
    assert len(kernel.check()) == 0
    assert kernel.nr_cannot_tell == 0


def test_only_the_bits_of_sampled_frames_are_written(kernel: Kernel) -> None:
    for addr, pfn in ((0x1000, 64), (0x2000, 66), (0x3000, 64 * 200)):
        kernel.map(addr, pfn)
    kernel.mark([0x1000, 0x2000, 0x3000])
    assert [kernel.bitmap.get(word) for word in (0, 1, 2, 200)] == [0, 0b101, 0, 1]


def test_a_page_that_refuses_the_mark_cannot_be_told_and_is_not_reported(kernel: Kernel) -> None:
    kernel.map(0x7000, pfn=100, flags=0)
    kernel.mark([0x7000])
    kernel.access(100)
    assert len(kernel.check()) == 0
    assert kernel.nr_cannot_tell == 1


def test_a_page_accessed_right_after_the_mark_is_no_refusal(kernel: Kernel) -> None:
    kernel.map(0x7000, pfn=100)
    kernel.mark([0x7000])
    # The flag in kpageflags stays until somebody reads the bitmap, which check does.
    kernel.access(100)
    assert len(kernel.check()) == 1


def test_a_page_inside_a_large_folio_is_marked_through_the_first_page(kernel: Kernel) -> None:
    for pfn in range(513, 1024):
        kernel.kpageflags.put(pfn, lib.KPF_COMPOUND_TAIL | lib.KPF_LRU)
    kernel.kpageflags.put(512, lib.KPF_COMPOUND_HEAD | MARKED)
    kernel.pagemap.put(7, lib.PAGEMAP_PRESENT | 700)
    kernel.mark([0x7000])
    assert kernel.is_idle(512)
    kernel.access(512, lib.KPF_COMPOUND_HEAD | lib.KPF_LRU)
    (report,) = kernel.check()
    assert (report["vaddr"], report["paddr"]) == (0x7000, 700 * PAGE)


def test_a_large_folio_that_was_split_meanwhile_cannot_be_told(kernel: Kernel) -> None:
    kernel.kpageflags.put(512, lib.KPF_COMPOUND_HEAD | MARKED)
    kernel.map(0x7000, pfn=513, flags=lib.KPF_COMPOUND_TAIL)
    kernel.mark([0x7000])
    kernel.access(512)
    assert len(kernel.check()) == 0
    assert kernel.nr_cannot_tell == 1


@pytest.mark.parametrize("entry", [0, lib.PAGEMAP_PRESENT | 101], ids=["unmapped", "moved"])
def test_a_page_that_is_not_where_it_was_cannot_be_told(kernel: Kernel, entry: int) -> None:
    kernel.map(0x7000, pfn=100)
    kernel.mark([0x7000])
    kernel.access(100)
    kernel.pagemap.put(7, entry)
    assert len(kernel.check()) == 0
    assert kernel.nr_cannot_tell == 1


def test_a_page_taken_off_the_lru_lists_meanwhile_cannot_be_told(kernel: Kernel) -> None:
    kernel.map(0x7000, pfn=100)
    kernel.mark([0x7000])
    kernel.access(100, flags=lib.KPF_IDLE)
    assert len(kernel.check()) == 0
    assert kernel.nr_cannot_tell == 1


def test_a_page_that_is_not_present_is_neither_reported_nor_counted(kernel: Kernel) -> None:
    kernel.mark([0x7000])
    assert len(kernel.check()) == 0
    assert kernel.nr_cannot_tell == 0


def test_physical_addresses_are_frames_themselves_and_reported_as_such(kernel: Kernel) -> None:
    kernel.kpageflags.put(100, MARKED)
    kernel.mark([100 * PAGE + 5], physical=True)
    kernel.access(100)
    (report,) = kernel.check()
    assert (report["paddr"], report["vaddr"], report["pid"]) == (100 * PAGE, 0, 0)
    assert report["flags"] == ReportFlag.HAS_PADDR


def test_a_frame_that_was_freed_meanwhile_cannot_be_told(kernel: Kernel) -> None:
    kernel.kpageflags.put(100, MARKED)
    kernel.mark([100 * PAGE], physical=True)
    kernel.access(100, flags=0)
    assert len(kernel.check()) == 0
    assert kernel.nr_cannot_tell == 1


def test_two_addresses_in_one_frame_are_both_reported(kernel: Kernel) -> None:
    kernel.map(0x7000, pfn=100)
    kernel.map(0x9000, pfn=100)
    kernel.mark([0x7000, 0x9000])
    kernel.access(100)
    assert [int(report["vaddr"]) for report in kernel.check()] == [0x7000, 0x9000]


def test_reports_that_find_no_slot_come_with_the_next_call(kernel: Kernel) -> None:
    addrs = [page * PAGE for page in range(1, 6)]
    for addr in addrs:
        kernel.map(addr, pfn=addr // PAGE)
    kernel.mark(addrs)
    for addr in addrs:
        kernel.access(addr // PAGE)
    assert len(kernel.check(cap=2)) == 2
    assert lib.page_idle_report(kernel.idle, ffi.NULL, 2) == 2
    assert lib.page_idle_report(kernel.idle, ffi.NULL, 2) == 1


def test_no_sample_at_all_is_fine(kernel: Kernel) -> None:
    kernel.mark([])
    assert len(kernel.check()) == 0


FRAMES = st.dictionaries(
    st.integers(0, 3000), st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=300
)


@given(FRAMES, st.randoms(use_true_random=False))
def test_exactly_the_marked_and_accessed_pages_are_reported(
    frames: Mapping[int, tuple[bool, bool]], random: object
) -> None:
    """``frames``: by page frame, whether it takes the mark and whether it is accessed then."""
    kernel = Kernel()
    pages = list(range(1, len(frames) + 1))
    random.shuffle(pages)  # type: ignore[attr-defined]  # Hypothesis gives a random.Random
    by_addr = {page * PAGE: pfn for page, pfn in zip(pages, frames, strict=True)}
    for addr, pfn in by_addr.items():
        kernel.map(addr, pfn, MARKED if frames[pfn][0] else lib.KPF_LRU)
    kernel.mark(list(by_addr))
    for pfn, (takes_mark, is_accessed) in frames.items():
        if takes_mark and is_accessed:
            kernel.access(pfn)
    expected = sorted(addr for addr, pfn in by_addr.items() if all(frames[pfn]))
    assert kernel.check()["vaddr"].tolist() == expected
    assert kernel.nr_cannot_tell == sum(not takes_mark for takes_mark, _ in frames.values())
    kernel.close()
