"""Writes inputs for the fuzzer, one file each, made by the encoder that knows nothing of the C.

``python fuzz/seeds.py TARGET FOLDER``
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from damon_core.access import ReportFlag
from damon_core.perf_attr import SampleType
from damon_core.perf_decoding import Direction
from damon_core.testing.perf_records import (
    BRANCH_COUNTERS,
    HW_INDEX,
    IN_ORDER,
    LOST,
    LOST_SAMPLES,
    THROTTLE,
    UNTHROTTLE,
    raw_field,
    record,
    sample,
    words,
)

S = SampleType
LIVE = S.IDENTIFIER | S.TID | S.TIME | S.ADDR | S.CPU | S.PERIOD | S.DATA_SRC
LOAD, STORE, NOTHING = 0x68100142, 0x5080144, 0x1E05080021
USER_END = 1 << 47
ADDR = 0x7F00_1234_5678

# struct decoding_head of input.h, then what perf_ring.c and file_head of perf_file.c hold
DECODING_HEAD = struct.Struct("=7Q3I8B4i4x")
RING_HEAD = struct.Struct("=2QB7x")
FILE_HEAD = struct.Struct("=5QI3B4B5x")

LONG = {
    S.READ: words(3, 9, 9, 1, 7, 0, 2, 8, 0, 3, 9, 0),
    S.CALLCHAIN: words(2, 0x400000, 0x400010),
    S.RAW: raw_field(words(1, ADDR, 2, 3)),
    S.BRANCH_STACK: words(1, 0, 1, 2, 3, 4),
    S.REGS_USER: words(2, 10, 11, 12),
    S.STACK_USER: words(16, 1, 2, 16),
    S.REGS_INTR: words(1, 5),
    S.AUX: words(8, 1),
}
SHORT = {
    S.TID: struct.pack("=2i", 100, 101),
    S.ADDR: words(ADDR),
    S.CPU: words(1),
    S.PERIOD: words(10007),
    S.DATA_SRC: words(LOAD),
    S.PHYS_ADDR: words(0x1234_5000),
}
OTHERS = b"".join(
    record(kind, words(*numbers))
    for kind, numbers in (
        *((LOST, (1, 5)), (LOST_SAMPLES, (2,)), (THROTTLE, (1, 1, 1))),
        *((UNTHROTTLE, (2, 1, 1)), (3, (7,))),
    )
)


def head(
    sample_type: int,
    direction: Direction = Direction.DATA_SRC,
    pids: int = 0,
    raw_addr: int | None = None,
) -> bytes:
    """A decoding of samples of that type, of the first so many of four processes, 0 for all."""
    if raw_addr is None:
        raw_addr = 8 if direction is Direction.RAW else 0
    return DECODING_HEAD.pack(
        *(sample_type, 31, HW_INDEX | BRANCH_COUNTERS, 0b111, 0b1, USER_END, 2),
        *(raw_addr, 16, 1),
        *(direction, 13, ReportFlag.READ, ReportFlag.HAS_VADDR, 1, pids, 3, 0),
        *(-1, 100, 200, 300),
    )


def encoded(sample_type: int, **changed: bytes) -> bytes:
    """One sample with these fields."""
    fields = {bit: LONG.get(bit, SHORT.get(bit, words(1))) for bit in IN_ORDER if bit & sample_type}
    if S.WEIGHT_STRUCT in fields:
        fields.pop(S.WEIGHT, None)
    return sample(fields | {S[name]: value for name, value in changed.items()})


def decodings() -> Iterator[tuple[bytes, bytes]]:
    """Decodings, each with records for it."""
    everything = S(sum(IN_ORDER))
    several = b"".join(
        encoded(LIVE, DATA_SRC=words(source), ADDR=words(addr))
        for source in (LOAD, STORE, 8, 16, NOTHING)
        for addr in (0, ADDR, USER_END, 1 << 63)
    )
    yield head(LIVE), several + OTHERS
    yield head(LIVE, pids=2), several
    yield head(LIVE, Direction.FIXED), several
    yield head(everything), encoded(everything) * 2 + OTHERS
    yield head(LIVE | S.RAW, Direction.RAW), encoded(LIVE | S.RAW) * 2
    for raw_addr in (1, 4, 5, 8, 12, 1 << 31):  # of 12 bytes, which end the record
        yield head(S.RAW, Direction.FIXED, raw_addr=raw_addr), sample({S.RAW: raw_field(bytes(8))})
    for bit in IN_ORDER:
        yield head(LIVE | bit), OTHERS + encoded(LIVE | bit)
        yield head(bit, Direction.FIXED), encoded(bit) + encoded(bit)[:-1]


def file_heads() -> Iterator[bytes]:
    """Events with ids 1, 2, 5 and 9, half of what is written; samples have theirs first or not."""
    for id_at in (0, 2**32 - 1):
        for first, tell_tasks in ((0, 0), (1, 1), (3, 0)):
            yield FILE_HEAD.pack(LIVE, 2, 4, 10, 18, id_at, first, tell_tasks, 4, 0, 1, 2, 3)
    yield FILE_HEAD.pack(S.IP, 2, 4, 10, 18, 8, 0, 1, 4, 1, 1, 2, 3)


def inputs(target: str) -> Iterator[bytes]:
    """The seeds of a harness."""
    for how, records in decodings():
        if target == "perf_record":
            yield how + records
            continue
        if target == "perf_file":
            yield from (how + head + records * 2 for head in file_heads())
            continue
        for tail in (0, 4096 - 24, 2**64 - 16):
            yield how + RING_HEAD.pack(tail, 0, 0) + records
        for tail, nr_bytes in ((0, 4096 + 8), (8, 2**64 - 8), (4, 64), (0, 1 << 40)):
            yield how + RING_HEAD.pack(tail, nr_bytes, 0) + records
        yield how + RING_HEAD.pack((1 << 17) - 64, 0, 1) + records


def write(target: str, folder: Path) -> None:
    """The seeds of a harness as files."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(inputs(target)):
        (folder / f"seed{number:03}").write_bytes(content)


if __name__ == "__main__":
    write(sys.argv[1], Path(sys.argv[2]))
