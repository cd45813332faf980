"""Recordings of damo read as ours: what is in them is taken over, what is not is told."""

from __future__ import annotations

import gzip
import io
import json
import random
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from damon_core.errors import RecordError
from damon_core.formats import damo_file, json_stream
from damon_core.formats.damo_recording import DamoRecording, contexts_of
from damon_core.formats.damo_targets import Known
from damon_core.formats.json_stream import JsonStream
from damon_core.model import AddrRange, Intervals, Ops
from damon_core.report.grid import heat_grid
from damon_core.report.selected import Selected
from damon_core.report.selection import Selection
from damon_core.report.series import Places
from damon_core.report.wss import WorkingSet
from tests.damo_samples import (
    BASE,
    INTERVALS,
    NR_SAMPLES,
    REGION,
    moving_band,
    perf_script,
    record,
    region,
    window,
    write,
)

KERNEL = next(
    (
        folder / "shared" / "data" / "kernel-damon"
        for folder in Path(__file__).parents
        if (folder / "shared" / "data" / "kernel-damon").is_dir()
    ),
    None,
)


def read(path: Path, **known: Any) -> DamoRecording:
    (context,) = contexts_of(str(path), Known(**known))
    return context


def read_regions(path: Path, *regions: Any, **changes: Any) -> DamoRecording:
    """A recording of one window with these regions."""
    return read(write(path, record(snapshots=[window(0, list(regions))], **changes)))


def wss(recording: DamoRecording, *percentiles: int) -> list[float]:
    file = io.StringIO()
    WorkingSet(recording, places=Places(percentiles)).render_json(file)
    whole = json.loads(file.getvalue())["targets"][-1]  # of all targets, where there are several
    return [whole["percentiles"][str(percentile)] for percentile in percentiles]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "damon.data"


def test_texts_with_commas_become_the_numbers_that_they_are(path: Path) -> None:
    recording = read(write(path, record()))
    snapshot = recording[39]
    regions = snapshot.regions
    assert len(recording) == 40
    assert regions.start.tolist() == [BASE + number * REGION for number in range(30)]
    assert regions.nr_accesses[27:].tolist() == [20, 19, 18]
    assert regions.age.tolist() == read_ages(moving_band(0, 40)[39])
    assert np.isnan(regions.accessed_bytes).all()
    assert (snapshot.start_ns, snapshot.end_ns) == (4_900_000_000, 5_000_000_000)
    assert snapshot.intervals == Intervals(5_000, 100_000, 1_000_000)
    assert snapshot.nr_samples == NR_SAMPLES
    assert recording.header.ops is Ops.VADDR


@pytest.mark.parametrize("level", [0, 1, 6, 9])
def test_every_level_of_compression_is_read(path: Path, level: int) -> None:
    assert len(read(write(path, record(), pack=lambda text: zlib.compress(text, level)))) == 40


def test_plain_json_is_read(path: Path) -> None:
    assert len(read(write(path, record(), pack=bytes))) == 40


def test_the_form_that_damo_will_write_is_read(path: Path) -> None:
    coming = {
        "damo_record_ver": 1,
        "damo_records": {"damon_records": {"kdamonds": [{}], "record_list": [record()]}},
    }
    path.write_text(json.dumps(coming))
    assert len(read(path)) == 40


def test_text_of_perf_script_is_read_without_its_intervals(path: Path) -> None:
    windows = moving_band(0, 10)
    recording = read(perf_script(path, {0: windows}))
    assert len(recording) == 10
    assert [snapshot.end_ns for snapshot in recording] == [int(one["end_time"]) for one in windows]
    assert recording[0].start_ns == int(windows[0]["start_time"])
    assert recording[3].regions.age.tolist() == read_ages(windows[3])
    assert recording.header.intervals is None
    assert any("shares of 20, the highest count" in note for note in recording.notes)
    told = read(path, sample_us=2_500)
    assert told[0].nr_samples == 40
    assert not any("--sample-us" in note for note in told.notes)


def read_ages(one: dict[str, Any]) -> list[int]:
    return [int(each["age"]["aggr_intervals"]) for each in one["regions"]]


def test_windows_of_two_targets_are_one_snapshot(path: Path) -> None:
    recording = read(write(path, record(0), record(1)))
    snapshot = recording[5]
    assert len(recording) == 40
    assert [target.index for target in snapshot.targets] == [0, 1]
    assert snapshot.regions.target.tolist() == [0] * 30 + [1] * 30
    assert wss(recording, 50) == [2 * size for size in wss(read(write(path, record(0))), 50)]


def test_two_records_of_one_target_id_at_the_same_time_are_two_targets(path: Path) -> None:
    recording = read(write(path, record(0), record(0, snapshots=moving_band(3, 40))))
    assert [target.index for target in recording[0].targets] == [0, 1]
    assert any("target_id 0 is given to 2 series" in note for note in recording.notes)


def test_targets_without_end_are_refused(path: Path) -> None:
    one = moving_band(0, 2, 3)
    many = [record(0, snapshots=one) for _ in range(70)]
    with pytest.raises(RecordError, match=r"damon\.data: has more than"):
        contexts_of(str(write(path, *many)), Known())


def test_primitives_named_twice_are_refused(path: Path) -> None:
    with pytest.raises(RecordError, match=r"damon\.data: names a primitive twice"):
        contexts_of(str(write(path, record(0, x_primitives=["a", "a"]))), Known())


def test_another_source_than_unknown_is_told(path: Path) -> None:
    assert "data source: damon_stat" in read(write(path, record(0, data_source="damon_stat"))).notes


def test_snapshots_in_records_of_their_own_are_one_target(path: Path) -> None:
    series = [
        record(None, scheme_idx=0, snapshots=[one]) | {"kdamond_idx": 0, "context_idx": 0}
        for one in moving_band(0, 5)
    ]
    recording = read(write(path, *series))
    assert len(recording) == 5
    assert {target.index for one in recording for target in one.targets} == {0}
    assert any("scheme 0 was applied to" in note for note in recording.notes)


def test_contexts_become_recordings_of_their_own(path: Path) -> None:
    contexts = contexts_of(
        str(write(path, record(0), record(0, kdamond_idx=1, context_idx=2))), Known()
    )
    assert [context.name for context in contexts] == ["0.0", "1.2"]


def test_percent_becomes_samples_and_time_becomes_windows(path: Path) -> None:
    percent = region(BASE, REGION, 0, 0)
    percent["nr_accesses"] = {"samples": None, "percent": "45 %"}
    percent["age"] = {"usec": "1 s 200 ms", "aggr_intervals": None}
    faint = region(BASE + REGION, REGION, 0, 0)
    faint["nr_accesses"] = {"percent": 0.01}
    recording = read_regions(path, percent, faint)
    assert recording[0].regions.nr_accesses.tolist() == [9, 1]
    assert recording[0].regions.age.tolist() == [12, 0]
    assert "2 regions with percent only: their samples are worked out" in recording.notes
    assert any("1 regions with an age in time only" in note for note in recording.notes)


def test_nothing_but_percent_without_intervals_are_samples_of_a_hundred(path: Path) -> None:
    percent = region(BASE, REGION, 0, 0)
    percent["nr_accesses"] = {"samples": None, "percent": 45}
    recording = read_regions(path, percent, intervals=None)
    assert recording[0].nr_samples == 100
    assert recording[0].regions.nr_accesses.tolist() == [45]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"age": {"usec": None, "aggr_intervals": None}}, "1 regions without an age: 0 stands"),
        ({"age": None}, "1 regions without an age: 0 stands"),
        ({"nr_accesses": {"samples": 21}}, "1 regions with more accesses than samples"),
        ({"probe_hits": [0, 3]}, "1 probe_hits of a region: left out"),
        ({"sz_filter_passed": "4 KiB"}, "1 sz_filter_passed of a region: left out"),
        ({"nr_accesses": None}, "1 regions without nr_accesses: left out"),
        ({"nr_accesses": {"samples": None, "percent": None}}, "1 regions without nr_accesses"),
        ({"end": BASE}, "1 regions without a size: left out"),
        ({"start": BASE + 4 * REGION, "end": BASE + 6 * REGION}, "1 regions that overlap others"),
    ],
)
def test_what_is_missing_or_left_out_is_told(
    path: Path, changes: dict[str, Any], words: str
) -> None:
    changed = region(BASE, REGION, 3, 1) | changes
    recording = read_regions(path, changed, region(BASE + 5 * REGION, REGION, 1, 1))
    assert any(words in note for note in recording.notes), recording.notes
    assert recording[0].notes == recording.notes


def test_regions_of_a_window_are_sorted(path: Path) -> None:
    recording = read_regions(
        path, region(BASE + REGION, REGION, 2, 0), region(BASE, REGION, 1, 0), intervals=INTERVALS
    )
    assert recording[0].regions.nr_accesses.tolist() == [1, 2]


def test_a_window_without_regions_stays_one(path: Path) -> None:
    recording = read(write(path, record(snapshots=[window(0, []), *moving_band(0, 3)[1:]])))
    assert [len(snapshot.regions) for snapshot in recording] == [0, 30, 30]


@pytest.mark.parametrize(
    ("end", "ops"), [(1 << 36, Ops.PADDR), (1 << 46, Ops.PADDR), (BASE, Ops.VADDR)]
)
def test_the_address_space_is_taken_from_the_addresses(path: Path, end: int, ops: Ops) -> None:
    recording = read_regions(path, region(end - REGION, REGION, 1, 0))
    assert recording.header.ops is ops
    assert any(note.startswith(f"taken for {ops}") for note in recording.notes)
    assert recording[0].targets[0].pid == (0 if ops is Ops.PADDR else -1)
    assert read(path, ops=Ops.FVADDR).header.ops is Ops.FVADDR


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "seems to be empty"),
        (b"PERFILE2" + bytes(100), "perf script"),
        (gzip.compress(b"[]", mtime=0), "unpack it first"),
        (zlib.compress(b"[" + b" " * 99)[:-3], "its compressed data end early"),
        (zlib.compress(b"[]") + b"more", "something follows"),
        (zlib.compress(b"[]")[:2] + b"\xff" * 50, "cannot be unpacked"),
        (zlib.compress(b"[]"), "has no snapshot"),
        (zlib.compress(b"\xff["), "no UTF-8"),
        (b"[", "breaks off in the middle"),
        (b"[]]", "expected the end"),
        (b"[1]", "got '1]', expected '{'"),
        (b"[{}]", "without 'target_id'"),
        (b"{}", "it has no 'damo_records'"),
        (b'{"damo_records": {}}', "it has no 'damon_records'"),
        (b'[{"target_id": 0, "snapshots": [{}]}]', "without start_time"),
        (b'[{"target_id": [], "snapshots": []}]', "as target_id"),
        (b'[{"target_id": 0, "intervals": 3, "snapshots": []}]', "as intervals"),
        (b'[{"target_id": 0, "snapshots": [{"regions": [3]}]}]', "as a region"),
        (b'[{"target_id": 0, "snapshots": [{"regions": [{"start": NaN}]}]}]', "expected a value"),
        (b'[{"target_id": 0, "snapshots": [{"regions": [{"start": "x"}]}]}]', "as start"),
        (b'[{"target_id": 0, "snapshots": [{"regions": [{"start": -1}]}]}]', "as start"),
        (b'[{"target_id": 0, "snapshots": [{"start_time": 5, "end_time": 5}]}]', "before its"),
        (b'[{"target_id": 0, "snapshots": [{"start_time": 5, "end_time": 1e30}]}]', "64 bits"),
        (b"[" * 100_000, "expected '{'"),
        (b'[{"x": ' + b"[" * 100_000, "expected a value"),
        (b'[{"x": ' + b"9" * 10_000 + b"}]", "expected a value"),
        (b'[{"x": "' + b"a" * 2_000_000 + b'"}]', "expected a value"),
        (b"a kdamond.0 damon_aggregated: nothing", "has no snapshot"),
    ],
    ids=lambda value: repr(value[:40]),
)
def test_a_damaged_or_hostile_file_is_one_error(path: Path, content: bytes, words: str) -> None:
    path.write_bytes(content)
    with pytest.raises(RecordError, match=r"damon\.data: ") as caught:
        contexts_of(str(path), Known())
    assert words in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_bomb_is_refused_before_it_is_unpacked_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(damo_file, "MAX_TEXT", 1 << 22)
    path.write_bytes(zlib.compress(b"[" + b" " * (1 << 24)))
    with pytest.raises(RecordError, match="unpacks to more than"):
        contexts_of(str(path), Known())


def test_a_directory_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(RecordError) as caught:
        contexts_of(str(tmp_path), Known())
    assert str(caught.value).startswith(f"{tmp_path}: is not a regular file")


@pytest.mark.parametrize("form", ["damo", "json", "perf"])
def test_changed_bytes_are_read_or_refused(path: Path, form: str) -> None:
    windows = moving_band(0, 3, 6)
    if form == "perf":
        perf_script(path, {0: windows, 1: windows})
    else:
        pack = zlib.compress if form == "damo" else bytes
        write(path, record(snapshots=windows), pack=pack)
    content = path.read_bytes()
    rng = random.Random(form)
    nr_refused = 0
    for _ in range(200):
        changed = bytearray(content)
        for _ in range(rng.randint(1, 4)):
            changed[rng.randrange(len(changed))] = rng.choice(b'0129",:-.[]{}xe \n\xff')
        path.write_bytes(changed[: rng.choice([None, rng.randrange(len(changed))])])
        try:
            contexts = contexts_of(str(path), Known())
        except RecordError:
            nr_refused += 1
        else:
            assert all(list(context) for context in contexts)
    assert nr_refused > 10


def test_a_value_cut_by_the_end_of_a_chunk_is_read_whole() -> None:
    text = '{"a": 1234, "b": ["x\\"y", 1.5e3, true, null], "c": {"d": 12}}  '
    for size in range(1, len(text)):
        stream = JsonStream(text[at : at + size] for at in range(0, len(text), size))
        found = {key: stream.value() for key in stream.members()}
        stream.end()
        assert found == json.loads(text)


def test_a_stream_keeps_no_more_than_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "MAX_VALUE", 100)
    stream = JsonStream(iter(['["' + "a" * 50, "a" * 100, "a" * 100, '"]']))
    with pytest.raises(RecordError, match="expected a value"):
        [stream.value() for _ in stream.items()]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 2**65) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["target_id", "intervals", "snapshots", "kdamond_idx", "scheme_idx", "x_pid", "x_primitives"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=KEYS, value=JSON, inner=st.booleans())
def test_whatever_a_record_holds_it_is_read_or_refused(
    tmp_path: Path, key: str, value: Any, inner: bool
) -> None:
    changed = record(0, snapshots=moving_band(0, 2, 5)) | {key: value}
    if inner:
        changed = record(0, snapshots=moving_band(0, 2, 5))
        changed["snapshots"][1]["regions"][2] |= {
            ("start", "age", "nr_accesses", "x_hits")[len(key) % 4]: value
        }
    path = write(tmp_path / "fuzzed", changed, pack=bytes)
    with suppress(RecordError):
        assert [len(list(context)) for context in contexts_of(str(path), Known())]


@pytest.mark.parametrize(
    "changes",
    [
        {"intervals": INTERVALS | {"sample_us": 1, "aggr_us": 2**52}},
        {"x_pid": 2**70, "x_comm": "x" * 10_000, "x_primitives": ["p" * 10_000, 3, None]},
        {"x_ops": ["vaddr"], "x_host": {}, "x_kernel": 7},
    ],
)
def test_numbers_and_texts_beyond_reason_are_bounded(path: Path, changes: dict[str, Any]) -> None:
    huge = region(BASE, REGION, 2**63, 2**63)
    recording = read_regions(path, huge, **changes)
    assert recording[0].regions.nr_accesses[0] <= recording[0].nr_samples < 2**32
    assert recording[0].regions.age[0] == 2**32 - 1
    assert all(len(one.name) < 300 for one in recording.header.primitives)
    assert len(recording[0].targets[0].comm) < 300


def test_times_beyond_all_clocks_are_refused(path: Path) -> None:
    event = "x 1 [0] {}.5: damon:damon_aggregated: target_id=0 nr_regions=1 4096-8192: 1 1\n"
    path.write_text("".join(event.format(seconds) for seconds in (9999999998, 9999999999)))
    with pytest.raises(RecordError, match="within 146 years"):
        contexts_of(str(path), Known())


def test_lost_lines_of_perf_script_are_told(path: Path) -> None:
    lines = perf_script(path, {0: moving_band(0, 4)}).read_text().splitlines(keepends=True)
    path.write_text("# a comment\nLOST 3 events!\n" + "".join(lines[:35] + lines[38:]))
    recording = read(path)
    assert len(recording) == 4
    assert [len(snapshot.regions) for snapshot in recording] == [30, 27, 30, 30]
    assert "1 windows with lost regions" in recording.notes
    assert "1 lines that are not of damon_aggregated: left out" in recording.notes


@pytest.fixture(scope="module")
def of_the_kernel() -> DamoRecording:
    """A recording by in-kernel DAMON: 16 MiB hot of an arena of 64 MiB."""
    if KERNEL is None:
        pytest.skip("needs kernel-damon, a recording that is not part of the sources")
    return read(KERNEL / "damon.data")


def test_a_working_set_of_the_kernel_is_that_of_damo(of_the_kernel: DamoRecording) -> None:
    # damo 3.4.3 report wss --raw_number --exclude_samples 0
    assert wss(of_the_kernel, 0, 25, 50, 75, 100) == [16756736] * 4 + [16769024]


def test_heat_of_the_kernel_is_that_of_damo(of_the_kernel: DamoRecording) -> None:
    arena = Selection(addresses=(AddrRange(0x7FA010C00000, 0x7FA014C00000),))
    grid = heat_grid(Selected(of_the_kernel, arena), nr_rows=5, nr_columns=8, fold=False)
    # damo 3.4.3 report heatmap --output raw --resol 5 8, in hz of samples of 50 ms
    first = [0, 0, 19.7164, 19.7663, 0.0047, 0, 0, 0]
    later = [0, 0, 19.9414, 20, 0, 0, 0, 0]
    expected = np.array([first, later, later, later, later]) * 0.05 * 100
    assert np.allclose(grid.heat, expected, atol=5e-4)


def test_a_window_of_the_kernel_is_as_long_as_it_was(of_the_kernel: DamoRecording) -> None:
    intervals = of_the_kernel[0].intervals
    assert (intervals.aggr_us, intervals.sample_us) == (1_191_277, 59_563)
    assert of_the_kernel.header.intervals == Intervals(50_000, 1_000_000, 2_000_000)
