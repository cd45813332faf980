"""Perf records written and read field by field, slowly: what the decoder in C is compared with.

Written from the ABI (perf_event_open(2)), not from the decoder.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping

import attrs
import numpy as np

from ..access import REPORT_DTYPE, ReportFlag
from ..perf_attr import ReadFormat, SampleType
from ..perf_decoding import Direction, PerfCounts, PerfDecoding

HEADER = struct.Struct("=IHH")
LOST, THROTTLE, UNTHROTTLE, SAMPLE, LOST_SAMPLES = 2, 5, 6, 9, 13
HW_INDEX, BRANCH_COUNTERS = 1 << 17, 1 << 19

S = SampleType
# The order in which the kernel writes the fields of a sample.
IN_ORDER = (
    *(S.IDENTIFIER, S.IP, S.TID, S.TIME, S.ADDR, S.ID, S.STREAM_ID, S.CPU, S.PERIOD, S.READ),
    *(S.CALLCHAIN, S.RAW, S.BRANCH_STACK, S.REGS_USER, S.STACK_USER, S.WEIGHT, S.WEIGHT_STRUCT),
    *(S.DATA_SRC, S.TRANSACTION, S.REGS_INTR, S.PHYS_ADDR, S.CGROUP, S.DATA_PAGE_SIZE),
    *(S.CODE_PAGE_SIZE, S.AUX),
)
_PREFETCH = -1


class TooShort(Exception):
    """A field goes beyond the end of its record."""


def record(kind: int, body: bytes = b"", misc: int = 0) -> bytes:
    """One record with its header."""
    return HEADER.pack(kind, misc, HEADER.size + len(body)) + body


def words(*values: int) -> bytes:
    """Numbers of 64 bits, as they lie in memory."""
    return struct.pack(f"={len(values)}Q", *values)


def sample(fields: Mapping[SampleType, bytes]) -> bytes:
    """A sample of encoded fields, put into the kernel's order."""
    return record(SAMPLE, b"".join(fields[bit] for bit in IN_ORDER if bit in fields))


def raw_field(raw: bytes) -> bytes:
    """RAW: the size, which counts the padding, and the bytes, up to the next word."""
    padding = -(4 + len(raw)) % 8
    return struct.pack("=I", len(raw) + padding) + raw + bytes(padding)


class Fields:
    """Reads the fields of one sample one after the other."""

    def __init__(self, body: bytes, decoding: PerfDecoding) -> None:
        self._body = body
        self._at = 0
        self._decoding = decoding

    def take(self, size: int) -> bytes:
        if self._at + size > len(self._body):
            raise TooShort
        self._at += size
        return self._body[self._at - size : self._at]

    def word(self) -> int:
        return int.from_bytes(self.take(8), "little")

    def read(self) -> None:
        asked = self._decoding.read_format
        nr = self.word() if ReadFormat.GROUP in asked else 1
        times = ReadFormat.TOTAL_TIME_ENABLED, ReadFormat.TOTAL_TIME_RUNNING
        self.take(8 * sum(bit in asked for bit in times))
        self.take(8 * nr * (1 + sum(bit in asked for bit in (ReadFormat.ID, ReadFormat.LOST))))

    def callchain(self) -> None:
        self.take(8 * self.word())

    def raw(self) -> bytes:
        size = int.from_bytes(self.take(4), "little")
        raw = self.take(size)
        self.take(-(4 + size) % 8)
        return raw

    def branch_stack(self) -> None:
        nr = self.word()
        kind = self._decoding.branch_sample_type
        self.take(8 * bool(kind & HW_INDEX))
        self.take(8 * nr * (4 if kind & BRANCH_COUNTERS else 3))

    def regs(self, mask: int) -> None:
        if self.word():
            self.take(8 * mask.bit_count())

    def stack(self) -> None:
        if size := self.word():
            self.take(-(-size // 8) * 8)
            self.word()


def read_fields(body: bytes, decoding: PerfDecoding) -> dict[SampleType, int | bytes | None]:
    """The fields of a sample up to PHYS_ADDR; TooShort."""
    fields = Fields(body, decoding)
    special: dict[SampleType, Callable[[], bytes | None]] = {
        S.READ: fields.read,
        S.CALLCHAIN: fields.callchain,
        S.RAW: fields.raw,
        S.BRANCH_STACK: fields.branch_stack,
        S.REGS_USER: lambda: fields.regs(decoding.regs_user),
        S.STACK_USER: fields.stack,
        S.REGS_INTR: lambda: fields.regs(decoding.regs_intr),
    }
    found: dict[SampleType, int | bytes | None] = {}
    asked = decoding.sample_type
    if S.WEIGHT in asked and S.WEIGHT_STRUCT in asked:
        asked &= ~S.WEIGHT  # they share one word
    for bit in IN_ORDER[: IN_ORDER.index(S.PHYS_ADDR) + 1]:
        if bit in asked:
            found[bit] = special.get(bit, fields.word)()
    return found


def split(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and body of each whole record at the beginning of ``data``."""
    at = 0
    while len(data) - at >= HEADER.size:
        kind, _, size = HEADER.unpack_from(data, at)
        if size < HEADER.size or at + size > len(data):
            return
        yield kind, data[at + HEADER.size : at + size]
        at += size


def read_slowly(
    data: bytes, decoding: PerfDecoding, pids: frozenset[int] = frozenset(), now_ns: int = 0
) -> tuple[np.ndarray, PerfCounts]:
    """The reports of all whole records, and the counts, as the decoder in C must find them."""
    rows = []
    counts = dict.fromkeys((one.name for one in attrs.fields(PerfCounts)), 0)
    for kind, body in split(data):
        if kind == SAMPLE:
            counts["samples"] += 1
            row, became = _read_sample(body, decoding, pids, now_ns)
            counts[became] += 1
            rows += [row] if row is not None else []
        elif kind == LOST and len(body) >= 16:
            counts["lost"] += int.from_bytes(body[8:16], "little")
        elif kind == LOST_SAMPLES and len(body) >= 8:
            counts["lost_samples"] += int.from_bytes(body[:8], "little")
        elif kind == THROTTLE:
            counts["throttled"] += 1
        elif kind != UNTHROTTLE:
            counts["others"] += 1
    wrapped = {name: value % 2**64 for name, value in counts.items()}
    return np.concatenate([np.zeros(0, REPORT_DTYPE), *rows]), PerfCounts(**wrapped)


def _read_sample(
    body: bytes, decoding: PerfDecoding, pids: frozenset[int], now_ns: int
) -> tuple[np.ndarray | None, str]:
    direction: int | None
    try:
        fields = read_fields(body, decoding)
        addr, direction = _use_raw(fields, decoding)
    except TooShort:
        return None, "malformed"
    both = _number(fields, S.TID)
    pid, tid = (part - (part >> 31 << 32) for part in (both & 0xFFFF_FFFF, both >> 32))
    if pids and pid not in pids:
        return None, "other_process"
    phys, data_src = _number(fields, S.PHYS_ADDR), _number(fields, S.DATA_SRC)
    size = 0
    if decoding.direction == Direction.DATA_SRC:
        direction = _direction(data_src, decoding, bool(addr or phys))
    if decoding.direction == Direction.IBS:
        direction, size = _of_ibs(fields, decoding)
    if direction in (None, _PREFETCH):
        return None, "no_access" if direction is None else "prefetches"
    has = (ReportFlag.HAS_VADDR if addr else 0) | (ReportFlag.HAS_PADDR if phys else 0)
    if not has & (decoding.needs or 0xFFFF):
        return None, "no_address"
    if decoding.user_end and addr >= decoding.user_end:
        return None, "kernel"
    exact = S.TIME in fields and decoding.exact_time
    flags = has | direction | (ReportFlag.HAS_CPU if S.CPU in fields else 0)
    flags |= (ReportFlag.HAS_TID if tid > 0 else 0) | (ReportFlag.EXACT_TIME if exact else 0)
    weight = _number(fields, S.PERIOD) if S.PERIOD in fields else decoding.weight
    block = decoding.align or 1
    row = np.zeros(1, REPORT_DTYPE)
    row["vaddr"], row["paddr"] = addr // block * block, phys // block * block
    row["size"], row["data_src"] = size or block, data_src
    row["time_ns"] = _number(fields, S.TIME) if exact else now_ns
    row["pid"], row["tid"], row["cpu"] = pid, tid, _number(fields, S.CPU) & 0xFFFF_FFFF
    row["weight"], row["flags"] = min(max(weight, 1), 2**32 - 1), flags
    return row, "reports"


def _number(fields: Mapping[SampleType, int | bytes | None], bit: SampleType) -> int:
    value = fields.get(bit, 0)
    assert isinstance(value, int)
    return value


def _use_raw(
    fields: Mapping[SampleType, int | bytes | None], decoding: PerfDecoding
) -> tuple[int, int]:
    """The address and the direction, from the raw data if that is where they are."""
    raw = fields.get(S.RAW, b"")
    assert isinstance(raw, bytes)

    def word_at(offset: int) -> int:
        if offset + 8 > len(raw):
            raise TooShort
        return int.from_bytes(raw[offset : offset + 8], "little")

    addr = word_at(decoding.raw_addr) if decoding.raw_addr else _number(fields, S.ADDR)
    if decoding.direction == Direction.IBS:
        word_at(decoding.raw_write)
    if decoding.direction == Direction.RAW:
        is_write = word_at(decoding.raw_write) & decoding.write_mask
        return addr, ReportFlag.WRITE if is_write else ReportFlag.READ
    return addr, decoding.flags & (ReportFlag.READ | ReportFlag.WRITE)


def _direction(data_src: int, decoding: PerfDecoding, has_address: bool) -> int | None:
    """By the operation in DATA_SRC: what stored wrote; None if memory was not accessed."""
    load, store, prefetch, execute = (bool(data_src & 1 << bit) for bit in (1, 2, 3, 4))
    if store or load:
        return ReportFlag.WRITE if store else ReportFlag.READ
    if prefetch:
        return ReportFlag.READ if decoding.keep_prefetches else _PREFETCH
    if execute or not has_address:
        return None
    return decoding.flags & (ReportFlag.READ | ReportFlag.WRITE)


def _of_ibs(
    fields: Mapping[SampleType, int | bytes | None], decoding: PerfDecoding
) -> tuple[int | None, int]:
    """Direction and size by IbsOpData3: bits 0 load, 1 store, 21 prefetch, 22-25 width."""
    raw = fields[S.RAW]
    assert isinstance(raw, bytes)
    data3 = int.from_bytes(raw[decoding.raw_write : decoding.raw_write + 8], "little")
    if not data3 & 3:
        return None, 0
    if data3 >> 21 & 1 and not decoding.keep_prefetches:
        return _PREFETCH, 0
    width = data3 >> 22 & 15
    return ReportFlag.WRITE if data3 & 2 else ReportFlag.READ, 1 << width - 1 if width else 0
