"""Memory by idle time and by temperature, and regions as bars."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest

from damon_core.report import Report
from damon_core.report.bars import RegionBars
from damon_core.report.weight import RegionPercentiles, SizeHistogram
from damon_core.testing.snapshots import made_up_snapshot

MIB = 1 << 20
NAN = float("nan")
# 1 MiB in use, 2 MiB idle for 9 windows and this one, 1 MiB for 19 and this one.
ROWS = [
    (0, MIB, 10, 4, 0, 1, NAN),
    (MIB, 3 * MIB, 0, 9, 0, 1, NAN),
    (3 * MIB, 4 * MIB, 0, 19, 0, 1, NAN),
]
SNAPSHOT = made_up_snapshot(0, ROWS)


def text_of(report: Report) -> str:
    file = io.StringIO()
    report.render(file)
    return file.getvalue()


def json_of(report: Report) -> dict[str, Any]:
    file = io.StringIO()
    report.render_json(file)
    result: dict[str, Any] = json.loads(file.getvalue())
    return result


def test_idle_times_are_in_ten_equal_steps_with_the_bytes_of_each() -> None:
    steps = json_of(SizeHistogram(SNAPSHOT, "recency"))["steps"]
    assert [step["bytes"] for step in steps] == [MIB, 0, 0, 0, 0, 2 * MIB, 0, 0, 0, MIB]
    assert (steps[0]["from"], steps[-1]["to"]) == (0, 4_000_000)
    text = " ".join(text_of(SizeHistogram(SNAPSHOT, "recency")).split())
    assert "2 s to 2.4 s 2 MiB #################### 2.4 s" in text
    assert "idle: time since the last access" in text


def test_temperatures_are_those_of_damo() -> None:
    percentiles = json_of(RegionPercentiles(SNAPSHOT, "temperature"))["percentiles"]
    assert percentiles["0"] == -100 * 19 * 200_000
    assert percentiles["50"] == -100 * 9 * 200_000
    assert percentiles["100"] == 100 * 100 + 100 * 4 * 200_000
    assert sum(step["bytes"] for step in json_of(SizeHistogram(SNAPSHOT, "temperature"))["steps"])


def test_percentiles_of_memory_weigh_regions_by_their_bytes() -> None:
    percentiles = json_of(RegionPercentiles(SNAPSHOT, "recency"))["percentiles"]
    assert percentiles == {
        "0": 0,
        "1": 0,
        "25": 0,
        "50": 2_000_000,
        "75": 2_000_000,
        "99": 4_000_000,
        "100": 4_000_000,
    }
    assert "50 %  2 s ##########\n" in text_of(RegionPercentiles(SNAPSHOT, "recency"))


@pytest.mark.parametrize("key", ["recency", "temperature"])
@pytest.mark.parametrize("rows", [[], ROWS[:1]])
def test_few_regions_have_their_distribution_too(key: str, rows: list[tuple[float, ...]]) -> None:
    snapshot = made_up_snapshot(0, rows)
    steps = json_of(SizeHistogram(snapshot, key))["steps"]
    assert [step["bytes"] for step in steps] == [MIB * len(rows)]
    assert text_of(SizeHistogram(snapshot, key))
    assert text_of(RegionPercentiles(snapshot, key))


def test_a_bar_is_as_long_as_its_region_is_large() -> None:
    lines = [line for line in text_of(RegionBars(SNAPSHOT, width=64)).splitlines() if "#" in line]
    assert [line.count("#") for line in lines] == [10, 20, 10]
    assert lines[0].split()[1:] == ["1", "MiB", "100", "%", "800", "ms"]
    assert "no region to show" in text_of(RegionBars(made_up_snapshot(0, [])))
    assert json_of(RegionBars(SNAPSHOT))["regions"][0]["nr_accesses"] == 10


def test_all_bytes_are_in_some_step() -> None:
    rng = np.random.default_rng(1)
    rows = [(n * MIB, (n + 1) * MIB, n % 3, int(rng.integers(1000)), 0, 1, NAN) for n in range(99)]
    for key in ("recency", "temperature"):
        sizes = SizeHistogram(made_up_snapshot(0, rows), key).sizes
        assert sizes.sum() == 99 * MIB
