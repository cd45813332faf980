"""The record format: what its columns and its metadata are (docs/reference/record-format.md)."""

from __future__ import annotations

import json
import os
import platform
import time
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any, TypeVar
from zlib import crc32

import pyarrow as pa  # type: ignore[import-untyped]
from attrs import frozen

from .errors import DamonError, RecordError
from .model import Intervals, Ops
from .record_names import TargetNames
from .snapshot import SourceState, TargetState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cattrs import Converter

FORMAT = b"damon-record"
VERSION = 1
"""Grows when an older reader would misread the file; new keys of the metadata need no new one."""

FORMAT_KEY = b"damon.format"
VERSION_KEY = b"damon.version"
HEADER_KEY = b"damon.header"
SNAPSHOT_KEY = b"damon.snapshot"
NAMES_KEY = b"damon.names"
CRC_KEY = b"damon.crc32"

MAX_REGIONS = 2**22
"""Regions in one snapshot; a reader takes a larger number for damage."""

_COLUMNS = (
    ("start", pa.uint64(), False),
    ("end", pa.uint64(), False),
    ("nr_accesses", pa.uint32(), False),
    ("age", pa.uint32(), False),
    ("target", pa.uint32(), False),
    ("pid", pa.int32(), False),
    ("accessed_bytes", pa.float64(), True),
)
NR_COLUMNS = len(_COLUMNS)
"""Columns of every record; the hits follow, one column a primitive."""

TABLE_FACTS = ("snapshot", "start_ns", "end_ns", "nr_samples")
"""Columns in front of those of the regions in a table of all snapshots."""

_NOT_FACTS = (DamonError, ValueError, TypeError, LookupError, AttributeError, RecursionError)

T = TypeVar("T")


@frozen
class PrimitiveInfo:
    """A primitive as it was when the recording began; ``mechanism`` may be "" (not yet chosen)."""

    name: str
    version: str = ""
    mechanism: str = ""


@frozen
class RecordOrigin:
    """The file of samples from which a recording was imported, and what it says of itself.

    ``clock``: how the times of day are known.
    """

    path: str
    events: tuple[str, ...] = ()
    tool: str = ""
    command_line: tuple[str, ...] = ()
    cpu: str = ""
    clock: str = ""


@frozen
class RecordHeader:
    """What is true of a whole recording.

    ``start_ns``: CLOCK_REALTIME.  ``intervals``: as asked, None for automatic ones.  ``config``:
    the YAML that was run.  ``context``: its name, where a configuration has several.  ``origin``:
    None of what was monitored as it happened.
    """

    ops: Ops
    primitives: tuple[PrimitiveInfo, ...]
    start_ns: int
    page_size: int = 4096
    host: str = ""
    kernel: str = ""
    intervals: Intervals | None = None
    config: str = ""
    command_line: tuple[str, ...] = ()
    context: str = ""
    damon_version: str = ""
    origin: RecordOrigin | None = None

    @property
    def machine(self) -> str:
        """Host and kernel, as far as they are known."""
        kernel = f"Linux {self.kernel}" if self.kernel else ""
        return ", ".join(filter(None, (self.host, kernel)))

    @classmethod
    def of_this_machine(
        cls,
        ops: Ops,
        primitives: Sequence[PrimitiveInfo],
        *,
        intervals: Intervals | None = None,
        config: str = "",
        command_line: Sequence[str] = (),
        context: str = "",
    ) -> RecordHeader:
        """The header of a recording that begins now, here."""
        return cls(
            ops=ops,
            primitives=tuple(primitives),
            start_ns=time.time_ns(),
            page_size=os.sysconf("SC_PAGE_SIZE"),
            host=platform.node(),
            kernel=f"{platform.release()} {platform.machine()}",
            intervals=intervals,
            config=config,
            command_line=tuple(command_line),
            context=context,
            damon_version=metadata.version("damon-core"),
        )


@frozen
class SnapshotFacts:
    """What is true of one snapshot, besides its regions; fields as in ``damon_core.snapshot``."""

    index: int
    start_ns: int
    end_ns: int
    intervals: Intervals
    nr_samples: int
    targets: tuple[TargetState, ...]
    sources: tuple[SourceState, ...]
    cpu_ns: int = 0
    nr_late: int = 0
    notes: tuple[str, ...] = ()


@frozen
class NamesFacts:
    """Names of mappings that were seen first, or changed, in the window of a snapshot."""

    targets: tuple[TargetNames, ...]


def schema_of(header: RecordHeader) -> pa.Schema:
    """The Arrow schema of a recording, its header in the metadata."""
    names = [primitive.name for primitive in header.primitives]
    if len(set(names)) != len(names):
        raise RecordError(f"primitives {names}: each may be recorded once")
    fields = [pa.field(name, kind, nullable) for name, kind, nullable in _COLUMNS]
    fields += [pa.field(f"hits.{name}", pa.uint64(), nullable=False) for name in names]
    text = to_json(header)
    return pa.schema(
        fields,
        metadata={
            FORMAT_KEY: FORMAT,
            VERSION_KEY: str(VERSION).encode(),
            HEADER_KEY: text,
            CRC_KEY: checksum_text(crc32(text)),
        },
    )


def table_schema(schema: pa.Schema) -> pa.Schema:
    """The schema of a table of all regions: those of a recording, after those of its snapshots."""
    front = [pa.field(name, pa.int64(), nullable=False) for name in TABLE_FACTS]
    return pa.schema([*front, *schema], metadata=schema.metadata)


def header_of(schema: pa.Schema) -> RecordHeader:
    """The header in an Arrow schema; RecordError says why there is none."""
    found: Mapping[bytes, bytes] = schema.metadata or {}
    if found.get(FORMAT_KEY) != FORMAT:
        raise RecordError("is an Arrow stream, but not a recording of damon")
    version = found.get(VERSION_KEY, b"")
    if version != str(VERSION).encode():
        shown = version[:20].decode("ascii", "replace") or "none"
        raise RecordError(
            f"has record version {shown}, this damon reads version {VERSION}: "
            "use the damon that wrote it, or a newer one"
        )
    text = found.get(HEADER_KEY, b"")
    if found.get(CRC_KEY) != checksum_text(crc32(text)):
        raise RecordError("is damaged: the checksum of its header is wrong")
    try:
        header = from_json(RecordHeader, text)
    except RecordError as error:
        raise RecordError(f"is damaged: {error}") from error
    if not schema.equals(schema_of(header)):
        raise RecordError("is damaged: its columns are not those of a recording")
    return header


def checksum_text(checksum: int) -> bytes:
    """A CRC-32 as the metadata carry it: eight hexadecimal digits."""
    return b"%08x" % checksum


def to_json(facts: RecordHeader | SnapshotFacts | NamesFacts) -> bytes:
    """The text of facts in the metadata."""
    return json.dumps(_converter().unstructure(facts), separators=(",", ":")).encode()


def from_json(kind: type[T], text: bytes) -> T:
    """Facts from untrusted text; RecordError if they are not what they must be."""
    try:
        return _converter().structure(json.loads(text), kind)
    except _NOT_FACTS as error:
        raise RecordError(f"its {kind.__name__} cannot be read") from error


@cache
def _converter() -> Converter:
    """JSON to attrs and back; a number or text is taken as it is or refused, never converted."""
    from cattrs import Converter

    converter = Converter(detailed_validation=False)
    converter.register_structure_hook(str, _exactly)
    converter.register_structure_hook(bool, _exactly)
    converter.register_structure_hook(int, _bounded)
    converter.register_structure_hook(Ops, lambda value, _: Ops(value))  # a str, to cattrs
    return converter


def _exactly(value: Any, kind: type[T]) -> T:
    if type(value) is not kind:
        raise TypeError(f"{value!r} is not of type {kind.__name__}")
    return value


def _bounded(value: Any, kind: type[int]) -> int:
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise TypeError(f"{value!r} is no number of 64 bits")
    return value
