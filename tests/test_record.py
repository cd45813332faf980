"""The reader: it gives what Arrow gives, and survives whatever a file may hold."""

from __future__ import annotations

import io
import json
import os
import random
from pathlib import Path
from zlib import compress, crc32

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]
import pytest
from attrs import fields
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from damon_core.errors import RecordError
from damon_core.model import Intervals, Ops
from damon_core.record import Record, open_record
from damon_core.record_batch import facts_of
from damon_core.record_format import (
    PrimitiveInfo,
    RecordHeader,
    SnapshotFacts,
    from_json,
    schema_of,
    to_json,
)
from damon_core.record_writer import RecordWriter
from damon_core.snapshot import Snapshot, SourceState
from damon_core.testing.snapshots import T0_NS, differences, made_up_snapshot, random_snapshot

HEADER = RecordHeader(
    Ops.VADDR,
    (PrimitiveInfo("accessed_bit", "0.1.0", "bpf"), PrimitiveInfo("perf_pmu")),
    T0_NS,
    host="box",
    intervals=Intervals(),
    config="ops: vaddr\n",
    command_line=("damon", "record", "-p", "4321"),
)
ROWS = [
    (0x1000, 0x5000, 3, 7, 0, 4321, 4096.0),
    (0x5000, 0x9000, 0, 2, 0, 4321, float("nan")),
    (0x2000, 0x3000, 10, 1, 1, 4322, 0.0),
]
SNAPSHOTS = [made_up_snapshot(index, ROWS, "accessed_bit", "perf_pmu") for index in range(3)]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("record") / "rec.damon"
    with RecordWriter(path, HEADER) as writer:
        for snapshot in SNAPSHOTS:
            writer.write(snapshot)
    return path


@pytest.fixture(scope="module")
def content(path: Path) -> bytes:
    return path.read_bytes()


def read_back(path: Path, content: bytes) -> tuple[Record, list[Snapshot]]:
    path.write_bytes(content)
    record = open_record(path)
    return record, list(record)


def test_snapshots_are_indexed_from_both_ends(path: Path) -> None:
    record = open_record(path)
    assert [record[number].index for number in (0, 2, -1, -3)] == [0, 2, 2, 0]
    with pytest.raises(IndexError, match="no snapshot 3 among 3"):
        record[3]


def test_a_record_can_be_read_twice_at_a_time(path: Path) -> None:
    record = open_record(path)
    pairs = zip(record, record, strict=True)
    assert [(one.index, other.index) for one, other in pairs] == [(0, 0), (1, 1), (2, 2)]


def test_any_arrow_tool_opens_a_record(path: Path) -> None:
    table = pa.ipc.open_stream(path).read_all()
    assert table.column_names == [
        *("start", "end", "nr_accesses", "age", "target", "pid", "accessed_bytes"),
        *("hits.accessed_bit", "hits.perf_pmu"),
    ]
    assert table["start"].to_pylist() == [row[0] for row in ROWS] * 3
    assert table["accessed_bytes"].to_pylist() == [4096.0, None, 0.0] * 3
    assert json.loads(table.schema.metadata[b"damon.header"])["host"] == "box"


def test_the_table_says_of_which_snapshot_each_region_is(path: Path) -> None:
    table = open_record(path).to_table()
    assert table["snapshot"].to_pylist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert table["end_ns"].to_pylist()[::3] == [snapshot.end_ns for snapshot in SNAPSHOTS]
    assert table["hits.perf_pmu"].to_pylist() == [3, 0, 10] * 3


def test_pandas_gets_the_same_table(path: Path) -> None:
    pytest.importorskip("pandas", reason="needs pandas: pip install pandas")
    frame = open_record(path).to_pandas()
    assert frame["nr_accesses"].tolist() == [3, 0, 10] * 3
    assert frame["accessed_bytes"].isna().sum() == 3


@pytest.mark.slow
def test_polars_gets_the_same_table(path: Path) -> None:
    pytest.importorskip("polars", reason="needs polars: pip install polars")
    frame = open_record(path).to_polars()
    assert frame["nr_accesses"].to_list() == [3, 0, 10] * 3
    assert frame["accessed_bytes"].null_count() == 3


def test_tables_have_what_rates_are_computed_from(path: Path) -> None:
    table = open_record(path).to_table()
    assert table["nr_samples"].to_pylist() == [SNAPSHOTS[0].nr_samples] * 9


def test_a_record_cut_at_any_byte_is_cut_or_an_error(tmp_path: Path, content: bytes) -> None:
    cut = tmp_path / "cut.damon"
    header_size = schema_of(HEADER).serialize().size
    most = len(SNAPSHOTS)
    cut.write_bytes(content)
    for size in reversed(range(len(content))):
        os.truncate(cut, size)
        if size < header_size:
            with pytest.raises(RecordError, match=r"is empty|ends inside its header"):
                open_record(cut)
            continue
        record = open_record(cut)
        snapshots = list(record)
        assert record.truncated
        assert len(snapshots) in (most, most - 1)
        most = len(snapshots)
        for read, written in zip(snapshots, SNAPSHOTS, strict=False):
            assert differences(read, written) == []
    assert most == 0


def check_damaged(path: Path, damaged: bytes) -> None:
    """Damage is found, or did not matter: what is read is what was written, perhaps less of it."""
    try:
        record, snapshots = read_back(path, damaged)
    except RecordError:
        return
    assert record.header == HEADER
    assert record.truncated or len(snapshots) == len(SNAPSHOTS)
    for read, written in zip(snapshots, SNAPSHOTS, strict=False):
        assert differences(read, written) == []


def test_no_single_bit_can_change_what_is_read(tmp_path: Path, content: bytes) -> None:
    flipped = tmp_path / "flipped.damon"
    for bit in random.Random(1).sample(range(len(content) * 8), 1500):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        check_damaged(flipped, bytes(damaged))


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_rewritten_part_can_change_what_is_read(
    tmp_path: Path, content: bytes, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(content) - 1))
    part = data.draw(st.binary(min_size=1, max_size=16) | st.sampled_from(_NASTY))
    gap = data.draw(st.integers(0, 8))
    check_damaged(tmp_path / "patched.damon", content[:start] + part + content[start + gap :])


_NASTY = [number.to_bytes(8, "little") for number in (2**31 - 1, 2**40, 2**62, 2**63, 2**64 - 1)]


def forge(path: Path, old: str, new: str) -> None:
    """A recording written by somebody else after the documentation, with wrong facts in it."""
    right = to_json(facts_of(SNAPSHOTS[0])).decode()
    assert old in right
    facts = right.replace(old, new, 1).encode()
    schema = schema_of(HEADER)
    with pa.ipc.new_stream(path, schema) as writer:
        writer.write_batch(
            pa.record_batch([[]] * len(schema), schema=schema),
            custom_metadata={"damon.snapshot": facts, "damon.crc32": f"{crc32(facts):08x}"},
        )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"nr_samples":10', '"nr_samples":00'),
        ('"nr_samples":10', '"nr_samples":-1'),
        ('"nr_samples":10', '"nr_sampled":10'),
        ('"pid":4321', '"pid":"43"'),
        ('"pid":4321', '"pid":null'),
        ('"pid":4321', '"pid":[[]]'),
        ('"alive":true', '"alive":1e99'),
        ('"comm":"toucher"', '"comm":123456789'),
        ('"sample_us":20000', '"sample_us":99e99'),
        ('"sample_us":20000', '"sample_us":-2000'),
        ('"sources":[', '"xources":['),
    ],
)
def test_forged_metadata_with_a_right_checksum_are_refused(
    tmp_path: Path, old: str, new: str
) -> None:
    forge(tmp_path / "rec.damon", old, new)
    with pytest.raises(RecordError, match="damaged in snapshot 0"):
        list(open_record(tmp_path / "rec.damon"))


def test_a_recording_written_by_others_is_read(tmp_path: Path) -> None:
    forge(tmp_path / "rec.damon", '"comm":"toucher"', '"comm":"other","new_in_1.1":[null]')
    (snapshot,) = open_record(tmp_path / "rec.damon")
    assert snapshot.targets[0].comm == "other"


def test_every_field_of_a_snapshot_is_recorded() -> None:
    recorded = {fact.name for fact in fields(SnapshotFacts)}
    assert recorded == {fact.name for fact in fields(Snapshot)} - {"regions"}


def test_a_source_of_a_recording_that_does_not_know_of_charges_has_charged_nothing() -> None:
    facts = SnapshotFacts(0, 0, 1, Intervals(), 1, (), (SourceState("eyes", target_cpu_ns=7),))
    assert from_json(SnapshotFacts, to_json(facts)).sources[0].target_cpu_ns == 7
    old = to_json(facts).replace(b',"target_cpu_ns":7', b"")
    assert b"target_cpu_ns" not in old
    assert from_json(SnapshotFacts, old).sources[0].target_cpu_ns == 0


def test_the_error_of_a_damaged_snapshot_says_how_to_keep_the_others(
    tmp_path: Path, content: bytes
) -> None:
    damaged = bytearray(content)
    damaged[content.rindex(b"toucher")] ^= 1
    with pytest.raises(RecordError, match=r"snapshot 2: .*; keep the 2 before it") as caught:
        read_back(tmp_path / "rec.damon", bytes(damaged))
    size = int(str(caught.value).split("head -c ")[1].split()[0])
    _, snapshots = read_back(tmp_path / "kept.damon", content[:size])
    assert len(snapshots) == 2


def test_a_claim_of_huge_buffers_allocates_nothing(tmp_path: Path, content: bytes) -> None:
    # The eight bytes before each packed buffer say how much Arrow is to allocate for it.
    frame_at = content.index(b"damon.snapshot")
    body_at = content.index(b"\x28\xb5\x2f\xfd", frame_at) - 8
    before = pa.total_allocated_bytes()
    forged = content[:body_at] + (2**40).to_bytes(8, "little") + content[body_at + 8 :]
    with pytest.raises(RecordError, match="lengths contradict"):
        read_back(tmp_path / "huge.damon", forged)
    assert pa.default_memory_pool().max_memory() < 2**30
    assert pa.total_allocated_bytes() <= before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\xff\xff", "ends inside its header"),
        (b"\0" * 100, "nothing but zero bytes"),
        (b"PERFILE2" + b"\0" * 100, "perf.data"),
        (compress(b'[{"target_id": 0}]'), "recordings of damo"),
        (b'[{"kdamond_idx": 0}]', "JSON text"),
        (b"kdamond.0 1 [0] 1.2: damon:damon_aggregated: target_id=0", "perf script"),
        (b"ops: vaddr\ntargets:\n", "damon record FILE"),
        (b"Dear reader,\n", "to be text"),
        (b"\x7fELF" + bytes(60), "a program"),
        (random.Random(2).randbytes(1000), "no kind that damon knows"),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        read_back(tmp_path / "other", content)


def test_other_files_of_arrow_are_named(tmp_path: Path) -> None:
    table = pa.table({"start": [1]})
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(RecordError, match="an Arrow stream, but not a recording"):
        read_back(tmp_path / "stream", stream.getvalue())
    with pa.ipc.new_file(tmp_path / "file", table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(RecordError, match="an Arrow file"):
        open_record(tmp_path / "file")
    pa.parquet.write_table(table, tmp_path / "parquet")
    with pytest.raises(RecordError, match="a Parquet file"):
        open_record(tmp_path / "parquet")


def test_a_record_of_another_version_says_which(tmp_path: Path) -> None:
    schema = schema_of(HEADER)
    newer = schema.with_metadata({**schema.metadata, b"damon.version": b"2"})
    with pytest.raises(RecordError, match="version 2, this damon reads version 1"):
        read_back(tmp_path / "newer", newer.serialize().to_pybytes())


@pytest.mark.parametrize(
    ("name", "message"),
    [(".", "is a directory"), ("missing", "No such file"), ("nul\0byte", "null")],
)
def test_a_name_that_is_no_file_is_refused(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        open_record(tmp_path / name)


def test_a_device_is_refused_and_not_waited_for() -> None:
    with pytest.raises(RecordError, match="not a regular file"):
        open_record("/dev/zero")


@pytest.mark.parametrize(
    "rows",
    [
        [(0x5000, 0x1000, 0, 0, 0, 1, 0.0)],
        [(0x1000, 0x3000, 0, 0, 0, 1, 0.0), (0x2000, 0x4000, 0, 0, 0, 1, 0.0)],
        [(0x1000, 0x3000, 0, 0, 1, 1, 0.0), (0x4000, 0x5000, 0, 0, 0, 1, 0.0)],
    ],
)
def test_regions_that_cannot_be_are_refused(tmp_path: Path, rows: list[tuple[float, ...]]) -> None:
    path = tmp_path / "rec.damon"
    with RecordWriter(path, HEADER) as writer:
        writer.write(made_up_snapshot(0, rows, "accessed_bit", "perf_pmu"))
    with pytest.raises(RecordError, match=r"a region that ends|overlap or are not sorted"):
        list(open_record(path))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 200), max_size=4), st.integers(0, 2**32))
def test_any_number_of_regions_comes_back(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], seed: int
) -> None:
    path = tmp_path_factory.mktemp("any") / "rec.damon"
    snapshots = [random_snapshot(index, size, seed) for index, size in enumerate(sizes)]
    with RecordWriter(path, RecordHeader(Ops.VADDR, (PrimitiveInfo("one"),), T0_NS)) as writer:
        for snapshot in snapshots:
            writer.write(snapshot)
    for read, written in zip(open_record(path), snapshots, strict=True):
        assert differences(read, written) == []
