"""Keeps what is printed while the screen is drawn on, to be shown when it is not any more."""

from __future__ import annotations

import fcntl
import os
import tempfile
from types import TracebackType
from typing import IO

_MAX_KEPT = 1 << 20
_MAX_SHOWN = 1 << 13


class KeptOutput:
    """While active, standard output and error go to a file where they would go to a terminal.

    So does the output of the command that is monitored, and of libraries.  Of much of it
    the beginning is given up, and ``nr_dropped`` says about how many bytes.
    """

    def __init__(self) -> None:
        self.nr_dropped = 0
        self._file: IO[bytes] | None = None
        self._tail = b""
        self._saved: dict[int, int] = {}

    def __enter__(self) -> KeptOutput:
        self._file = tempfile.TemporaryFile()
        file_fd = self._file.fileno()
        # Appending, so that the file can be cut under those that write to it.
        flags = fcntl.fcntl(file_fd, fcntl.F_GETFL)
        fcntl.fcntl(file_fd, fcntl.F_SETFL, flags | os.O_APPEND)
        for fd in (1, 2):
            if os.isatty(fd):
                self._saved[fd] = os.dup(fd)
                os.dup2(file_fd, fd)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for fd, saved in self._saved.items():
            os.dup2(saved, fd)
            os.close(saved)
        self._saved = {}

    def trim(self) -> None:
        """Give up what is too much; to be called now and then."""
        assert self._file is not None
        if os.fstat(self._file.fileno()).st_size > _MAX_KEPT:
            self._tail = self._read_tail(self._file)
            os.ftruncate(self._file.fileno(), 0)

    def take(self) -> str:
        """What was kept; afterwards nothing is."""
        if self._file is None:
            return ""
        with self._file as file:
            text = self._read_tail(file).decode(errors="replace")
        self._file = None
        if not self.nr_dropped:
            return text
        return f"(about {self.nr_dropped} bytes before this were not kept)\n{text}"

    def _read_tail(self, file: IO[bytes]) -> bytes:
        """The last of all that was printed; what is before it is counted as dropped."""
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _MAX_SHOWN))
        tail = (self._tail + file.read())[-_MAX_SHOWN:]
        self.nr_dropped += len(self._tail) + size - len(tail)
        return tail
