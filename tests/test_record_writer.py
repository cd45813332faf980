"""The writer: what it refuses at the door, and what is left when it cannot go on."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

from damon_core.errors import RecordError
from damon_core.model import Ops
from damon_core.record import open_record
from damon_core.record_format import PrimitiveInfo, RecordHeader
from damon_core.record_writer import RecordWriteError, RecordWriter
from damon_core.testing.snapshots import T0_NS, differences, made_up_snapshot, random_snapshot

HEADER = RecordHeader(Ops.VADDR, (PrimitiveInfo("accessed_bit", "0.1.0"),), T0_NS)


def test_a_record_gives_back_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "rec.damon"
    snapshots = [random_snapshot(index, 50) for index in range(5)]

    with RecordWriter(path, HEADER) as writer:
        for snapshot in snapshots:
            writer.write(snapshot)

    record = open_record(path)
    assert record.header == HEADER
    assert not record.truncated
    for read, written in zip(record, snapshots, strict=True):
        assert differences(read, written) == []


def test_a_record_of_no_snapshot_and_a_snapshot_of_no_region_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "rec.damon"
    with RecordWriter(path, HEADER):
        pass
    assert len(open_record(path)) == 0

    with RecordWriter(path, HEADER) as writer:
        writer.write(made_up_snapshot(0, [], targets=()))
    (snapshot,) = open_record(path)
    assert len(snapshot.regions) == 0
    assert snapshot.targets == ()


def test_each_snapshot_is_readable_as_soon_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "rec.damon"
    with RecordWriter(path, HEADER) as writer:
        for index in range(3):
            writer.write(random_snapshot(index, 10))
            record = open_record(path)
            assert [snapshot.index for snapshot in record] == list(range(index + 1))
            assert record.truncated


def test_a_killed_writer_leaves_all_its_snapshots(tmp_path: Path) -> None:
    path = tmp_path / "rec.damon"
    script = f"""
import os, signal
from damon_core.record_writer import RecordWriter
from damon_core.record_format import *
from damon_core.testing.snapshots import random_snapshot
header = RecordHeader(Ops.VADDR, (PrimitiveInfo("accessed_bit"),), 0)
writer = RecordWriter({str(path)!r}, header)
for index in range(7):
    writer.write(random_snapshot(index, 100))
os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", script], check=False)
    assert ended.returncode == -signal.SIGKILL

    record = open_record(path)
    assert len(record) == 7
    assert record.truncated
    assert "7 whole snapshots" in str(record.note)


def write_for_ever(writer: RecordWriter) -> None:
    for index in count():
        writer.write(random_snapshot(index, 100))


def test_a_full_disk_keeps_the_snapshots_before_it(tmp_path: Path) -> None:
    path = tmp_path / "rec.damon"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, before[1]))  # as a disk of that size
        with RecordWriter(path, HEADER) as writer:
            with pytest.raises(RecordWriteError, match=r"rec\.damon: File too large.*readable"):
                write_for_ever(writer)
            nr_written = writer.nr_snapshots
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)

    assert nr_written > 2
    record = open_record(path)
    assert [snapshot.index for snapshot in record] == list(range(nr_written))
    assert RecordWriteError.exit_code == 1


def test_a_device_without_space_is_an_error_at_the_first_byte() -> None:
    with pytest.raises(RecordWriteError, match="/dev/full: No space left on device"):
        RecordWriter("/dev/full", HEADER)


def test_recording_and_reading_load_no_library_that_they_do_not_need(tmp_path: Path) -> None:
    script = f"""
import sys
from damon_core.record import open_record
from damon_core.record_format import *
from damon_core.record_writer import RecordWriter
from damon_core.testing.snapshots import random_snapshot
header = RecordHeader(Ops.VADDR, (PrimitiveInfo("a"),), 0)
with RecordWriter({str(tmp_path / "rec.damon")!r}, header) as writer:
    writer.write(random_snapshot(0, 100))
list(open_record(writer.path))
heavy = {{"pandas", "pyarrow.compute", "pyarrow.parquet", "rich", "matplotlib"}}
print(sorted(heavy & sys.modules.keys()))
"""
    ran = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert ran.stdout == "[]\n"


def test_an_older_recording_of_the_same_name_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "rec.damon"
    for nr in (1, 2):
        with RecordWriter(path, HEADER) as writer:
            for index in range(nr):
                writer.write(random_snapshot(index, 10))

    assert len(open_record(path)) == 2
    assert len(open_record(tmp_path / "rec.damon.old")) == 1


def test_a_file_that_is_no_recording_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "thesis.txt"
    path.write_text("precious")
    with pytest.raises(RecordError, match="exists and is not a recording"):
        RecordWriter(path, HEADER)
    assert path.read_text() == "precious"


@pytest.mark.parametrize("name", [".", "missing/rec.damon", "x" * 300, "nul\0byte"])
def test_a_name_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RecordError, match="cannot be written") as caught:
        RecordWriter(tmp_path / name, HEADER)
    assert caught.value.exit_code == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere; run as another user")
def test_a_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RecordError, match="Permission denied"):
        RecordWriter(tmp_path / "rec.damon", HEADER)


def test_closing_twice_is_closing_once(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path / "rec.damon", HEADER)
    writer.close()
    writer.close()
    assert not open_record(writer.path).truncated
    with pytest.raises(RecordError, match="closed"):
        writer.write(random_snapshot(0, 10))


def test_a_snapshot_of_other_primitives_is_refused(tmp_path: Path) -> None:
    with (
        RecordWriter(tmp_path / "rec.damon", HEADER) as writer,
        pytest.raises(ValueError, match="hits of 2 primitives"),
    ):
        writer.write(made_up_snapshot(0, [], "accessed_bit", "page_fault"))


def test_two_primitives_of_one_name_cannot_be_recorded(tmp_path: Path) -> None:
    twice = RecordHeader(Ops.VADDR, (PrimitiveInfo("perf"), PrimitiveInfo("perf")), T0_NS)
    with pytest.raises(RecordError, match="each may be recorded once"):
        RecordWriter(tmp_path / "rec.damon", twice)


def test_the_header_of_this_machine_is_of_now_and_here(tmp_path: Path) -> None:
    header = RecordHeader.of_this_machine(Ops.PADDR, [], config="ops: paddr\n")
    assert header.start_ns > T0_NS
    assert os.uname().release in header.kernel
    with RecordWriter(tmp_path / "rec.damon", header):
        pass
    assert open_record(tmp_path / "rec.damon").header == header
