"""The heat grid, its axis of addresses, and its drawing on the terminal."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from damon_core.model import AddrRange
from damon_core.report.colors import ON_DARK, ON_LIGHT, background, of_256, ramp_at
from damon_core.report.grid import HeatGrid, heat_grid
from damon_core.report.heatmap import NR_TIME_COLUMNS, Heatmap
from damon_core.report.selected import Selected
from damon_core.report.selection import Selection
from damon_core.report.spans import columns_of, union
from damon_core.snapshot import Snapshot, TargetState
from damon_core.testing.snapshots import made_up_snapshot, random_snapshot

MIB = 1 << 20
NAN = float("nan")
BASE = 0x7F0000000000


def moving(nr_snapshots: int = 40) -> list[Snapshot]:
    """16 MiB hot of 64 MiB, moving by 16 MiB every ten snapshots."""
    snapshots = []
    for index in range(nr_snapshots):
        hot = BASE + index // 10 % 4 * 16 * MIB
        rows = [
            (start, end, rate, 1, 0, 4321, (end - start) * rate / 10 / 2)
            for start, end, rate in (
                (BASE, hot, 0),
                (hot, hot + 16 * MIB, 10),
                (hot + 16 * MIB, BASE + 64 * MIB, 0),
            )
            if start < end
        ]
        snapshots.append(made_up_snapshot(index, rows))
    return snapshots


def picture(grid: HeatGrid, *, width: int = 80, colors: int = 0) -> str:
    file = io.StringIO()
    Heatmap(grid, width=width, colors=colors).render(file)
    return file.getvalue()


def test_heat_moves_through_the_columns_as_through_memory() -> None:
    grid = heat_grid(moving(), nr_rows=4, nr_columns=4)
    np.testing.assert_allclose(grid.heat, 100 * np.eye(4), atol=1e-9)
    assert grid.row_ns == 2_000_000_000
    assert grid.hidden == 0


def test_by_bytes_shades_are_the_share_of_accessed_bytes() -> None:
    grid = heat_grid(moving(), nr_rows=4, nr_columns=4, measure="bytes")
    np.testing.assert_allclose(grid.heat, 50 * np.eye(4), atol=1e-9)


def test_a_cell_is_the_mean_over_its_bytes_and_its_time() -> None:
    grid = heat_grid(moving(), nr_rows=1, nr_columns=2)
    np.testing.assert_allclose(grid.heat, [[25, 25]])


def test_there_are_no_more_rows_than_snapshots() -> None:
    assert heat_grid(moving(3), nr_rows=20).heat.shape[0] == 3


def test_the_picture_has_a_row_of_shades_for_each_time() -> None:
    text = picture(heat_grid(moving(), nr_rows=4, nr_columns=4)).splitlines()
    assert [line[9:] for line in text[1:5]] == ["@...", ".@..", "..@.", "...@"]
    assert "target 0: pid 4321 (toucher)" in text[0]
    assert any("up to 100 % of samples with an access" in line for line in text)
    assert any("7f0000000000-7f0004000000 64 MiB       4   16 MiB" in line for line in text)


def test_colours_are_used_only_on_request() -> None:
    grid = heat_grid(moving())
    assert "\x1b[" not in picture(grid)
    assert "\x1b[48;5;" in picture(grid, colors=256)


def test_it_fits_a_terminal_of_twenty_columns() -> None:
    snapshots = [random_snapshot(index, 300) for index in range(30)]
    areas = [(BASE + n * 2**40, BASE + n * 2**40 + MIB, 5, 0, 0, 1, NAN) for n in range(20)]
    for some in (snapshots, [made_up_snapshot(0, areas)]):
        grid = heat_grid(some, nr_columns=20 - NR_TIME_COLUMNS, marks=True)
        for colors in (0, 256, 2**24):
            text = re.sub(r"\x1b\[[\d;]*m", "", picture(grid, width=20, colors=colors))
            assert max(map(len, text.splitlines())) <= 20
            assert "area 1: " in text


@pytest.mark.parametrize(("colors", "kind"), [(256, "48;5;"), (2**24, "48;2;")])
def test_colours_go_from_none_to_hottest_and_the_bar_tells_their_unit(
    colors: int, kind: str
) -> None:
    lines = picture(heat_grid(moving(), nr_rows=4, nr_columns=4), colors=colors).splitlines()
    hot, cold = (background(color, truecolor=colors > 256) for color in (ON_DARK[-1], ON_DARK[0]))
    assert kind in hot
    assert lines[1] == f"    0 us {hot} \x1b[0m{cold}   \x1b[0m"
    (bar,) = (line for line in lines if line.startswith(f"0 {cold}"))
    assert bar.endswith(f"{hot} \x1b[0m 100")
    assert lines[lines.index(bar) + 1] == "% of samples with an access"


def test_every_heat_is_told_from_none_in_colours() -> None:
    rows = [
        (BASE, BASE + MIB, 10, 0, 0, 1, MIB),
        (BASE + MIB, BASE + 2 * MIB, 1, 0, 0, 1, 4096),
        (BASE + 2 * MIB, BASE + 3 * MIB, 0, 0, 0, 1, 0),
    ]
    grid = heat_grid([made_up_snapshot(0, rows)], nr_columns=3, measure="bytes", fold=False)
    row = picture(grid, colors=256).splitlines()[1]
    assert len(set(re.findall(r"48;5;(\d+)m", row))) == 3


def test_reports_of_a_primitive_are_heat_of_its_own_unit() -> None:
    grid = heat_grid(moving(), nr_rows=4, nr_columns=4, measure="accessed_bit")
    # Ten reports in 0.2 s of 16 MiB; a fourth root is the scale.
    np.testing.assert_allclose(grid.heat, 10 / 0.2 / 16 * np.eye(4), atol=1e-9)
    text = picture(grid)
    assert "up to 3.12 access reports per second and MiB, 0.195 in the middle" in " ".join(
        text.split()
    )
    with pytest.raises(LookupError, match="no measure 'pmu'; the recording has samples, bytes, ac"):
        heat_grid(moving(), measure="pmu")


def test_who_saw_it_and_how_often_is_told() -> None:
    assert "seen by accessed_bit (bpf); sample 20 ms, aggregation 200 ms" in picture(
        heat_grid(moving())
    )


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_the_nearest_of_256_colours_is_near(color: tuple[int, int, int]) -> None:
    assert 16 <= of_256(color) < 256
    assert of_256((0, 0, 0)) == 16
    assert of_256((255, 255, 255)) == 231


@pytest.mark.parametrize("ramp", [ON_DARK, ON_LIGHT])
def test_a_ramp_goes_one_way_in_lightness(ramp: tuple[tuple[int, int, int], ...]) -> None:
    light = [
        0.2126 * red + 0.7152 * green + 0.0722 * blue
        for red, green, blue in (ramp_at(ramp, place / 50) for place in range(51))
    ]
    steps = np.diff(light)
    assert (steps > -2).all() or (steps < 2).all()
    assert abs(light[-1] - light[0]) > 150


def test_no_line_is_wider_than_a_terminal_of_eighty_columns() -> None:
    snapshots = [random_snapshot(index, 300) for index in range(30)]
    assert max(map(len, picture(heat_grid(snapshots, nr_columns=66)).splitlines())) <= 80


def test_gaps_between_areas_are_folded_and_marked() -> None:
    rows = [
        (BASE, BASE + MIB, 5, 0, 0, 1, NAN),
        (BASE + 2**40, BASE + 2**40 + MIB, 5, 0, 0, 1, NAN),
    ]
    text = picture(heat_grid([made_up_snapshot(0, rows)], nr_columns=8))
    assert "@@@@|@@@@" in text
    assert "| addresses between two areas, folded" in text


def test_long_stretches_never_accessed_are_folded_and_can_be_unfolded() -> None:
    rows = [
        (BASE, BASE + 16 * MIB, 5, 0, 0, 1, NAN),
        (BASE + 16 * MIB, BASE + 512 * MIB, 0, 0, 0, 1, NAN),
    ]
    snapshots = [made_up_snapshot(0, rows)]
    assert "@@@@@@@~\n" in picture(heat_grid(snapshots, nr_columns=8))
    assert "@@.............." in picture(heat_grid(snapshots, nr_columns=64, fold=False))


def test_a_gap_in_time_or_space_is_blank() -> None:
    first, *_, last = moving()
    assert np.isnan(heat_grid([first, last], nr_rows=2).heat).sum() == 0
    late = evolve(last, end_ns=last.end_ns + 2**40)
    assert np.isnan(heat_grid([first, *moving()[1:9], late], nr_rows=10).heat).any()
    elsewhere = made_up_snapshot(1, [(BASE + 64 * MIB, BASE + 128 * MIB, 1, 0, 0, 1, NAN)])
    grid = heat_grid([first, elsewhere], nr_rows=2, nr_columns=4, fold=False)
    assert np.isnan(grid.heat).tolist() == [[False, False, True, True], [True, True, False, False]]


def test_the_hottest_target_is_shown_and_the_others_named() -> None:
    targets = (TargetState(0, 1, "idle"), TargetState(3, 2, "busy"))
    rows = [(0, 64 * MIB, 1, 0, 0, 1, NAN), (0, 16 * MIB, 9, 0, 3, 2, NAN)]
    snapshots = [made_up_snapshot(0, rows, targets=targets)]
    grid = heat_grid(snapshots)
    assert (grid.target.pid, grid.others) == (2, (0,))
    assert "other targets: 0 (--target)" in picture(grid)
    assert heat_grid(snapshots, target=0).target.pid == 1
    with pytest.raises(LookupError, match="no target 1; the recording has 0, 3"):
        heat_grid(snapshots, target=1)


def test_only_the_selected_addresses_are_shown() -> None:
    first = Selection(addresses=(AddrRange(BASE, BASE + 16 * MIB),))
    grid = heat_grid(Selected(moving(), first), nr_rows=4, nr_columns=4)
    np.testing.assert_allclose(grid.heat, [[100] * 4, *[[0] * 4] * 3])
    with pytest.raises(LookupError, match="no region"):
        heat_grid(Selected(moving(), Selection(addresses=(AddrRange(0, 4096),))))


def test_heat_in_areas_for_which_there_is_no_column_is_told() -> None:
    areas = [(BASE + n * 2**40, BASE + n * 2**40 + (n + 1) * MIB) for n in range(4)]
    rows = [(*area, 5, 0, 0, 1, NAN) for area in areas]
    grid = heat_grid([made_up_snapshot(0, rows)], nr_columns=2)
    assert grid.hidden == pytest.approx(0.3)
    assert "30.0% of the accesses were in addresses not shown" in picture(grid)


def test_json_has_the_grid_in_full() -> None:
    file = io.StringIO()
    Heatmap(heat_grid(moving(), nr_rows=4, nr_columns=4)).render_json(file)
    grid = json.loads(file.getvalue())
    assert grid["heat"][1] == [0, 100, 0, 0]
    assert grid["columns"][0] == {"start": BASE, "end": BASE + 16 * MIB, "folded": False}


def test_a_clock_that_was_set_back_does_not_disturb_the_picture() -> None:
    first, second = moving(2)
    back = heat_grid([second, first], nr_rows=2, nr_columns=4)
    assert not np.isnan(back.heat).any()


RANGES = st.lists(
    st.tuples(st.integers(0, 2**47), st.integers(1, 2**44)).map(lambda r: (r[0], r[0] + r[1])),
    max_size=30,
).map(lambda ranges: np.array(ranges, np.uint64).reshape(-1, 2))


@given(RANGES, st.integers(0, 2**47))
def test_a_union_is_sorted_disjoint_and_covers_the_same(ranges: np.ndarray, point: int) -> None:
    merged = union(ranges)
    assert (merged[:, 0] < merged[:, 1]).all()
    assert (merged[1:, 0] > merged[:-1, 1]).all()
    for one in (ranges, merged):
        one.flags.writeable = False
    inside = ((ranges[:, 0] <= point) & (point < ranges[:, 1])).any()
    assert ((merged[:, 0] <= point) & (point < merged[:, 1])).any() == inside


@given(RANGES, RANGES, st.integers(1, 100), st.booleans())
def test_columns_are_in_order_and_never_many_more_than_asked(
    present: np.ndarray, accessed: np.ndarray, nr_columns: int, fold: bool
) -> None:
    columns = columns_of(present, accessed, nr_columns, fold=fold)
    edges = [edge for column in columns for edge in (column.range.start, column.range.end)]
    assert edges == sorted(edges)
    assert all(column.range.size > 0 for column in columns)
    assert [column.area for column in columns] == sorted(column.area for column in columns)
    assert len(columns) <= 2 * nr_columns + 2 * len(union(present)) + 16
    assert bool(columns) == bool(len(present))
