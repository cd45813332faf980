"""All regions of a recording as one table: CSV or Parquet, a row a region and snapshot."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa  # type: ignore[import-untyped]

from ..record_batch import snapshot_to_rows
from ..record_format import schema_of, table_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .recorded import Recorded

_ROWS = 1 << 17
"""Rows of a group in Parquet, about: few enough to keep, and enough to compress well."""


def write_csv(recorded: Recorded, file: IO[bytes]) -> list[str]:
    """A line of names, and a line a region; what is not known is left empty."""
    from pyarrow import csv

    schema = table_schema(schema_of(recorded.header))
    with csv.CSVWriter(file, schema) as writer:
        for batch in _batches(recorded, schema):
            writer.write(batch)
    return []


def write_parquet(recorded: Recorded, file: IO[bytes]) -> list[str]:
    """Compressed with zstd; the header of the recording is in the metadata."""
    from pyarrow import parquet

    schema = table_schema(schema_of(recorded.header))
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        waiting: list[Any] = []
        for batch in _batches(recorded, schema):
            waiting.append(batch)
            if sum(map(len, waiting)) >= _ROWS:
                writer.write_table(pa.Table.from_batches(waiting, schema=schema))
                waiting = []
        writer.write_table(pa.Table.from_batches(waiting, schema=schema))
    return []


def _batches(recorded: Recorded, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    return (snapshot_to_rows(snapshot, schema) for snapshot in recorded)
