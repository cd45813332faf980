"""One page of everything, and the mappings on it."""

from __future__ import annotations

import io
import json
from array import array

import pytest
from attrs import evolve

from damon_core.model import Ops
from damon_core.record_format import PrimitiveInfo, RecordHeader
from damon_core.record_names import NamedRange, TargetNames
from damon_core.report import Report
from damon_core.report.footprint import RSS
from damon_core.report.holistic import Holistic, shades
from damon_core.report.mappings import Mapping, Mappings
from damon_core.report.overview import Overview
from damon_core.report.series import Series
from damon_core.snapshot import Snapshot, TargetState
from damon_core.testing.snapshots import T0_NS, made_up_snapshot

MIB = 1 << 20
NAN = float("nan")
HEADER = RecordHeader(Ops.VADDR, (PrimitiveInfo("accessed_bit"),), T0_NS, host="box")
NAMES = (
    TargetNames(
        0,
        (
            NamedRange(0, 2 * MIB, "[heap]"),
            NamedRange(4 * MIB, 5 * MIB, "/lib/a.so"),
            NamedRange(6 * MIB, 8 * MIB, "/lib/a.so"),
        ),
    ),
)


def snapshots(nr_snapshots: int = 6) -> list[Snapshot]:
    """The heap is in use by half; of a.so its second range, more and more of it."""
    return [
        made_up_snapshot(
            n,
            [
                (0, 2 * MIB, 5, 1, 0, 4321, 1.0 * MIB),
                (4 * MIB, 5 * MIB, 0, 1, 0, 4321, 0.0),
                (6 * MIB, 8 * MIB, 2, 1, 0, 4321, n * MIB / 6),
            ],
            targets=(TargetState(0, 4321, "toucher", rss=(n + 1) * MIB),),
        )
        for n in range(nr_snapshots)
    ]


def text_of(report: Report) -> str:
    file = io.StringIO()
    report.render(file)
    return file.getvalue()


def test_mappings_of_one_name_are_one_and_the_hottest_comes_first() -> None:
    first, second = Mappings(NAMES, snapshots()).hottest()
    assert first == Mapping(0, "[heap]", 2 * MIB, MIB)
    assert (second.name, second.size) == ("a.so", 3 * MIB)
    assert second.in_use == pytest.approx(15 / 36 * MIB)
    text = text_of(Mappings(NAMES, snapshots()))
    assert "1 MiB 70.6 % 2 MiB  [heap]" in text
    assert "no mapping is known" in text_of(Mappings((), snapshots()))


def test_the_page_says_who_where_when_how_much_and_of_what() -> None:
    text = text_of(Holistic(Overview(HEADER, snapshots(), NAMES)))
    assert "6 snapshots, 1.2 s" in text
    assert "target 0: pid 4321 (toucher)" in text
    assert "accessed_bit (bpf): 66 reports, 6 lost" in text
    assert "the monitor took 1.00% of one CPU" in text
    where, when, of_what = (text.index(f"== {part}") for part in ("Where", "How much", "Of what"))
    assert "up to 50 % of samples with an access" in text[where:when]
    assert "RSS    :=+#%@" in text[when:of_what]
    assert "1 MiB to 6 MiB, median 3.5 MiB" in text[when:of_what]
    assert "[heap]" in text[of_what:]
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_page_is_gathered_in_one_reading() -> None:
    class Once(list[Snapshot]):
        nr_readings = 0

        def __iter__(self):  # type: ignore[no-untyped-def]
            self.nr_readings += 1
            return super().__iter__()

    recording = Once(snapshots())
    Overview(HEADER, recording, NAMES)
    assert recording.nr_readings == 1


def test_json_holds_what_the_single_reports_write() -> None:
    file = io.StringIO()
    Holistic(Overview(HEADER, snapshots(), NAMES)).render_json(file)
    page = json.loads(file.getvalue())
    assert set(page) == {"record_info", "heatmap", "footprint", "mappings"}
    assert page["mappings"][0]["name"] == "[heap]"
    assert page["footprint"]["targets"][0]["rss"]["mean"] == 3.5 * MIB


def test_a_recording_without_regions_or_known_sizes_has_a_page() -> None:
    nobody = TargetState(0, 4321, "toucher")
    empty = [evolve(made_up_snapshot(n, []), targets=(nobody,)) for n in range(2)]
    overview = Overview(HEADER, empty)
    text = text_of(Holistic(overview))
    assert overview.grid is None
    assert "no region" in text
    assert "RSS: unknown" in text
    file = io.StringIO()
    Holistic(overview).render_json(file)
    assert json.loads(file.getvalue())["heatmap"] is None


def test_shades_are_means_in_the_order_of_time() -> None:
    (series,) = Overview(HEADER, snapshots()).footprint.series.shown()
    assert shades(series, RSS, 3, 6 * MIB) == "-*@"
    assert len(shades(series, RSS, 100, 6 * MIB)) == 6


def test_shades_bear_numbers_that_are_beyond_all_bounds_of_their_top() -> None:
    target = TargetState(0, 1, "")
    series = Series(target, {RSS: array("d", [-1.0, 1.0])})
    assert shades(series, RSS, 2, 5e-324) == ".@"
