"""Recordings: any bytes are snapshots that reports can show, or an error in words.

python fuzz/py/record.py [SECONDS [FILE]]
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from _harness import as_file, fuzz

from damon_core.errors import RecordError
from damon_core.model import Intervals, Ops
from damon_core.record import open_record
from damon_core.record_format import PrimitiveInfo, RecordHeader
from damon_core.record_names import NamedRange, TargetNames
from damon_core.record_writer import RecordWriter
from damon_core.snapshot import Snapshot
from damon_core.testing.snapshots import T0_NS, random_snapshot


class Names:
    """Names in the first snapshot."""

    def changed(self, snapshot: Snapshot) -> tuple[TargetNames, ...]:
        names = TargetNames(0, (NamedRange(0x1000, 0x2000, "[heap]"),))
        return () if snapshot.index else (names,)


def check(content: bytes) -> None:
    with as_file(content) as (_, path):
        try:
            record = open_record(path)
            for snapshot in record:
                assert len(snapshot.regions.start) == len(snapshot.regions)
            assert len(record) >= 0
            assert (record.note is None) != record.truncated
            if len(record):
                record.names()
        except RecordError as error:
            assert str(error).startswith(path), str(error)


def seeds() -> list[bytes]:
    header = RecordHeader(
        Ops.VADDR,
        (PrimitiveInfo("accessed_bit", "0.1.0", "bpf"),),
        T0_NS,
        host="box",
        intervals=Intervals(),
    )
    made = []
    with tempfile.TemporaryDirectory() as folder:
        for nr_snapshots, nr_regions in ((0, 0), (1, 0), (2, 3), (5, 20)):
            path = Path(folder, "seed.damon")
            with RecordWriter(path, header, names=Names()) as writer:  # type: ignore[arg-type]
                for index in range(nr_snapshots):
                    writer.write(random_snapshot(index, nr_regions))
            made.append(path.read_bytes())
            path.unlink()
    return [*made, made[-1][:-100]]


if __name__ == "__main__":
    fuzz("record", check, seeds())
