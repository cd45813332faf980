"""Recordings in the formats of others: damo's, tables, traces.

``FORMATS`` are their names; what writes each is imported at first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import IO, TYPE_CHECKING

from attrs import frozen

from ..errors import RecordError
from ..spelling import did_you_mean

if TYPE_CHECKING:
    from .recorded import Recorded


@frozen
class Format:
    """A format by name; ``suffix``: of files that nobody gives a name."""

    name: str
    suffix: str
    words: str
    is_text: bool
    _writer: str

    def write(self, recorded: Recorded, file: IO[bytes]) -> list[str]:
        """Write a recording that has snapshots; a line for each thing the format cannot say."""
        module, _, name = self._writer.partition(":")
        notes: list[str] = getattr(import_module(f".{module}", __name__), name)(recorded, file)
        return notes


FORMATS = {
    one.name: one
    for one in (
        Format("damo", ".data", "json_compressed of damo", False, "damo_writer:write_compressed"),
        Format("damo-json", ".json", "plain JSON of damo", True, "damo_writer:write_json"),
        Format("damo-perf", ".perf.txt", "perf_script of damo", True, "damo_writer:write_perf"),
        Format("csv", ".csv", "CSV, a line a region", True, "tables:write_csv"),
        Format("parquet", ".parquet", "Parquet, a row a region", False, "tables:write_parquet"),
        Format("perfetto", ".perfetto.json", "trace events", True, "perfetto:write_perfetto"),
        Format("damon", ".damon", "a recording of damon", False, "ours:write_damon"),
    )
}


def format_of(path: str) -> Format:
    """The format that a file has by its name; RecordError if no format has such a suffix."""
    found = split_suffix(path)[1]
    if found is not None:
        return found
    suffixes = [one.suffix for one in FORMATS.values()]
    suffix = "." + path.rpartition(".")[2]
    raise RecordError(
        f"{path}: no format has this suffix, there are {', '.join(suffixes)}"
        f"{did_you_mean(suffix, suffixes)}"
    )


def split_suffix(path: str) -> tuple[str, Format | None]:
    """A path without the suffix of its format, and that format, if there is one."""
    for one in sorted(FORMATS.values(), key=lambda one: len(one.suffix), reverse=True):
        if path.endswith(one.suffix):
            return path.removesuffix(one.suffix), one
    return path, None
