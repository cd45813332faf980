"""A file without a name, for what does not fit into memory."""

from __future__ import annotations

import os
import tempfile
from typing import IO

from ..errors import RunError


class Spool:
    """Bytes that are appended, and read again; gone once it is closed.  RunError: no room."""

    def __init__(self) -> None:
        try:
            self._file: IO[bytes] = tempfile.TemporaryFile(prefix="damon-import-")  # noqa: SIM115
        except OSError as error:
            raise _no_room(error) from error
        self.size = 0

    @property
    def closed(self) -> bool:
        return self._file.closed

    def append(self, content: bytes | memoryview) -> int:
        """Where it begins."""
        try:
            self._file.write(content)
        except OSError as error:
            raise _no_room(error) from error
        self.size += len(content)
        return self.size - len(content)

    def read(self, at: int, size: int) -> bytes:
        """At most so many bytes from a place on."""
        self.flush()
        return os.pread(self._file.fileno(), size, at)

    def flush(self) -> None:
        """Hand all to the kernel."""
        try:
            self._file.flush()
        except OSError as error:
            raise _no_room(error) from error

    def fd(self) -> int:
        """A descriptor of its own for what is in it, which outlives it."""
        self.flush()
        return os.dup(self._file.fileno())

    def close(self) -> None:
        """Remove it; harmless a second time."""
        try:
            self._file.close()
        except OSError as error:  # what is left to be written is of no use any more
            raise _no_room(error) from error


def _no_room(error: OSError) -> RunError:
    return RunError(
        f"{tempfile.gettempdir()}: {error.strerror}, where samples have to wait (about 64 bytes "
        "each): set TMPDIR to a directory with room"
    )
