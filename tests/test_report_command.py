"""``damon report`` on real files, and every report on whatever a recording may hold."""

from __future__ import annotations

import io
import json
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from damon_core.cli.report import report
from damon_core.cli.report.access import SORT_KEYS
from damon_core.errors import RecordError
from damon_core.model import Intervals, Ops
from damon_core.record import open_record
from damon_core.record_format import PrimitiveInfo, RecordHeader
from damon_core.record_writer import RecordWriter
from damon_core.report import Report, order
from damon_core.report.access import AccessTable
from damon_core.report.grid import heat_grid
from damon_core.report.heatmap import Heatmap
from damon_core.report.order import RegionOrder
from damon_core.report.record_info import RecordInfo
from damon_core.report.wss import WorkingSet
from damon_core.snapshot import Snapshot, SourceCounters, SourceState, TargetState
from damon_core.testing.snapshots import T0_NS, made_up_regions, random_snapshot

HEADER = RecordHeader(Ops.VADDR, (PrimitiveInfo("accessed_bit"),), T0_NS)
KINDS = ("access", "wss", "record_info", "heatmap")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "rec.damon"
    with RecordWriter(path, HEADER) as writer:
        for index in range(5):
            writer.write(random_snapshot(index, 40))
    return path


def run(*args: object) -> Result:
    return CliRunner().invoke(report, list(map(str, args)))


@pytest.mark.parametrize("kind", KINDS)
def test_each_report_prints_text_and_json(path: Path, kind: str) -> None:
    text = run(kind, path)
    assert text.exit_code == 0, text.output
    assert "toucher" in text.stdout
    assert "\x1b" not in text.stdout
    assert max(map(len, text.stdout.splitlines())) <= 80
    assert isinstance(json.loads(run(kind, path, "--json").stdout), dict)


@pytest.mark.parametrize("kind", KINDS)
def test_a_recording_that_broke_off_is_shown_with_a_note(
    path: Path, tmp_path: Path, kind: str
) -> None:
    cut = tmp_path / "cut.damon"
    cut.write_bytes(path.read_bytes()[:-20])
    result = run(kind, cut)
    assert result.exit_code == 0
    assert "note: " in result.output
    assert "breaks off after 4 whole snapshots" in result.output


@pytest.mark.parametrize("kind", ["access", "wss", "heatmap"])
def test_a_recording_without_snapshots_is_an_error(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "empty.damon"
    with RecordWriter(path, HEADER):
        pass
    assert isinstance(run(kind, path).exception, RecordError)
    assert run("record_info", path).exit_code == 0


def test_access_shows_the_last_snapshot_another_or_all(path: Path) -> None:
    shown = [
        json.loads(run("access", path, "--json", *args).stdout)["snapshot"]
        for args in ((), ("--snapshot", 1), ("--snapshot", -2))
    ]
    assert shown == [4, 1, 3]
    everything = run("access", path, "--all", "--json").stdout.splitlines()
    assert [json.loads(line)["snapshot"] for line in everything] == [0, 1, 2, 3, 4]
    assert isinstance(run("access", path, "--snapshot", 5).exception, RecordError)


@pytest.mark.parametrize(
    "args",
    [
        ("access", "--all", "--snapshot", 1),
        ("access", "--address", "banana"),
        ("access", "--address", "2000-1000"),
        ("access", "--address", "0-10000000000000000"),
        ("access", "--sort", "hotness"),
        ("wss", "--range", 50, 50, 1),
        ("heatmap", "--rows", 0),
    ],
)
def test_options_that_make_no_sense_are_refused(path: Path, args: tuple[object, ...]) -> None:
    assert run(args[0], path, *args[1:]).exit_code == 2


def test_the_command_line_knows_the_orders_of_the_report() -> None:
    assert SORT_KEYS == order.SORT_KEYS


NUMBER = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 2000)
SIZE = st.integers(0, 2**63 - 1)
NAME = st.text(max_size=10)


@st.composite
def hostile_snapshots(draw: st.DrawFn) -> Snapshot:
    edges = sorted(draw(st.sets(st.integers(0, 2**53), max_size=12)))
    rows = [
        (
            *edge,
            draw(st.integers(0, 2**32 - 1)),
            draw(st.integers(0, 2**32 - 1)),
            0,
            draw(st.integers(-(2**31), 2**31 - 1)),
            draw(st.floats(0, 1e300) | st.just(float("nan"))),
        )
        for edge in zip(edges[::2], edges[1::2], strict=False)
    ]
    sample_us, aggr_us = sorted((draw(SIZE), draw(SIZE)))
    return Snapshot(
        index=draw(NUMBER),
        start_ns=draw(NUMBER),
        end_ns=draw(NUMBER),
        intervals=Intervals(sample_us, max(1, aggr_us), draw(SIZE)),
        nr_samples=max(1, draw(SIZE)),
        targets=tuple(
            TargetState(draw(st.integers(0, 2)), draw(NUMBER), draw(NAME), rss=draw(NUMBER))
            for _ in range(draw(st.integers(0, 2)))
        ),
        regions=made_up_regions(rows),
        sources=(
            SourceState(
                draw(NAME),
                draw(NAME),
                SourceCounters(draw(NUMBER)),
                {draw(NAME): draw(NUMBER)},
                draw(NAME),
            ),
        ),
        cpu_ns=draw(NUMBER),
        notes=(draw(NAME),),
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(hostile_snapshots(), min_size=1, max_size=3))
def test_no_recording_makes_a_report_fail(
    tmp_path_factory: pytest.TempPathFactory, snapshots: list[Snapshot]
) -> None:
    path = tmp_path_factory.mktemp("hostile") / "rec.damon"
    with RecordWriter(path, HEADER) as writer:
        for snapshot in snapshots:
            writer.write(snapshot)
    record = open_record(path)
    reports: list[Report] = [
        RecordInfo(record.header, record),
        WorkingSet(record),
        *(AccessTable(record[-1], RegionOrder(sort)) for sort in SORT_KEYS),
    ]
    if any(len(snapshot.regions) for snapshot in snapshots):
        with suppress(LookupError):  # no target of these has regions
            reports.append(Heatmap(heat_grid(record)))
    for shown in reports:
        out = io.StringIO()
        shown.render(out)
        assert "\x1b" not in out.getvalue()
        shown.render_json(out)
