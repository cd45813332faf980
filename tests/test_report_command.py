"""``damon report`` on real files, and every report on whatever a recording may hold."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from attrs import evolve
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from damon_core.cli.report import report
from damon_core.cli.report.access import SORT_KEYS
from damon_core.errors import RecordError
from damon_core.model import AddrRange, Intervals, Ops
from damon_core.record import open_record
from damon_core.record_format import PrimitiveInfo, RecordHeader
from damon_core.record_names import NamedRange, TargetNames
from damon_core.record_writer import RecordWriter
from damon_core.report import Report, order
from damon_core.report.access import AccessTable
from damon_core.report.bars import RegionBars
from damon_core.report.diff import Diff, Side
from damon_core.report.footprint import Footprint
from damon_core.report.grid import heat_grid
from damon_core.report.heatmap import Heatmap
from damon_core.report.holistic import Holistic
from damon_core.report.moment import Moment, TimeSpan
from damon_core.report.nr_regions import NrRegions
from damon_core.report.order import RegionOrder
from damon_core.report.overview import Overview
from damon_core.report.record_info import RecordInfo
from damon_core.report.selected import Selected
from damon_core.report.selection import Selection
from damon_core.report.series import Places
from damon_core.report.weight import RegionPercentiles, SizeHistogram
from damon_core.report.wss import WorkingSet
from damon_core.snapshot import Snapshot, SourceCounters, SourceState, TargetState
from damon_core.testing.snapshots import T0_NS, made_up_regions, random_snapshot

WEIGHTS = ("recency", "temperature")
HEADER = RecordHeader(Ops.VADDR, (PrimitiveInfo("accessed_bit"),), T0_NS)
KINDS = ("access", "wss", "record_info", "heatmap", "nr_regions", "footprint", "holistic", "diff")
STYLES = ("bars", *(f"{key}-{how}" for key in WEIGHTS for how in ("sz-hist", "percentiles")))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "rec.damon"
    with RecordWriter(path, HEADER) as writer:
        for index in range(5):
            writer.write(random_snapshot(index, 40))
    return path


def run(kind: object, path: Path, *args: object, width: int = 80) -> Result:
    """A report of a recording; the difference is one to the recording itself."""
    paths = [path, path] if kind == "diff" else [path]
    words = list(map(str, [kind, *args, *paths]))
    return CliRunner().invoke(report, words, env={"COLUMNS": str(width)})


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


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "record_info"])
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


@pytest.mark.parametrize(("only", "sign"), [("--hot", -1), ("--cold", 1)])
def test_the_hottest_or_the_coldest_come_first(path: Path, only: str, sign: int) -> None:
    def heat(*args: str) -> list[int]:
        table = json.loads(run("access", path, only, "--json", *args).stdout)
        return [region["temperature"] for region in table["regions"]]

    assert heat() == sorted(heat(), key=lambda one: sign * one)
    assert heat("--reverse") == heat()[::-1]
    assert heat("--sort", "address") != heat()


@pytest.mark.parametrize("style", STYLES)
def test_each_style_of_access_prints_text_and_json(path: Path, style: str) -> None:
    text = run("access", path, "--style", style)
    assert text.exit_code == 0, text.output
    assert max(map(len, text.stdout.splitlines())) <= 80
    assert json.loads(run("access", path, "--style", style, "--json").stdout)["snapshot"] == 4


@pytest.mark.parametrize("kind", KINDS)
def test_a_terminal_may_be_twenty_columns_wide(path: Path, kind: str) -> None:
    text = run(kind, path, width=20)
    assert text.exit_code == 0, text.output
    assert json.loads(run(kind, path, "--json", width=20).stdout)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "args",
    [
        ("--time", "1h-"),
        ("--target", 9),
        ("--primitive", "perf_pmu"),
        ("--address", "fffff0000000-fffff0001000"),
        ("--size", "1G-"),
        ("--rate", "99.5-99.9"),
        ("--age", "300d-"),
        ("--rate", "0-0", "--time", "10m-"),
    ],
    ids=str,
)
def test_a_selection_that_leaves_nothing_is_an_error_that_blames_it(
    path: Path, kind: str, args: tuple[object, ...]
) -> None:
    error = run(kind, path, *args).exception
    assert isinstance(error, RecordError)
    assert f"{path}: {args[-2]} leaves nothing to show" in str(error)


@pytest.mark.parametrize("kind", KINDS)
def test_a_selection_is_of_the_whole_report(path: Path, kind: str) -> None:
    args = ("--time", "0s-600ms", "--rate", "1-", "--address", "0-800000", "--json")
    chosen, everything = run(kind, path, *args), run(kind, path, "--json")
    assert chosen.exit_code == everything.exit_code == 0
    assert chosen.stdout != everything.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_one_snapshot_without_regions_is_a_recording_too(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "bare.damon"
    with RecordWriter(path, HEADER) as writer:
        writer.write(evolve(random_snapshot(0, 3), regions=made_up_regions([])))
    result = run(kind, path)
    if kind == "heatmap":
        assert "has no region" in str(result.exception)
    else:
        assert result.exit_code == 0, result.output


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff\xff\xff\xff\x10\x00\x00\x00"])
def test_what_is_no_recording_is_an_error(tmp_path: Path, kind: str, content: bytes) -> None:
    path = tmp_path / "none.damon"
    path.write_bytes(content)
    assert isinstance(run(kind, path).exception, RecordError)
    assert isinstance(run(kind, tmp_path).exception, RecordError)
    assert isinstance(run(kind, tmp_path / "missing").exception, RecordError)


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
        ("wss", "--exclude-samples", 5),
        ("wss", "--time", "10"),
        ("wss", "--time", "20s-10s"),
        ("wss", "--rate", "50"),
        ("wss", "--rate", "60-50"),
        ("wss", "--rate", "0-101"),
        ("wss", "--size", "1M"),
        ("wss", "--age", "1-2"),
        ("wss", "--target", -1),
        ("access", "--style", "bars-of-gold"),
        ("access", "--style", "recency-sz-hist", "--sort", "size"),
    ],
)
def test_options_that_make_no_sense_are_refused(path: Path, args: tuple[object, ...]) -> None:
    assert run(args[0], path, *args[1:]).exit_code == 2


def test_the_command_line_knows_the_orders_of_the_report() -> None:
    assert SORT_KEYS == order.SORT_KEYS


def test_a_report_that_cannot_be_written_is_one_line_and_exit_code_one(path: Path) -> None:
    for kind in ("wss", "access"):
        with open("/dev/full", "w") as full:
            ended = subprocess.run(
                [sys.executable, "-m", "damon_core", "report", kind, path],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert ended.returncode == 1
        assert ended.stderr.splitlines() == ["damon: No space left on device"] or (
            "No space left" in ended.stderr and ended.stderr.count("\n") == 1
        )


SELECTION = Selection(
    TimeSpan(Moment(0), Moment(2**62)),
    (0, 1),
    (AddrRange(2**20, 2**40), AddrRange(2**52, 2**60)),
    sizes=(0, 2.0**60),
    rates=(0, 1e9),
    ages=(0, float("inf")),
    primitive="accessed_bit",
)
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


def test_a_terminal_without_a_character_shows_a_question_mark(tmp_path: Path) -> None:
    path = tmp_path / "named.damon"
    targets = (TargetState(0, 4321, "redis-\u00dcnix"),)
    with RecordWriter(path, HEADER) as writer:
        writer.write(evolve(random_snapshot(0, 3), targets=targets))
    ended = subprocess.run(
        [sys.executable, "-m", "damon_core", "report", "access", path],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert b"redis-?nix" in ended.stdout


@settings(max_examples=100, deadline=None)
@given(st.lists(hostile_snapshots(), min_size=1, max_size=3))
def test_no_recording_makes_a_report_fail(
    tmp_path_factory: pytest.TempPathFactory, snapshots: list[Snapshot]
) -> None:
    path = tmp_path_factory.mktemp("hostile") / "rec.damon"
    with RecordWriter(path, HEADER) as writer:
        for snapshot in snapshots:
            writer.write(snapshot)
    record = open_record(path)
    names = (TargetNames(0, (NamedRange(0, 2**52, "[heap]"), NamedRange(2**52, 2**53, ""))),)
    moved = (TargetNames(0, (NamedRange(4096, 2**53, "[heap]"),)),)
    reports: list[Report] = [
        RecordInfo(record.header, record),
        WorkingSet(record),
        NrRegions(record),
        Footprint(record, places=Places(by_time=True)),
        Holistic(Overview(record.header, record, names)),
        Diff(Side("a", record, names), Side("b", record, moved)),
        Diff(Side("a", record), Side("b", record)),
        RegionBars(record[-1]),
        *(SizeHistogram(record[-1], key) for key in WEIGHTS),
        *(RegionPercentiles(record[-1], key) for key in WEIGHTS),
        *(AccessTable(record[-1], RegionOrder(sort)) for sort in SORT_KEYS),
    ]
    chosen = Selected(record, SELECTION)
    reports += [WorkingSet(chosen), Holistic(Overview(record.header, chosen))]
    if any(len(snapshot.regions) for snapshot in snapshots):
        with suppress(LookupError):  # no target of these has regions
            reports.append(Heatmap(heat_grid(record)))
    for shown in reports:
        out = io.StringIO()
        shown.render(out)
        assert "\x1b" not in out.getvalue()
        shown.render_json(out)
