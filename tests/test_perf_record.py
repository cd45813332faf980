"""The decoder of perf records in C against one in Python, on records whole and broken."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damon_core._native import ffi
from damon_core.access import REPORT_DTYPE, ReportFlag
from damon_core.perf_attr import ReadFormat, SampleType
from damon_core.perf_decoding import Direction, PerfCounts, PerfDecoder, PerfDecoding
from damon_core.testing.perf_records import (
    BRANCH_COUNTERS,
    HW_INDEX,
    IN_ORDER,
    LOST,
    LOST_SAMPLES,
    SAMPLE,
    THROTTLE,
    UNTHROTTLE,
    raw_field,
    read_slowly,
    record,
    sample,
    words,
)

S = SampleType
USER_END = 1 << 47
NOW_NS = 77
LOAD, STORE, BOTH, PREFETCH, EXEC, UNKNOWN = 0x68100142, 0x5080144, 6, 8, 16, 0x5080021

u64 = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 1, 4096, USER_END - 1, USER_END]))
u32 = st.integers(0, 2**32 - 1)
pids = st.sampled_from([0, 1, 100, 200, 2**32 - 1])


def decode(
    data: bytes, decoding: PerfDecoding, only: frozenset[int] = frozenset(), room: int = 1000
) -> tuple[np.ndarray, PerfCounts, int]:
    decoder = PerfDecoder(decoding)
    decoder.only(only)
    rows = np.zeros(room, REPORT_DTYPE)
    used = decoder.decode(data, rows.ctypes.data, room, NOW_NS)
    return rows[: decoder.counts.reports], decoder.counts, used


@st.composite
def decodings(draw: st.DrawFn) -> PerfDecoding:
    bits = draw(st.sets(st.sampled_from(IN_ORDER)))
    raw = S.RAW in bits and draw(st.booleans())
    kinds = [Direction.FIXED, Direction.DATA_SRC, *([Direction.RAW, Direction.IBS] if raw else [])]
    return PerfDecoding(
        sample_type=S(sum(bits)),
        read_format=ReadFormat(draw(st.integers(0, 31))),
        branch_sample_type=draw(st.sampled_from([0, HW_INDEX, BRANCH_COUNTERS])),
        regs_user=draw(st.integers(0, 2**64 - 1)),
        regs_intr=draw(st.integers(0, 15)),
        needs=draw(st.sampled_from([ReportFlag.HAS_VADDR, ReportFlag.HAS_PADDR, ReportFlag(0)])),
        direction=draw(st.sampled_from(kinds)),
        flags=draw(st.sampled_from([ReportFlag(0), ReportFlag.READ, ReportFlag.WRITE])),
        user_end=draw(st.sampled_from([0, USER_END])),
        align=draw(st.sampled_from([0, 1, 64, 4096])),
        weight=draw(u32),
        exact_time=draw(st.booleans()),
        keep_prefetches=draw(st.booleans()),
        raw_addr=8 if raw else 0,
        raw_write=24 if raw else 0,
        write_mask=2 if raw else 0,
    )


@st.composite
def samples(draw: st.DrawFn, decoding: PerfDecoding) -> bytes:
    """A sample as the kernel would write it, with any numbers."""

    def some_words(nr: int) -> bytes:
        return words(*draw(st.lists(u64, min_size=nr, max_size=nr)))

    def read() -> bytes:
        asked = decoding.read_format
        nr = draw(st.integers(0, 3)) if ReadFormat.GROUP in asked else 1
        counted = words(nr) if ReadFormat.GROUP in asked else b""
        times = (int(asked) & 3).bit_count()
        return counted + bytes(8 * times + 8 * nr * (1 + (int(asked) & 20).bit_count()))

    def branches() -> bytes:
        nr, kind = draw(st.integers(0, 2)), decoding.branch_sample_type
        return words(nr) + bytes(
            8 * bool(kind & HW_INDEX) + nr * (32 if kind & BRANCH_COUNTERS else 24)
        )

    def regs(mask: int) -> bytes:
        return words(2) + bytes(8 * mask.bit_count()) if draw(st.booleans()) else words(0)

    def stack() -> bytes:
        size = draw(st.sampled_from([0, 8, 24]))
        return words(size) + (bytes(size) + words(size) if size else b"")

    def callchain() -> bytes:
        nr = draw(st.integers(0, 3))
        return words(nr) + bytes(8 * nr)

    encoders = {
        S.TID: lambda: words(draw(pids) | draw(pids) << 32),
        S.CPU: lambda: words(draw(u32)),
        S.READ: read,
        S.CALLCHAIN: callchain,
        S.RAW: lambda: raw_field(draw(st.binary(max_size=48))),
        S.BRANCH_STACK: branches,
        S.REGS_USER: lambda: regs(decoding.regs_user),
        S.STACK_USER: stack,
        S.DATA_SRC: lambda: words(
            draw(st.sampled_from([LOAD, STORE, BOTH, PREFETCH, EXEC, UNKNOWN]))
        ),
        S.REGS_INTR: lambda: regs(decoding.regs_intr),
        S.AUX: lambda: words(0),
    }
    asked = decoding.sample_type
    if S.WEIGHT in asked and S.WEIGHT_STRUCT in asked:
        asked &= ~S.WEIGHT
    return sample(
        {bit: encoders.get(bit, lambda: some_words(1))() for bit in IN_ORDER if bit in asked}
    )


others = st.one_of(
    st.builds(lambda nr: record(LOST, words(7, nr)), u64),
    st.builds(lambda nr: record(LOST_SAMPLES, words(nr)), u64),
    st.builds(record, st.sampled_from([THROTTLE, UNTHROTTLE, LOST, LOST_SAMPLES, 3, 10, 99])),
)


@st.composite
def streams(draw: st.DrawFn) -> tuple[PerfDecoding, bytes]:
    decoding = draw(decodings())
    return decoding, b"".join(draw(st.lists(st.one_of(samples(decoding), others), max_size=8)))


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    for name in REPORT_DTYPE.names or ():
        assert found[name].tolist() == expected[name].tolist(), name


def test_python_and_c_agree_on_the_layout_of_decodings_and_counts() -> None:
    for struct in ("damon_perf_decoding", "damon_perf_counts"):
        assert ffi.sizeof(f"struct {struct}") > 0


@given(streams(), st.sampled_from([frozenset(), frozenset({100}), frozenset({-1, 1, 200})]))
def test_every_layout_of_samples_is_read_as_the_abi_describes_it(
    stream: tuple[PerfDecoding, bytes], only: frozenset[int]
) -> None:
    decoding, data = stream
    expected, counts = read_slowly(data, decoding, only, NOW_NS)
    rows, found, used = decode(data, decoding, only)
    assert used == len(data)
    assert found == counts
    assert_same(rows, expected)


@given(streams(), st.data())
def test_bytes_that_are_wrong_are_read_no_further_than_their_record(
    stream: tuple[PerfDecoding, bytes], data: st.DataObject
) -> None:
    decoding, whole = stream
    changed = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for _ in range(data.draw(st.integers(0, 4)) if changed else 0):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    expected, counts = read_slowly(bytes(changed), decoding, frozenset(), NOW_NS)
    rows, found, _ = decode(bytes(changed), decoding)
    assert found == counts
    assert_same(rows, expected)


@given(decodings(), st.binary(max_size=300))
def test_junk_is_survived(decoding: PerfDecoding, junk: bytes) -> None:
    for data in (junk, record(SAMPLE, junk)):
        rows, counts, used = decode(data, decoding)
        assert used <= len(data)
        assert counts.samples == counts.reports + counts.other_process + counts.kernel + (
            counts.no_address + counts.prefetches + counts.no_access + counts.malformed
        )
        assert_same(rows, read_slowly(data, decoding, frozenset(), NOW_NS)[0])


@given(streams(), st.integers(1, 3))
def test_without_room_decoding_stops_and_goes_on_where_it_stopped(
    stream: tuple[PerfDecoding, bytes], room: int
) -> None:
    decoding, data = stream
    decoder, rows, at = PerfDecoder(decoding), [], 0
    slots = np.zeros(room, REPORT_DTYPE)
    while True:
        before = decoder.counts.reports
        at += decoder.decode(data[at:], slots.ctypes.data, room, NOW_NS)
        nr = decoder.counts.reports - before
        rows.append(slots[:nr].copy())
        if nr < room:
            break
    expected, counts = read_slowly(data, decoding, frozenset(), NOW_NS)
    assert at == len(data)
    assert decoder.counts == counts
    assert_same(np.concatenate(rows), expected)


BASIC = S.TID | S.TIME | S.ADDR | S.CPU


def basic(addr: int, pid: int = 100, tid: int = 101, cpu: int = 3, time: int = 9) -> bytes:
    fields = {S.TID: words(pid | tid << 32), S.TIME: words(time), S.ADDR: words(addr)}
    return sample({**fields, S.CPU: words(cpu)})


def test_a_sample_becomes_a_report_of_all_it_tells() -> None:
    rows, _, _ = decode(basic(0x1234), PerfDecoding(sample_type=BASIC))
    (row,) = rows
    assert [int(row[name]) for name in ("vaddr", "size", "time_ns", "pid", "tid", "cpu")] == [
        *(0x1234, 1, 9, 100, 101, 3)
    ]
    assert row["flags"] == (
        ReportFlag.HAS_VADDR | ReportFlag.HAS_TID | ReportFlag.HAS_CPU | ReportFlag.EXACT_TIME
    )
    assert row["weight"] == 1


def test_a_time_of_another_clock_gives_way_to_that_of_the_drain() -> None:
    rows, _, _ = decode(basic(0x1234), PerfDecoding(sample_type=BASIC, exact_time=False))
    assert rows["time_ns"].tolist() == [NOW_NS]
    assert not rows["flags"][0] & ReportFlag.EXACT_TIME


def test_a_page_aligned_report_covers_the_page() -> None:
    rows, _, _ = decode(basic(0x1234), PerfDecoding(sample_type=BASIC, align=4096))
    assert (rows["vaddr"].tolist(), rows["size"].tolist()) == ([0x1000], [4096])


def test_addresses_of_the_kernel_and_none_at_all_are_dropped_and_counted() -> None:
    data = basic(USER_END) + basic(0) + basic(2**64 - 1) + basic(USER_END - 1)
    rows, counts, _ = decode(data, PerfDecoding(sample_type=BASIC, user_end=USER_END))
    assert rows["vaddr"].tolist() == [USER_END - 1]
    assert (counts.samples, counts.kernel, counts.no_address) == (4, 2, 1)


def test_only_processes_that_were_asked_for_are_reported() -> None:
    data = b"".join(basic(8, pid=pid) for pid in (100, 7, 300, 100, 2**32 - 1))
    rows, counts, _ = decode(data, PerfDecoding(sample_type=BASIC), only=frozenset({300, 100}))
    assert rows["pid"].tolist() == [100, 300, 100]
    assert counts.other_process == 2


@pytest.mark.parametrize(
    ("data_src", "event", "flags"),
    [
        (LOAD, 0, ReportFlag.READ),
        (STORE, 0, ReportFlag.WRITE),
        (BOTH, 0, ReportFlag.WRITE),
        (UNKNOWN, 0, 0),
        (UNKNOWN, ReportFlag.WRITE, ReportFlag.WRITE),
        (0, ReportFlag.READ, ReportFlag.READ),
        (LOAD, ReportFlag.WRITE, ReportFlag.READ),
        (PREFETCH, ReportFlag.READ, None),
        (EXEC, ReportFlag.READ, None),
    ],
)
def test_the_direction_is_that_of_the_operation_or_else_of_the_event(
    data_src: int, event: int, flags: int | None
) -> None:
    decoding = PerfDecoding(
        sample_type=S.ADDR | S.DATA_SRC, direction=Direction.DATA_SRC, flags=ReportFlag(event)
    )
    rows, counts, _ = decode(sample({S.ADDR: words(8), S.DATA_SRC: words(data_src)}), decoding)
    assert rows["flags"].tolist() == ([] if flags is None else [flags | ReportFlag.HAS_VADDR])
    assert (counts.no_access, counts.prefetches) == (data_src == EXEC, data_src == PREFETCH)


def test_what_is_no_operation_on_memory_is_no_access() -> None:
    decoding = PerfDecoding(sample_type=S.ADDR | S.DATA_SRC, direction=Direction.DATA_SRC)
    rows, counts, _ = decode(sample({S.ADDR: words(0), S.DATA_SRC: words(UNKNOWN)}), decoding)
    assert not len(rows)
    assert (counts.no_access, counts.no_address) == (1, 0)


def test_a_period_is_the_weight_and_a_huge_one_the_largest_weight() -> None:
    decoding = PerfDecoding(sample_type=S.ADDR | S.PERIOD)
    data = b"".join(sample({S.ADDR: words(8), S.PERIOD: words(n)}) for n in (0, 5, 2**40))
    assert decode(data, decoding)[0]["weight"].tolist() == [1, 5, 2**32 - 1]


def test_raw_data_too_short_for_what_is_looked_for_in_it_is_malformed() -> None:
    decoding = PerfDecoding(
        sample_type=S.RAW, direction=Direction.RAW, raw_addr=8, raw_write=24, write_mask=2
    )
    write = bytes(8) + words(0x5000, 0, 6)
    data = b"".join(sample({S.RAW: raw_field(raw)}) for raw in (write, write[:24], b""))
    rows, counts, _ = decode(data, decoding)
    assert rows["vaddr"].tolist() == [0x5000]
    assert rows["flags"][0] & ReportFlag.WRITE
    assert counts.malformed == 2


# One sample of an AMD Zen 4, as the kernel wrote it.  Its raw data are the registers of IBS: 4
# bytes of capabilities, then 8 bytes each of op_ctl, rip, op_data, op_data2, op_data3, address.
ZEN_4 = bytes.fromhex(
    "090000000140780026351481ffffffff00000000000000007b164989e46b0000aa83010000000000"
    "000000000000000044000000ff0b000024f407004105000026351481ffffffff0002f70400000000"
    "2300000000000000a100d714dc01000084573b7c9f89ffff84573b7c1f01000034351481ffffffff"
)
IBS = PerfDecoding(
    sample_type=S.IP | S.TID | S.TIME | S.ID | S.CPU | S.RAW,
    direction=Direction.IBS,
    raw_addr=44,
    raw_write=36,
)


def test_the_registers_of_ibs_tell_the_size_of_an_access() -> None:
    rows, counts, used = decode(ZEN_4, IBS)
    assert used == len(ZEN_4)
    assert counts == PerfCounts(samples=1, reports=1)
    (row,) = rows
    assert (int(row["vaddr"]), int(row["size"])) == (0xFFFF_899F_7C3B_5784, 4)
    assert row["flags"] & ReportFlag.READ


@pytest.mark.parametrize(
    ("data3", "flags", "size"),
    [
        (0x3196_0092, ReportFlag.WRITE, 32),  # the two examples in perf's manual of IBS
        (0x00C6_0002, ReportFlag.WRITE, 4),
        (0x00C6_0003, ReportFlag.WRITE, 4),  # LOCK ADD: of which DATA_SRC says that it loads
        (0x0002_0001, ReportFlag.READ, 1),  # of unknown width
        (0x00E6_0001, None, 0),  # a prefetch
        (0x00C6_0000, None, 0),  # neither load nor store
    ],
)
def test_the_registers_of_ibs_tell_what_loads_from_what_stores(
    data3: int, flags: ReportFlag | None, size: int
) -> None:
    raw = bytes(4) + words(0, 0, 0, 0, data3, 0x7F13_3C31_9CE0)
    fields = {S.RAW: raw_field(raw), S.ADDR: words(0x7F13_3C31_9CE0)}
    decoding = PerfDecoding(
        sample_type=S.ADDR | S.RAW, direction=Direction.IBS, raw_write=36, keep_prefetches=False
    )
    rows, counts, _ = decode(sample(fields), decoding)
    found = [(int(row["flags"]), int(row["size"])) for row in rows]
    assert found == ([] if flags is None else [(flags | ReportFlag.HAS_VADDR, size)])
    assert counts.prefetches == (data3 == 0x00E6_0001)
    assert counts.no_access == (data3 == 0x00C6_0000)
