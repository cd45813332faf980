"""Writes a recording: whatever happens to the writer, the snapshots so far stay readable."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

from .errors import RecordError
from .record_batch import snapshot_to_message
from .record_format import schema_of
from .record_frames import CONTINUATION, END_OF_STREAM

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from .record_format import RecordHeader
    from .record_names import Names
    from .snapshot import Snapshot


class RecordWriteError(RecordError):
    """A recording that started well and could not be continued; what it has stays readable."""

    exit_code = 1


class RecordWriter:
    """An open recording; each ``write`` hands one whole snapshot to the kernel.

    An existing recording of that name is kept as NAME.old; a file that is no recording is not
    touched: RecordError, as for a directory or a name that cannot be written.  ``names`` has it
    record what is mapped where in the targets.
    """

    def __init__(
        self, path: str | Path, header: RecordHeader, *, names: Names | None = None
    ) -> None:
        self.path = os.fspath(path)
        self.header = header
        self._names = names
        self.nr_snapshots = 0
        self._schema = schema_of(header)
        self._fd = _open_new(self.path)
        self._size = 0
        try:
            self._append(self._schema.serialize().to_pybytes())
        except BaseException:
            self._close_fd()
            raise

    def __enter__(self) -> RecordWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            with contextlib.suppress(RecordError):
                self.close()

    def write(self, snapshot: Snapshot) -> None:
        """Record a snapshot; RecordWriteError (disk full) leaves those before it readable."""
        names = self._names.changed(snapshot) if self._names else ()
        self._append(snapshot_to_message(snapshot, self._schema, names))
        self.nr_snapshots += 1

    def close(self) -> None:
        """Mark the end and close; calling it again does nothing."""
        if self._fd < 0:
            return
        try:
            self._append(END_OF_STREAM)
        finally:
            self._close_fd()

    def _append(self, data: bytes) -> None:
        """All of ``data``, or nothing of it: a reader finds whole messages only."""
        if self._fd < 0:
            raise RecordWriteError(f"{self.path}: the recording is closed")
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError as error:
            with contextlib.suppress(OSError):  # a pipe cannot take back what it got
                os.ftruncate(self._fd, self._size)
                os.lseek(self._fd, self._size, os.SEEK_SET)
            raise RecordWriteError(
                f"{self.path}: {error.strerror} while writing snapshot {self.nr_snapshots}; "
                f"the {self.nr_snapshots} before it are on disk and readable"
            ) from error
        self._size += len(data)

    def _close_fd(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def _open_new(path: str) -> int:
    """A file descriptor to write the recording to; RecordError if the name cannot be used."""
    try:
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISREG(os.stat(path).st_mode):
                _keep_old(path)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY, 0o644)
    except (OSError, ValueError) as error:
        raise RecordError(
            f"{path}: cannot be written ({getattr(error, 'strerror', None) or error}): "
            "give the name of a new file in a directory that exists and is yours"
        ) from error


def _keep_old(path: str) -> None:
    with open(path, "rb") as file:
        start = file.read(len(CONTINUATION))
    if start == CONTINUATION:
        os.replace(path, f"{path}.old")
    elif start:
        raise RecordError(f"{path}: exists and is not a recording: give another name, or remove it")
