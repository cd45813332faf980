"""Figures by matplotlib: what is drawn where, of which units; and what is said without it."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from attrs import evolve

from damon_core.errors import PlotError, RecordError
from damon_core.figures import figure_png, holistic_figure, save_figure
from damon_core.model import AddrRange, Ops
from damon_core.record import Record, open_record
from damon_core.record_format import PrimitiveInfo, RecordHeader
from damon_core.record_names import NamedRange, TargetNames
from damon_core.record_writer import RecordWriter
from damon_core.report.grid import HeatGrid, heat_grid
from damon_core.report.overview import Overview
from damon_core.report.selection import Selection
from damon_core.report.sizes import sizes_over_time
from damon_core.snapshot import Snapshot, TargetState
from damon_core.testing.snapshots import T0_NS, made_up_snapshot

MIB = 1 << 20
NAN = float("nan")
BASE = 0x7F0000000000
TARGETS = (TargetState(0, 4321, "toucher", rss=64 * MIB), TargetState(1, 4321, "toucher"))
NAMES = [TargetNames(0, (NamedRange(BASE, BASE + 16 * MIB, "/lib/$x^2$.so"),))]
HEADER = RecordHeader(Ops.VADDR, (PrimitiveInfo("accessed_bit"),), T0_NS)


def moving(nr_snapshots: int = 40, targets: Sequence[TargetState] = TARGETS[:1]) -> list[Snapshot]:
    """8 MiB hot of 32 MiB, the next ones every 10 windows, and 1 MiB far away."""
    snapshots = []
    for index in range(nr_snapshots):
        rows = []
        for target in targets:
            for part in range(4):
                start = BASE + part * 8 * MIB
                rate = 10 if index // 10 == part else 0
                rows.append((start, start + 8 * MIB, rate, 1, target.index, 4321, rate * MIB / 10))
            rows.append((2**47 - 2 * MIB, 2**47 - MIB, 5, 1, target.index, 4321, NAN))
        snapshots.append(made_up_snapshot(index, rows, targets=targets))
    return snapshots


@pytest.fixture
def record(tmp_path: Path) -> Record:
    path = tmp_path / "rec.damon"
    with RecordWriter(path, HEADER) as writer:
        for snapshot in moving():
            writer.write(snapshot)
    return open_record(path)


def grid(**more: object) -> HeatGrid:
    return heat_grid(moving(), nr_rows=40, nr_columns=200, least=3, names=NAMES, **more)  # type: ignore[arg-type]


def test_heat_is_drawn_upwards_and_to_the_right() -> None:
    (axes, bar) = grid().figure().axes
    image = np.ma.getdata(axes.images[0].get_array())
    height, width = image.shape
    for part in range(4):
        for time in range(4):
            cell = image[int(height * 0.9 * (part + 0.5) / 4), int(width * (time + 0.5) / 4)]
            assert cell == (100 if part == time else 0)
    assert axes.get_xlim() == (0, pytest.approx(8))
    assert axes.get_xlabel() == "time since the first snapshot (s)"
    assert bar.get_ylabel() == "% of samples with an access"
    assert axes.images[0].get_clim() == (0, 100)


def test_target_primitive_and_intervals_are_told() -> None:
    axes = grid().figure().axes[0]
    assert axes.get_title(loc="left") == "target 0: pid 4321 (toucher)"
    texts = [text.get_text() for text in axes.texts]
    assert any(
        text.startswith("accessed_bit (bpf)  ·  sample 20 ms, aggregation 200 ms") for text in texts
    )
    assert "$x^2$.so" in texts


def test_addresses_are_round_or_where_areas_begin_and_end() -> None:
    axes = grid().figure().axes[0]
    addresses = [int(tick.get_text(), 16) for tick in axes.get_yticklabels()]
    assert {BASE, BASE + 32 * MIB} <= set(addresses)
    assert all(address % MIB == 0 for address in addresses)
    assert len(addresses) > 6


def test_what_is_folded_is_marked_and_told() -> None:
    axes = grid().figure().axes[0]
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["no access", "between two areas, folded"]
    assert [patch.get_hatch() for patch in axes.patches] == ["//////"]


def test_heat_in_areas_for_which_there_is_no_column_is_told() -> None:
    rows = [(n * 2**40, n * 2**40 + (n + 1) * MIB, 5, 0, 0, 4321, NAN) for n in range(4)]
    axes = heat_grid([made_up_snapshot(0, rows)], nr_columns=2).figure().axes[0]
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts[-1] == "30.0% of the accesses in addresses not shown"


def test_reports_of_a_primitive_have_a_scale_of_their_own() -> None:
    axes, bar = grid(measure="accessed_bit").figure().axes
    assert bar.get_ylabel() == "access reports per second and MiB"
    # 10 reports in 0.2 s of a region of 8 MiB
    assert np.nanmax(grid(measure="accessed_bit").heat[:, :190]) == pytest.approx(10 / 0.2 / 8)
    assert axes.images[0].norm(1 / 16 * axes.images[0].get_clim()[1]) == pytest.approx(0.5)


@pytest.mark.parametrize(("kind", "begins"), [("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_equal_figures_become_equal_files(kind: str, begins: bytes) -> None:
    files = []
    for _ in range(2):
        file = io.BytesIO()
        save_figure(sizes_over_time(moving()).figure(), file, kind)
        files.append(file.getvalue())
    assert files[0].startswith(begins)
    assert files[0] == files[1]


def test_sizes_are_arrays_in_bytes_and_seconds() -> None:
    sizes = sizes_over_time(moving())
    assert sizes.wss.tolist() == [[2 * MIB] * 40]
    assert sizes.monitored.tolist() == [[33 * MIB] * 40]
    assert sizes.rss.tolist() == [[64 * MIB] * 40]
    np.testing.assert_allclose(sizes.times_s, [[i / 5, i / 5 + 0.2] for i in range(40)])


def test_a_target_that_is_not_there_has_no_size() -> None:
    snapshots = moving(2, TARGETS)
    gone = evolve(snapshots[1], targets=TARGETS[:1])
    sizes = sizes_over_time([snapshots[0], gone])
    assert np.isnan(sizes.wss).tolist() == [[False, False], [False, True]]
    assert sizes.total("wss").tolist() == [4 * MIB, 2 * MIB]


def test_resident_bytes_of_a_process_count_once() -> None:
    both = tuple(evolve(target, rss=64 * MIB) for target in TARGETS)
    assert sizes_over_time(moving(1, both)).total("rss").tolist() == [64 * MIB]


def test_sizes_of_one_target_are_three_lines_and_of_several_a_line_each() -> None:
    (one,) = sizes_over_time(moving()).figure().axes
    assert [line.get_label() for line in one.lines] == [
        "working set",
        "resident (RSS)",
        "monitored",
    ]
    (several,) = sizes_over_time(moving(3, TARGETS)).figure(("wss",)).axes
    assert [line.get_label() for line in several.lines] == [
        "working set, target 0: pid 4321 (toucher)",
        "working set, target 1: pid 4321 (toucher)",
        "working set, all targets",
    ]
    assert several.yaxis.get_major_formatter()(2 * MIB, 0) == "2 MiB"


def test_one_sheet_has_heat_sizes_and_mappings() -> None:
    overview = Overview(HEADER, moving(), NAMES, nr_rows=40, nr_columns=100)
    heat, lines, bars, _ = holistic_figure(overview).axes
    assert heat.images
    assert [line.get_label() for line in lines.lines] == ["working set", "resident (RSS)"]
    assert [tick.get_text() for tick in bars.get_yticklabels()] == ["$x^2$.so"]
    nameless = Overview(HEADER, moving(), nr_rows=40, nr_columns=100)
    assert figure_png(holistic_figure(nameless))


def test_one_snapshot_of_one_page_can_be_drawn() -> None:
    snapshot = made_up_snapshot(0, [(0x1000, 0x2000, 0, 0, 0, 4321, NAN)])
    assert figure_png(heat_grid([snapshot]).figure())
    assert figure_png(sizes_over_time([snapshot]).figure())


def test_a_record_gives_arrays_and_figures(record: Record) -> None:
    grid = record.heatmap(nr_rows=8, nr_columns=100)
    assert grid.heat.shape == (8, len(grid.columns))
    np.testing.assert_allclose(grid.times_s, np.arange(9))
    assert grid.addresses[0, 0] == BASE
    png = grid._repr_png_()
    assert png
    assert png.startswith(b"\x89PNG")
    low = Selection(addresses=(AddrRange(BASE, BASE + 8 * MIB),))
    assert record.heatmap(nr_rows=4, selection=low).heat[:, 0].tolist() == [100, 0, 0, 0]
    assert record.wss(by_region=True).wss.tolist() == [[9 * MIB] * 40]
    assert record.wss(selection=low).wss[0].tolist() == [MIB] * 10 + [0] * 30
    assert record.wss()._repr_png_()
    assert "Heatmap of rec.damon" in record.page()._repr_html_()
    with pytest.raises(LookupError, match="no target 3"):
        record.heatmap(target=3)


def test_a_record_without_snapshots_has_no_pictures(tmp_path: Path) -> None:
    with RecordWriter(tmp_path / "empty", HEADER):
        pass
    empty = open_record(tmp_path / "empty")
    for draw in (empty.heatmap, empty.wss, empty.page):
        with pytest.raises(RecordError, match="has no snapshot"):
            draw()


def test_without_matplotlib_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(PlotError, match=r"pip install 'damon-core\[plot\]'"):
        grid().figure()
    assert grid()._repr_png_() is None
    assert sizes_over_time(moving())._repr_png_() is None


def test_numbers_and_pages_need_no_matplotlib() -> None:
    code = (
        "import sys; from damon_core.testing.snapshots import random_snapshot as some; "
        "from damon_core.report.page import page_of; from damon_core.report.grid import heat_grid; "
        "page_of([some(0, 9)]); heat_grid([some(0, 9)]); print('matplotlib' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_drawing_leaves_the_settings_of_others_alone() -> None:
    from matplotlib import rcParams

    def settings() -> dict[str, object]:
        return {key: rcParams[key] for key in rcParams if key != "backend"}

    before = settings()
    grid().figure()
    assert settings() == before
    assert "matplotlib.pyplot" not in sys.modules
