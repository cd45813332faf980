"""The parser of smaps on made-up text."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from damon_accessed_bit._native import ffi, lib
from damon_core import REPORT_DTYPE, ReportFlag

PID = 4321


def smaps_text(mappings: list[tuple[int, int, int]]) -> bytes:
    """``mappings``: start, end, Referenced in kB."""
    return b"".join(
        b"%x-%x rw-p 00000000 00:00 0   [anon:Referenced: 4 kB]\n"
        b"Size:   %d kB\nRss:   12 kB\nPss_Dirty:   0 kB\nReferenced:   %8d kB\n"
        b"Anonymous:   8 kB\nVmFlags: rd wr mr mw me ac sd\n" % (start, end, end - start, kb)
        for start, end, kb in mappings
    )


def reports_of(text: bytes, cap: int = 1024) -> list[tuple[int, int]]:
    pos = ffi.new("size_t *")
    slots = np.zeros(cap, REPORT_DTYPE)
    found: list[tuple[int, int]] = []
    while True:
        address = ffi.cast("void *", slots.ctypes.data)
        nr = lib.smaps_report(ffi.from_buffer(text), len(text), pos, PID, address, cap)
        assert all(slots["pid"][:nr] == PID)
        assert all(slots["flags"][:nr] == ReportFlag.HAS_VADDR)
        starts, sizes = slots["vaddr"][:nr].tolist(), slots["size"][:nr].tolist()
        found += [(start, start + size) for start, size in zip(starts, sizes, strict=True)]
        if nr < cap:
            return found


def test_a_mapping_with_referenced_pages_is_one_report_of_all_of_it() -> None:
    text = smaps_text([(0x1000, 0x5000, 0), (0x7F0000000000, 0x7F0000004000, 4)])
    assert reports_of(text) == [(0x7F0000000000, 0x7F0000004000)]


def test_text_without_mappings_gives_no_reports() -> None:
    assert reports_of(b"") == []
    assert reports_of(b"Referenced: 4 kB\n") == []
    assert reports_of(b"1000-2000\nReferenced:") == []


def test_the_last_line_may_lack_its_newline() -> None:
    assert reports_of(smaps_text([(0x1000, 0x2000, 4)]).rstrip(b"\n")) == [(0x1000, 0x2000)]


MAPPINGS = st.lists(
    st.tuples(st.integers(1, 2**47 >> 12), st.integers(1, 1000), st.integers(0, 10**9)), max_size=50
)


@given(MAPPINGS, st.integers(1, 7))
def test_every_referenced_mapping_is_reported_whatever_the_room(
    mappings: list[tuple[int, int, int]], cap: int
) -> None:
    rows = [(page << 12, (page + nr) << 12, kb) for page, nr, kb in mappings]
    assert reports_of(smaps_text(rows), cap) == [(start, end) for start, end, kb in rows if kb]


@given(st.binary(max_size=300))
def test_no_text_makes_the_parser_leave_it(text: bytes) -> None:
    for start, end in reports_of(text, cap=3):
        assert start < end
