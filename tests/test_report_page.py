"""The page of HTML: what it holds is what the recording says, and no name can break out of it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attrs import evolve

from damon_core.model import Ops
from damon_core.record_format import PrimitiveInfo, RecordHeader
from damon_core.record_names import NamedRange, TargetNames
from damon_core.report.grid import heat_grid
from damon_core.report.holistic_page import by_row, holistic_page
from damon_core.report.outline import TimeRows
from damon_core.report.packing import Packed, unpack
from damon_core.report.page import Page, page_of
from damon_core.report.plates import MAX_TARGETS, Plates
from damon_core.snapshot import Snapshot, TargetState
from damon_core.testing.snapshots import T0_NS, made_up_snapshot, random_snapshot

MIB = 1 << 20
NAN = float("nan")
EVIL = "</script><img src=x onerror=alert(1)>"
TARGETS = (TargetState(0, 77, EVIL[:15], rss=90 * MIB), TargetState(5, 77, "web", rss=90 * MIB))


def moving(nr_snapshots: int = 40) -> list[Snapshot]:
    """Two targets of one process; 8 MiB hot of 32 MiB, and something at the end of the addresses.

    Half as many samples in the second half of the time.
    """
    snapshots = []
    for index in range(nr_snapshots):
        rows = []
        for target in (0, 5):
            for part in range(4):
                start = (target + 1) * 2**40 + part * 8 * MIB
                rate = 10 if index // 10 % 4 == part else 0
                rows.append((start, start + 8 * MIB, rate, 1, target, 77, rate * MIB / 10))
            rows.append((2**47 - 2 * MIB, 2**47 - MIB, 3 + target, 1, target, 77, NAN))
        snapshot = made_up_snapshot(index, rows, "accessed_bit", "page_fault", targets=TARGETS)
        snapshots.append(snapshot)
    return snapshots


class Reader(HTMLParser):
    """The elements of a page, and the text of its scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": [], "title": []}
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in self.texts:
            self._open = tag
            self.texts[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts[self._open][-1] += data


def read(page: Page) -> Reader:
    reader = Reader()
    reader.feed(page.html)
    return reader


def data_of(page: Page) -> Any:
    return json.loads(read(page).texts["script"][0])


def heat_in(data: Any, target: int, measure: int) -> np.ndarray:
    grid = data["targets"][target]["grids"][measure]
    return unpack(Packed(grid["top"], grid["power"], grid["data"]), data["nrRows"])


@pytest.mark.parametrize("target", [0, 5])
@pytest.mark.parametrize("measure", ["samples", "bytes", "accessed_bit", "page_fault"])
def test_it_holds_the_heat_of_each_target_by_each_measure(target: int, measure: str) -> None:
    snapshots = moving()
    data = data_of(page_of(snapshots, nr_rows=40, nr_columns=128))
    grid = heat_grid(snapshots, nr_rows=40, nr_columns=64, target=target, measure=measure, least=1)
    number = [one["index"] for one in data["targets"]].index(target)
    which = [one["key"] for one in data["measures"]].index(measure)
    heat = heat_in(data, number, which)
    assert heat.shape == grid.heat.shape
    np.testing.assert_array_equal(np.isnan(heat), np.isnan(grid.heat))
    assert np.nanmax(np.abs(heat - grid.heat)) <= np.nanmax(grid.heat) / 60


def test_its_axis_has_the_addresses_in_full() -> None:
    data = data_of(page_of(moving(), nr_rows=40, nr_columns=128))
    bands = data["targets"][0]["bands"]
    assert int(bands[-1][1], 16) == 2**47 - MIB
    assert sum(band[4] for band in bands) == data["targets"][0]["nrColumns"]
    assert bands[-1][6] == 1


def test_times_and_intervals_are_told() -> None:
    data = data_of(page_of(moving(), about="box"))
    assert data["startMs"] == T0_NS / 1e6
    assert data["rowS"] * data["nrRows"] == pytest.approx(8)
    assert (data["about"], data["by"]) == ("box", "accessed_bit (bpf), page_fault (bpf)")
    assert data["pace"] == "sample 20 ms, aggregation 200 ms"


def test_mixed_intervals_are_told_as_a_span() -> None:
    snapshots = moving()
    for number, one in enumerate(snapshots[20:], 20):
        intervals = evolve(one.intervals, sample_us=50_000)
        snapshots[number] = evolve(one, intervals=intervals, nr_samples=4)
    assert "sample 20 ms to 50 ms" in data_of(page_of(snapshots))["pace"]


def test_names_of_strangers_cannot_break_out() -> None:
    names = [TargetNames(0, (NamedRange(2**40, 2**40 + MIB, f"/x/{EVIL}\n\x1b[2J\u202e"),))]
    page = page_of(moving(), names, title=EVIL, about=EVIL)
    reader = read(page)
    tags = [tag for tag, _ in reader.elements]
    assert tags.count("script") == 2
    assert "img" not in tags
    assert not [attrs for _, attrs in reader.elements if any(name[:2] == "on" for name in attrs)]
    assert reader.texts["title"][0] == EVIL
    (label,) = json.loads(reader.texts["script"][0])["targets"][1]["labels"]
    assert label[2] == r"script><img src=x onerror=alert(1)>\n\x1b[2J\u202e"
    assert "\\u003c/script>" in page.html
    # In a notebook the whole page is one attribute.
    frame = Reader()
    frame.feed(page._repr_html_())
    ((tag, attrs),) = frame.elements
    assert (tag, attrs["srcdoc"], attrs["sandbox"]) == ("iframe", page.html, "allow-scripts")


def test_nothing_but_its_own_script_and_style_may_run_or_be_loaded() -> None:
    page = page_of(moving())
    reader = read(page)
    (policy,) = (
        attrs["content"]
        for tag, attrs in reader.elements
        if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy
    assert policy.startswith("default-src 'none'")
    for kind, text in (("script", reader.texts["script"][1]), ("style", reader.texts["style"][0])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    links = [attrs.get("src") or attrs.get("href") for _, attrs in reader.elements]
    assert [link for link in links if link] == ["data:,"]
    assert not re.search(r"https?://|@import|url\(", page.html)


def test_the_size_is_bounded_by_the_grid_and_not_by_the_recording() -> None:
    short, long = (
        [random_snapshot(index % 7, 300, seed=index) for index in range(nr)] for nr in (50, 200)
    )
    sizes = [len(page_of(some, nr_rows=50, nr_columns=100).html) for some in (short, long)]
    assert max(sizes) < 60_000 + 1.4 * 3 * 50 * 100
    assert abs(sizes[0] - sizes[1]) < 10_000


def test_targets_beyond_the_hottest_are_counted() -> None:
    nr = MAX_TARGETS + 3
    targets = tuple(TargetState(number, 100 + number, "many") for number in range(nr))
    rows = [(0x1000, 0x9000, number % 11, 0, number, 100 + number, NAN) for number in range(nr)]
    data = data_of(page_of([made_up_snapshot(0, rows, targets=targets)]))
    assert len(data["targets"]) == MAX_TARGETS
    assert data["nrLeftOut"] == 3
    assert data["targets"][0]["index"] == 10


def test_one_snapshot_and_one_page_of_memory_are_enough() -> None:
    rows = [(0x1000, 0x2000, 1, 0, 0, 4321, NAN)]
    data = data_of(page_of([made_up_snapshot(0, rows)]))
    assert heat_in(data, 0, 0).tolist() == [[pytest.approx(10)]]


def test_without_regions_or_with_a_measure_that_is_not_there_it_says_so() -> None:
    with pytest.raises(LookupError, match="no snapshot has a target"):
        page_of([evolve(moving(1)[0], targets=())] * 2)
    with pytest.raises(LookupError, match="no measure 'heat'; the recording has samples, bytes"):
        page_of(moving(), measure="heat")
    assert data_of(page_of(moving(), measure="page_fault"))["first"] == 3


def test_the_hottest_target_comes_first() -> None:
    plates = Plates.of(moving(4), nr_rows=4, nr_columns=80)
    assert [plate.target.index for plate in plates.plates] == [5, 0]


def test_heat_in_areas_for_which_there_is_no_column_is_told() -> None:
    areas = [(n * 2**40, n * 2**40 + (n + 1) * MIB) for n in range(4)]
    rows = [(*area, 5, 0, 0, 4321, NAN) for area in areas]
    data = data_of(page_of([made_up_snapshot(0, rows)], nr_columns=2))
    assert data["targets"][0]["grids"][0]["hidden"] == pytest.approx(0.3)


HEADER = RecordHeader(Ops.VADDR, (PrimitiveInfo("accessed_bit"),), T0_NS, host="box")


def test_the_page_of_everything_has_sizes_by_row_and_mappings() -> None:
    names = [TargetNames(0, (NamedRange(2**40, 2**40 + 32 * MIB, "[heap]"),))]
    data = data_of(holistic_page(HEADER, moving(), names, title="rec"))
    by_index = {one["index"]: one for one in data["targets"]}
    used, resident = by_index[0]["series"]
    assert resident["sizes"] == [90 * MIB] * 40
    assert used["sizes"][0] == MIB + MIB  # 1 MiB told, and a region of 1 MiB of unknown bytes
    (table,) = by_index[0]["tables"]
    assert table["rows"][0][:2] == ["[heap]", "1 MiB"]
    assert by_index[5]["tables"] == []
    assert data["about"].startswith("box · 40 snapshots in 8 s · the monitor took 1.00% of one CPU")
    assert [row[0] for row in data["tables"][0]["rows"]][1] == "target 5: pid 77 (web)"


def test_a_row_of_time_in_which_no_window_ends_has_the_number_of_its_window() -> None:
    ends = np.array([15, 30, 45, 160])
    means = by_row(TimeRows(0, 10, 16), ends, np.array([1.0, 2.0, 3.0, 4.0]))
    assert means[:5].tolist() == [1, 1, 2, 3, 3]
    assert np.isnan(means[5:14]).all()  # nobody looked
    assert means[15] == 4


def test_the_files_of_the_page_are_installed() -> None:
    from damon_core.report import page

    names = {path.name for path in (Path(page.__file__).parent / "web").iterdir()}
    assert {"page.html", "page.css"} <= names
    assert {f"{name}.js" for name in page._SCRIPTS} == {n for n in names if n.endswith(".js")}
