"""Reads a recording, one snapshot at a time, and trusts nothing in it."""

from __future__ import annotations

import os
import stat
from array import array
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa  # type: ignore[import-untyped]
from attrs import define, field, frozen

from .errors import RecordError
from .file_kind import kind_of
from .record_batch import batch_to_snapshot, message_to_batch, names_in, snapshot_to_rows
from .record_format import NAMES_KEY, RecordHeader, header_of, table_schema
from .record_frames import CONTINUATION, End, Frame, read_frame

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from .record_names import TargetNames
    from .report.grid import HeatGrid
    from .report.outline import Snapshots
    from .report.page import Page
    from .report.selection import Selection
    from .report.sizes import SizesOverTime
    from .snapshot import Snapshot

_HEAD = 4096


def open_record(path: str | Path) -> Record:
    """Open a recording: iterate it for its snapshots, or index it.

    RecordError if it is none, of another version, or damaged.  One whose writer was killed is no
    error: it has its whole snapshots, and ``truncated`` says so.
    """
    name = os.fspath(path)
    with _naming(name), _opened(name) as (fd, size):
        frame = _first_frame(fd, size)
        message = os.pread(fd, frame.end, 0)
        try:
            schema = pa.ipc.read_schema(pa.py_buffer(message))
        except (pa.ArrowException, OSError, ValueError, TypeError, LookupError) as error:
            raise RecordError("is damaged: its header cannot be read") from error
        return Record(name, header_of(schema), schema, message)


@frozen
class _Index:
    """Where the messages of the snapshots lie; ``end`` is where they end, ``cut`` if by no mark.

    ``named``: numbers of the snapshots with names of mappings.
    """

    offsets: array[int]
    metadata_sizes: array[int]
    named: array[int]
    end: int
    cut: bool

    def end_of(self, number: int) -> int:
        return self.offsets[number + 1] if number + 1 < len(self.offsets) else self.end


@define(eq=False)
class Record:
    """A recording on disk; opened anew by each reading, so that there is nothing to close."""

    path: str
    header: RecordHeader
    schema: pa.Schema = field(repr=False)
    _schema_message: bytes = field(repr=False)

    def __len__(self) -> int:
        """How many whole snapshots it has."""
        return len(self._index.offsets)

    def __iter__(self) -> Iterator[Snapshot]:
        """The snapshots from the first to the last; only one is in memory at a time."""
        for _, snapshot in self._read(range(len(self))):
            yield snapshot

    def __getitem__(self, number: int) -> Snapshot:
        """The snapshot of that number in the file, from 0; negative ones count from the end."""
        position = number + len(self) if number < 0 else number
        if not 0 <= position < len(self):
            raise IndexError(f"{self.path}: no snapshot {number} among {len(self)}")
        ((_, snapshot),) = self._read([position])
        return snapshot

    def names(self, number: int = -1) -> tuple[TargetNames, ...]:
        """What was mapped where in the targets by the time of a snapshot, as far as recorded."""
        last = number + len(self) if number < 0 else number
        known: dict[int, TargetNames] = {}
        for metadata, _ in self._read([named for named in self._index.named if named <= last]):
            known.update((names.target, names) for names in names_in(metadata))
        return tuple(known.values())

    @property
    def truncated(self) -> bool:
        """True if the end mark is missing: the writer was killed, or is still writing."""
        return self._index.cut

    @property
    def note(self) -> str | None:
        """One line for the user about a truncated recording, or None."""
        if not self.truncated:
            return None
        return (
            f"{self.path}: breaks off after {len(self)} whole snapshots "
            "(its writer was stopped hard, or is still writing)"
        )

    def to_table(self) -> pa.Table:
        """All regions as one Arrow table, with facts of their snapshot in front."""
        schema = table_schema(self.schema)
        batches = [snapshot_to_rows(snapshot, schema) for snapshot in self]
        return pa.Table.from_batches(batches, schema=schema)

    def to_pandas(self) -> Any:
        """``to_table`` as a pandas DataFrame; needs pandas."""
        return self.to_table().to_pandas()

    def to_polars(self) -> Any:
        """``to_table`` as a polars DataFrame; needs polars."""
        from importlib import import_module

        return import_module("polars").from_arrow(self.to_table())

    def heatmap(
        self,
        *,
        target: int | None = None,
        measure: str = "samples",
        nr_rows: int = 600,
        nr_columns: int = 400,
        selection: Selection | None = None,
        fold: bool = True,
    ) -> HeatGrid:
        """Heat by time and address: arrays, and by ``figure()`` a picture, as in a notebook.

        At most ``nr_rows`` of time and ``nr_columns`` of addresses.  ``target``: its index, by
        default the hottest.  ``measure``: "samples" (% of samples with an access), "bytes" (% of
        bytes accessed in a sampling interval), or a primitive (its reports per second and MiB).
        ``selection``: of what, by default all.  ``fold``: narrow what was never accessed.
        RecordError if the recording has no snapshot, LookupError if there is no such thing in it.
        """
        from .report.grid import heat_grid

        return heat_grid(
            self._selected(selection),
            nr_rows=nr_rows,
            nr_columns=nr_columns,
            target=target,
            fold=fold,
            measure=measure,
            least=max(1, nr_columns // 80),
            names=self.names(),
        )

    def wss(
        self,
        *,
        by_region: bool = False,
        acc_thres: int = 1,
        selection: Selection | None = None,
    ) -> SizesOverTime:
        """Working set, monitored and resident bytes by target and snapshot, as arrays.

        ``by_region``, ``acc_thres``: as for ``damon report wss``.  ``figure()`` draws them, as a
        notebook does.  RecordError if the recording has no snapshot.
        """
        from .report.sizes import sizes_over_time
        from .report.use_rule import UseRule

        return sizes_over_time(self._selected(selection), rule=UseRule(by_region, acc_thres))

    def page(self, *, selection: Selection | None = None) -> Page:
        """All targets by all measures, on one page of HTML to zoom into, as in a notebook.

        RecordError if the recording has no snapshot, LookupError if none has a region.
        """
        from pathlib import Path

        from .report.page import page_of

        return page_of(
            self._selected(selection),
            self.names(),
            title=f"Heatmap of {Path(self.path).name}",
            about=self.header.machine,
        )

    def _selected(self, selection: Selection | None) -> Snapshots:
        from .report.selected import Selected

        if not len(self):
            raise RecordError(f"{self.path}: has no snapshot")
        return Selected(self, selection) if selection else self

    @cached_property
    def _index(self) -> _Index:
        with _naming(self.path), _opened(self.path) as (fd, size):
            return _index_of(fd, size, len(self._schema_message))

    def _read(self, numbers: Iterable[int]) -> Iterator[tuple[dict[bytes, bytes], Snapshot]]:
        index = self._index
        with _naming(self.path), _opened(self.path) as (fd, _):
            for number in numbers:
                offset = index.offsets[number]
                message = os.pread(fd, index.end_of(number) - offset, offset)
                try:
                    batch, metadata = message_to_batch(
                        message, index.metadata_sizes[number], self.schema, self._schema_message
                    )
                    snapshot = batch_to_snapshot(batch, metadata)
                except RecordError as error:
                    raise RecordError(
                        f"is damaged in snapshot {number}: {error}; keep the {number} before it "
                        f"with: head -c {offset} {self.path}"
                    ) from error
                yield metadata, snapshot


def _first_frame(fd: int, size: int) -> Frame:
    head = os.pread(fd, _HEAD, 0)
    if not head:
        raise RecordError("is empty")
    if not head.startswith(CONTINUATION[: len(head)]):
        raise RecordError(f"is not a recording of damon; it seems to be {kind_of(head)}")
    frame = read_frame(fd, 0, size)
    if isinstance(frame, End):
        raise RecordError(f"ends inside its header, after {size} bytes: it has no snapshots")
    if not frame.is_schema or frame.body_size:
        raise RecordError("is not a recording of damon: it does not begin with a header")
    return frame


def _index_of(fd: int, size: int, position: int) -> _Index:
    offsets, metadata_sizes, named = array("Q"), array("Q"), array("Q")
    while isinstance(frame := read_frame(fd, position, size, NAMES_KEY), Frame):
        if frame.is_schema:
            raise RecordError(f"is damaged at byte {position}: a second header")
        if frame.marked:
            named.append(len(offsets))
        offsets.append(position)
        metadata_sizes.append(frame.metadata_size)
        position = frame.end
    return _Index(offsets, metadata_sizes, named, position, cut=frame is End.CUT)


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Errors inside begin with the path."""
    try:
        yield
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from error


@contextmanager
def _opened(path: str) -> Iterator[tuple[int, int]]:
    """File descriptor and size of a regular file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        raise RecordError(
            f"cannot be read ({getattr(error, 'strerror', None) or error})"
        ) from error
    try:
        status = os.fstat(fd)
        if stat.S_ISDIR(status.st_mode):
            raise RecordError("is a directory, not a recording")
        if not stat.S_ISREG(status.st_mode):
            raise RecordError("is not a regular file: save the recording to one first")
        yield fd, status.st_size
    finally:
        os.close(fd)
