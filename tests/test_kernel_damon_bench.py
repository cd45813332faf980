"""What bench/ reads of the kernel's DAMON, which only runs in a VM."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from damon_core.model import Intervals, NrRegions
from damon_core.spans import Spans

BENCH = Path(__file__).parent.parent / "bench"

if not BENCH.is_dir():
    pytest.skip("needs the source tree", allow_module_level=True)

sys.path.insert(0, str(BENCH))
try:
    from _frames import Frames
    from _kernel_damon import KernelDamon, durations_in, windows_in
finally:
    sys.path.remove(str(BENCH))

LINE = "  kdamond.0-140  [001] .....  {time}: damon_aggregated: target_id=0 nr_regions={text}\n"


def trace(*windows: tuple[str, list[str]]) -> str:
    head = "# tracer: nop\n#\n"
    return head + "".join(
        LINE.format(time=time, text=f"{len(rows)} {row}") for time, rows in windows for row in rows
    )


def test_windows_begin_where_the_one_before_ended_and_keep_what_was_accessed():
    text = trace(
        ("12.000001", ["4096-8192: 3 1"]),
        ("12.400002", ["4096-8192: 0 2", "8192-16384: 20 0", "16384-20480: 1 0"]),
        ("12.900000", ["4096-20480: 0 0"]),
    )
    first, second = windows_in(text)
    assert (first.start_ns, first.end_ns) == (12_000_001_000, 12_400_002_000)
    assert (second.start_ns, second.end_ns) == (12_400_002_000, 12_900_000_000)
    assert (first.nr_regions, second.nr_regions) == (3, 1)
    assert first.accessed == Spans.of([(8192, 20480)])
    assert len(second.accessed) == 0


def test_a_window_of_which_the_trace_lost_a_part_is_an_error():
    text = trace(("12.0", ["4096-8192: 3 1", "8192-12288: 3 1"]), ("13.0", ["4096-8192: 3 1"]))
    with pytest.raises(ValueError, match="not whole"):
        windows_in(text.replace("8192-12288: 3 1", "", 1).replace("nr_regions=2 \n", "lost\n"))


def test_durations_are_read_of_calls_with_and_without_children():
    text = (
        " 0) # 1234.500 us |  damon_va_prepare_access_checks();\n"
        " 1)               |  damon_va_check_accesses() {\n"
        " 1) * 50000.25 us |  } /* damon_va_check_accesses */\n"
        " 1)   0.750 us    |  damon_va_prepare_access_checks();\n"
    )
    assert durations_in(text) == {
        "damon_va_prepare_access_checks": [1.2345, 0.00075],
        "damon_va_check_accesses": [50.00025],
    }


def test_pages_are_seen_whose_frames_begin_in_what_was_seen():
    virtual = np.array([0x1000, 0x2000, 0x3000, 0x9000], np.uint64)
    physical = np.array([0x80000, 0x70000, 0x81000, 0x10000], np.uint64)
    frames = Frames(virtual, physical)
    assert frames.seen(Spans.of([(0x80000, 0x82000)])) == Spans.of(
        [(0x1000, 0x2000), (0x3000, 0x4000)]
    )
    assert frames.seen(Spans.of([(0x10000, 0x10001)])) == Spans.of([(0x9000, 0xA000)])
    assert len(frames.seen(Spans.of([]))) == 0


def test_the_kernels_damon_is_never_touched_on_a_host(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("VMRUN", raising=False)
    with pytest.raises(AssertionError, match="never on a host"):
        KernelDamon(1, Intervals(), NrRegions())
