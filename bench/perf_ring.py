"""A ring of perf samples to access reports, against copying the same bytes, and two kernel series.

    python bench/perf_ring.py [--ring 4194304]

Prints a JSON line a layout: nanoseconds per sample, and the ratio to a memcpy of the ring in the
same run; then a line whether the budget was kept.  ``histogram_ns``: the series on perf events
stores a sample and counts it by page; ``slots_ns``: RFC v3 stores a report, of which 1000 have
room.  The ring is made up; every report is compared with what was put in.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _baselines import PageHistogram, SlotArray, build_library
from _budget import tell_budget

from damon_core.access import REPORT_DTYPE, ReportFlag
from damon_core.perf_attr import SampleType
from damon_core.perf_decoding import Direction, PerfDecoder, PerfDecoding
from damon_core.testing.made_ring import HEAD, TAIL, MadeRing

SAMPLE = 9
PID, CPU = 4321, 1
BUDGET_NS = 10
REPEAT = 30

T = SampleType
BASIC = T.TID | T.TIME | T.CPU
LAYOUTS = {
    "software event": BASIC | T.ADDR,
    "software event with physical address": BASIC | T.IP | T.ADDR | T.PHYS_ADDR,
    "memory sample": BASIC | T.IDENTIFIER | T.ADDR | T.PERIOD | T.DATA_SRC | T.PHYS_ADDR,
    "page fault by tracepoint": BASIC | T.RAW,
}
IN_ORDER = (
    *(T.IDENTIFIER, T.IP, T.TID, T.TIME, T.ADDR, T.CPU, T.PERIOD, T.RAW, T.DATA_SRC, T.PHYS_ADDR),
)
LOAD = 0x68100142
# size u32, common fields 8 bytes, address, instruction, error code; filled up to words
RAW_WORDS, RAW_SIZE, RAW_ADDRESS, RAW_ERROR_CODE = 5, 36, 8, 24
WRITES = 2


def records_of(sample_type: SampleType, addrs: np.ndarray) -> np.ndarray:
    """Records of these addresses, one a row; every second of the raw ones is a write."""
    columns = [np.zeros((len(addrs), 1), np.uint64)]
    for bit in IN_ORDER:
        if bit not in sample_type:
            continue
        column = np.full((len(addrs), 1), CPU, np.uint64)
        if bit in (T.ADDR, T.PHYS_ADDR):
            column[:, 0] = addrs
        elif bit is T.TID:
            column[:] = PID | PID << 32
        elif bit is T.DATA_SRC:
            column[:] = LOAD
        elif bit is T.RAW:
            raw = np.zeros((len(addrs), RAW_WORDS * 8), np.uint8)
            raw[:, :4] = np.frombuffer(RAW_SIZE.to_bytes(4, "little"), np.uint8)
            raw[:, 12:20] = addrs.view(np.uint8).reshape(-1, 8)
            raw[1::2, 28] = WRITES
            column = raw.view(np.uint64)
        columns.append(column)
    records = np.hstack(columns)
    records[:, 0] = SAMPLE | records.shape[1] * 8 << 48
    return records


def decoding_of(sample_type: SampleType) -> PerfDecoding:
    if T.RAW not in sample_type:
        direction = Direction.DATA_SRC if T.DATA_SRC in sample_type else Direction.FIXED
        return PerfDecoding(sample_type=sample_type, direction=direction, user_end=1 << 47)
    return PerfDecoding(
        sample_type=sample_type,
        direction=Direction.RAW,
        raw_addr=RAW_ADDRESS,
        raw_write=RAW_ERROR_CODE,
        write_mask=WRITES,
        user_end=1 << 47,
    )


def best_ns(work: Callable[[], object], before: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEAT):
        before()
        start = time.perf_counter_ns()
        work()
        times.append(time.perf_counter_ns() - start)
    return min(times)


def check(rows: np.ndarray, addrs: np.ndarray, sample_type: SampleType) -> None:
    assert (rows["vaddr"] == addrs).all()
    assert (rows["pid"] == PID).all()
    assert (rows["cpu"] == CPU).all()
    if T.PHYS_ADDR in sample_type:
        assert (rows["paddr"] == addrs).all()
    if T.RAW in sample_type:
        writes = rows["flags"] & ReportFlag.WRITE != 0
        assert writes[1::2].all()
        assert not writes[::2].any()


def run_case(
    name: str, sample_type: SampleType, ring_size: int, library: ctypes.CDLL
) -> dict[str, object]:
    """A full ring that begins before its end, so that a record straddles it."""
    record_size = records_of(sample_type, np.zeros(1, np.uint64)).nbytes
    nr = (ring_size - 8) // record_size
    addrs = np.random.default_rng(1).integers(1, 1 << 47, nr, dtype=np.uint64)
    records = records_of(sample_type, addrs).tobytes()
    first = ring_size - record_size // 16 * 8
    decoder = PerfDecoder(decoding_of(sample_type))
    rows = np.zeros(nr + 1, REPORT_DTYPE)
    copy = np.zeros(len(records), np.uint8)
    with MadeRing(ring_size) as ring:
        ring.fill(records, first)

        def rewind() -> None:
            ring.set_position(HEAD, first + len(records))
            ring.set_position(TAIL, first)

        decode_ns = best_ns(lambda: ring.drain_into(decoder, rows), rewind) / nr
        check(rows[:nr], addrs, sample_type)
        copy_ns = best_ns(lambda: ctypes.memmove(copy.ctypes.data, records, len(records)), rewind)
    anywhere = np.array([0, 1 << 47], np.uint64)
    slots = SlotArray(library, anywhere, resets=True)
    histogram = PageHistogram(library, anywhere, 2 * nr, 2 * nr)

    def count_pages() -> None:
        lost = histogram.store(rows[:nr])
        assert not lost
        histogram.fill()

    slots_ns = best_ns(lambda: slots.store(rows[:nr]), slots.check) / nr
    histogram_ns = best_ns(count_pages, lambda: None) / nr
    return {
        "bench": "perf_ring",
        "layout": name,
        "record_bytes": record_size,
        "ring_kib": ring_size >> 10,
        "samples": nr,
        "ns_per_sample": round(decode_ns, 2),
        "memcpy_ns_per_sample": round(copy_ns / nr, 2),
        "times_memcpy": round(decode_ns * nr / copy_ns, 2),
        "slots_ns": round(slots_ns, 2),
        "histogram_ns": round(histogram_ns, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ring", type=int, default=4 << 20, help="bytes, a power of two")
    ring_size = parser.parse_args().ring
    with tempfile.TemporaryDirectory() as folder:
        library = build_library(Path(folder))
        cases = []
        for name, sample_type in LAYOUTS.items():
            cases.append(run_case(name, sample_type, ring_size, library))
            print(json.dumps(cases[-1]), flush=True)
    for case in cases:
        what = f"ns a sample, {case['layout']}"
        tell_budget("perf_ring", what, case["ns_per_sample"], at_most=BUDGET_NS)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
