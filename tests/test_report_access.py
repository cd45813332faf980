"""The access table, its orders, and the words in it."""

from __future__ import annotations

import io
import json

import pytest

from damon_core.record_names import NamedRange, TargetNames
from damon_core.report.access import AccessTable
from damon_core.report.order import SORT_KEYS, RegionOrder
from damon_core.report.text import about_time, clock_time, printable
from damon_core.snapshot import Snapshot, TargetState
from damon_core.testing.snapshots import made_up_snapshot

MIB = 1 << 20
NAN = float("nan")
ROWS = [
    (0x1000, 0x3000, 0, 44, 0, 4321, 0.0),
    (0x3000, 0x3000 + 4 * MIB, 10, 2, 0, 4321, 4.0 * MIB),
    (0x7F00000000, 0x7F00000000 + MIB, 5, 7, 0, 4321, NAN),
]


def text_of(snapshot: Snapshot, order: RegionOrder | None = None, width: int = 80) -> str:
    file = io.StringIO()
    AccessTable(snapshot, order, width=width).render(file)
    return file.getvalue()


def json_of(snapshot: Snapshot, order: RegionOrder | None = None) -> dict[str, list[object]]:
    file = io.StringIO()
    AccessTable(snapshot, order).render_json(file)
    table = json.loads(file.getvalue())
    return {key: [region[key] for region in table["regions"]] for key in table["regions"][0]}


def test_a_region_is_one_line_of_range_size_rate_hz_age_bytes_hits() -> None:
    lines = [" ".join(line.split()) for line in text_of(made_up_snapshot(0, ROWS)).splitlines()]
    assert "000000001000-000000003000 8 KiB 0 % 0 8.8 s 0 B 0" in lines
    assert "000000003000-000000403000 4 MiB 100 % 50 400 ms 4 MiB 10" in lines
    assert "007f00000000-007f00100000 1 MiB 50 % 25 1.4 s - 5" in lines


def test_the_head_says_window_and_targets() -> None:
    text = text_of(made_up_snapshot(3, ROWS))
    assert "snapshot 3" in text
    assert "window 200 ms, 10 samples of 20 ms" in text
    assert "target 0: pid 4321 (toucher)\n  3 regions of 5.01 MiB, accessed ones 5 MiB" in text


def test_two_primitives_fit_eighty_columns() -> None:
    text = text_of(made_up_snapshot(0, ROWS, "accessed_bit", "page_fault"))
    assert "accessed_bit page_fault\n" in text
    assert max(map(len, text.splitlines())) <= 80


def test_json_has_every_number_unrounded() -> None:
    table = json_of(made_up_snapshot(0, ROWS))
    assert table["start"] == [0x1000, 0x3000, 0x7F00000000]
    assert table["percent"] == [0, 100, 50]
    assert table["hz"] == [0, 50, 25]
    assert table["age_us"] == [8_800_000, 400_000, 1_400_000]
    assert table["idle_us"] == [9_000_000, 0, 0]
    assert table["accessed_bytes"] == [0.0, 4.0 * MIB, None]
    assert table["hits"] == [{"accessed_bit": hits} for hits in (0, 10, 5)]


@pytest.mark.parametrize(
    ("order", "starts"),
    [
        (RegionOrder(), [0x1000, 0x3000, 0x7F00000000]),
        (RegionOrder("address", reverse=True), [0x7F00000000, 0x3000, 0x1000]),
        (RegionOrder("size"), [0x1000, 0x7F00000000, 0x3000]),
        (RegionOrder("access_rate", reverse=True), [0x3000, 0x7F00000000, 0x1000]),
        (RegionOrder("age"), [0x3000, 0x7F00000000, 0x1000]),
        (RegionOrder("recency", reverse=True, limit=1), [0x1000]),
        (RegionOrder("temperature"), [0x1000, 0x3000, 0x7F00000000]),
        (RegionOrder(only="hot"), [0x3000, 0x7F00000000]),
        (RegionOrder(only="cold"), [0x1000]),
    ],
)
def test_regions_are_chosen_and_sorted_in_words_of_damo(
    order: RegionOrder, starts: list[int]
) -> None:
    assert json_of(made_up_snapshot(0, ROWS), order)["start"] == starts


@pytest.mark.parametrize("sort", SORT_KEYS)
def test_a_snapshot_without_regions_has_a_table_too(sort: str) -> None:
    text = text_of(made_up_snapshot(0, [], targets=()), RegionOrder(sort, limit=1))
    assert "no region to show" in text


def test_regions_of_several_targets_say_whose_they_are() -> None:
    targets = (TargetState(0, 1, "one"), TargetState(7, 2, "two", alive=False))
    rows = [(0x1000, 0x2000, 1, 1, 0, 1, NAN), (0x1000, 0x2000, 1, 1, 7, 2, NAN)]
    text = text_of(made_up_snapshot(0, rows, targets=targets))
    assert "0: 000000001000-000000002000" in text
    assert "7: 000000001000-000000002000" in text
    assert "target 7: pid 2 (two, ended)" in text


def test_a_name_in_a_recording_cannot_steer_the_terminal() -> None:
    evil = TargetState(0, 1, "a\x1b]0;b\x07\nc\u202e")
    text = text_of(made_up_snapshot(0, ROWS, targets=(evil,)))
    assert r"a\x1b]0;b\x07\nc\u202e" in text
    assert printable("redis-Ünix 7") == "redis-Ünix 7"


@pytest.mark.parametrize(
    ("time_us", "text"),
    [
        (0, "0 us"),
        (999, "999 us"),
        (20_000, "20 ms"),
        (999_600, "1 s"),
        (12_340_000, "12.3 s"),
        (59_990_000, "1m 00s"),
        (3_599_000_000, "59m 59s"),
        (9_000_000_000, "2h 30m"),
        (273_600_000_000, "3d 04h"),
    ],
)
def test_times_are_told_in_three_digits(time_us: int, text: str) -> None:
    assert about_time(time_us) == text


@pytest.mark.parametrize("realtime_ns", [-(2**63), -1, 0, 2**63 - 1])
def test_any_time_can_be_told(realtime_ns: int) -> None:
    assert clock_time(realtime_ns)


@pytest.mark.parametrize("width", [20, 30, 50, 64, 80, 120])
@pytest.mark.parametrize("sources", [("a",), ("accessed_bit", "page_fault")])
def test_lines_fit_the_terminal_and_keep_address_size_and_rate(
    width: int, sources: tuple[str, ...]
) -> None:
    names = (TargetNames(0, (NamedRange(0, 2**40, "/usr/lib/a-library-of-a-long-name.so"),)),)
    file = io.StringIO()
    AccessTable(made_up_snapshot(0, ROWS, *sources), names=names, width=width).render(file)
    lines = file.getvalue().splitlines()
    assert max(map(len, lines)) <= max(width, 26)
    (head,) = (line for line in lines if " size" in line and " rate" in line)
    assert ("address range" in head) == (width >= 50)
    assert ("mapping" in head) == (width >= (64 if len(sources) == 1 else 100))
    assert ("page_fault" in head) == (len(sources) == 2 and width >= 64)
