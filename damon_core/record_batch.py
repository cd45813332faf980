"""One snapshot as one message of the stream: columns of regions, the rest in the metadata."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
from attrs import fields

from .errors import RecordError
from .record_format import (
    CRC_KEY,
    MAX_REGIONS,
    NAMES_KEY,
    NR_COLUMNS,
    SNAPSHOT_KEY,
    NamesFacts,
    SnapshotFacts,
    checksum_text,
    from_json,
    to_json,
)
from .record_frames import check_batch
from .snapshot import Snapshot, SnapshotRegions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .record_names import TargetNames

# Threads of Arrow cost a monitor memory, and a snapshot is too small to gain from them.
_WRITE = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", 1), use_threads=False)
_READ = pa.ipc.IpcReadOptions(use_threads=False)

_FACTS = tuple(fact.name for fact in fields(SnapshotFacts))


def snapshot_to_message(
    snapshot: Snapshot, schema: pa.Schema, names: Sequence[TargetNames] = ()
) -> bytes:
    """The bytes that record a snapshot; ValueError if it has other primitives than the schema."""
    regions = snapshot.regions
    if len(regions) > MAX_REGIONS:
        raise RecordError(f"a snapshot of {len(regions)} regions: at most {MAX_REGIONS} fit")
    if len(regions.hits) != len(schema) - NR_COLUMNS:
        raise ValueError(f"hits of {len(regions.hits)} primitives for the columns {schema.names}")
    columns = _columns_of(regions)
    batch = pa.RecordBatch.from_arrays([_to_arrow(column) for column in columns], schema=schema)
    metadata = {SNAPSHOT_KEY: to_json(facts_of(snapshot))}
    if names:
        metadata[NAMES_KEY] = to_json(NamesFacts(tuple(names)))
    metadata[CRC_KEY] = _checksum(metadata, columns)
    sink = BytesIO()
    # Not closed: that would add the end mark.  The schema it starts with is in the file already.
    pa.ipc.new_stream(sink, schema, options=_WRITE).write_batch(batch, custom_metadata=metadata)
    return sink.getvalue()[schema.serialize().size :]


def snapshot_to_rows(snapshot: Snapshot, schema: pa.Schema) -> pa.RecordBatch:
    """The regions of a snapshot as rows of a table of all snapshots, of that ``table_schema``."""
    regions = snapshot.regions
    facts = (snapshot.index, snapshot.start_ns, snapshot.end_ns, snapshot.nr_samples)
    front = [pa.repeat(pa.scalar(value, pa.int64()), len(regions)) for value in facts]
    columns = [_to_arrow(column) for column in _columns_of(regions)]
    return pa.RecordBatch.from_arrays([*front, *columns], schema=schema)


def message_to_batch(
    message: bytes, metadata_size: int, schema: pa.Schema, schema_message: bytes
) -> tuple[pa.RecordBatch, dict[bytes, bytes]]:
    """Arrow's view of an untrusted message, checked; RecordError if it is not sound."""
    check_batch(message, metadata_size, len(schema), MAX_REGIONS)
    try:
        stream = pa.ipc.open_stream(pa.py_buffer(schema_message + message), options=_READ)
        batch, metadata = stream.read_next_batch_with_custom_metadata()
        batch.validate(full=True)
    except (pa.ArrowException, OSError, ValueError, TypeError, LookupError, StopIteration) as error:
        raise RecordError("Arrow cannot unpack it") from error
    if any(column.null_count for column in batch.columns if column.type != pa.float64()):
        raise RecordError("an empty value where none may be")
    if any(column.offset for column in batch.columns):
        raise RecordError("a column that begins in the middle")
    return batch, dict(metadata or {})


def batch_to_snapshot(batch: pa.RecordBatch, metadata: dict[bytes, bytes]) -> Snapshot:
    """The snapshot in a batch; RecordError if the checksum or the regions are wrong."""
    columns = [_from_arrow(column) for column in batch.columns]
    if metadata.get(CRC_KEY) != _checksum(metadata, columns):
        raise RecordError("its checksum is wrong")
    facts = from_json(SnapshotFacts, metadata.get(SNAPSHOT_KEY, b""))
    start, end, nr_accesses, age, target, pid, accessed_bytes = columns[:NR_COLUMNS]
    hits = columns[NR_COLUMNS:]
    regions = SnapshotRegions(
        start=start,
        end=end,
        nr_accesses=nr_accesses,
        age=age,
        target=target,
        pid=pid,
        hits=np.stack(hits) if hits else np.zeros((0, len(start)), np.uint64),
        accessed_bytes=accessed_bytes,
    )
    _check_regions(regions)
    if len(facts.sources) != len(hits) or facts.nr_samples < 1 or facts.intervals.aggr_us < 1:
        raise RecordError("its metadata do not fit its regions")
    return Snapshot(regions=regions, **{name: getattr(facts, name) for name in _FACTS})


def _columns_of(regions: SnapshotRegions) -> list[np.ndarray]:
    accessed = np.array(regions.accessed_bytes, np.float64)
    accessed[np.isnan(accessed)] = np.nan  # one bit pattern, as the checksum sees bits
    plain = (
        (regions.start, np.uint64),
        (regions.end, np.uint64),
        (regions.nr_accesses, np.uint32),
        (regions.age, np.uint32),
        (regions.target, np.uint32),
        (regions.pid, np.int32),
    )
    columns = [np.ascontiguousarray(values, kind) for values, kind in plain]
    return [*columns, accessed, *np.ascontiguousarray(regions.hits, np.uint64)]


def names_in(metadata: Mapping[bytes, bytes]) -> tuple[TargetNames, ...]:
    """The names of mappings in the metadata of a batch whose checksum was found right."""
    text = metadata.get(NAMES_KEY)
    return from_json(NamesFacts, text).targets if text else ()


def facts_of(snapshot: Snapshot) -> SnapshotFacts:
    """All of a snapshot but its regions."""
    return SnapshotFacts(**{name: getattr(snapshot, name) for name in _FACTS})


def _to_arrow(column: np.ndarray) -> pa.Array:
    """A column, not copied; null where it is NaN."""
    # pa.array() and to_numpy() would import pandas where it is installed: 40 MiB for nothing.
    validity = None
    if column.dtype == np.float64 and (unknown := np.isnan(column)).any():
        validity = pa.py_buffer(np.packbits(~unknown, bitorder="little"))
    kind = pa.from_numpy_dtype(column.dtype)
    return pa.Array.from_buffers(kind, len(column), [validity, pa.py_buffer(column)])


def _from_arrow(column: pa.Array) -> np.ndarray:
    """A validated column of fixed width, not copied unless it has nulls; NaN where it is null."""
    validity, values = column.buffers()
    # to_pandas_dtype() needs pandas up to pyarrow 25.
    kind = np.dtype(str(column.type).replace("double", "float64"))
    result = np.frombuffer(values or b"", kind, len(column))
    if not column.null_count:
        return result
    known = np.unpackbits(np.frombuffer(validity, np.uint8), count=len(column), bitorder="little")
    return np.where(known, result, np.nan)


def _checksum(metadata: Mapping[bytes, bytes], columns: Sequence[np.ndarray]) -> bytes:
    checksum = crc32(metadata.get(NAMES_KEY, b""), crc32(metadata.get(SNAPSHOT_KEY, b"")))
    for column in columns:
        checksum = crc32(column.data, checksum)
    return checksum_text(checksum)


def _check_regions(regions: SnapshotRegions) -> None:
    if (regions.start >= regions.end).any():
        raise RecordError("a region that ends before it starts")
    same_target = regions.target[1:] == regions.target[:-1]
    overlaps = same_target & (regions.start[1:] < regions.end[:-1])
    if np.isinf(regions.accessed_bytes).any() or (regions.accessed_bytes < 0).any():
        raise RecordError("accessed bytes that no region can have")
    if overlaps.any() or (regions.target[1:] < regions.target[:-1]).any():
        raise RecordError("regions that overlap or are not sorted")
