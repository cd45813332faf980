"""A recording read from another format, as one of ours."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from ..record_batch import snapshot_to_message
from ..record_format import schema_of
from ..record_frames import END_OF_STREAM

if TYPE_CHECKING:
    from .recorded import Recorded


def write_damon(recorded: Recorded, file: IO[bytes]) -> list[str]:
    """The stream that ``damon record`` writes; names of mappings are not in it."""
    schema = schema_of(recorded.header)
    file.write(schema.serialize().to_pybytes())
    for snapshot in recorded:
        file.write(snapshot_to_message(snapshot, schema))
    file.write(END_OF_STREAM)
    return []
