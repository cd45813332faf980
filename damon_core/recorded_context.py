"""One context that is being monitored into a file."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress

from .config import ContextConfig
from .monitored_context import MonitoredContext
from .record_writer import RecordWriter
from .snapshot import Snapshot


class RecordedContext(MonitoredContext):
    """A context with its file, which is made once monitoring can begin.

    Observers are called after the snapshot has been written.
    """

    def __init__(
        self,
        config: ContextConfig,
        path: str,
        *,
        on_snapshot: Callable[[MonitoredContext, Snapshot], None],
        command_line: Sequence[str],
    ) -> None:
        super().__init__(config, on_snapshot=on_snapshot, command_line=command_line)
        self.path = path
        self._writer: RecordWriter | None = None

    def abandon(self) -> None:
        """Complete the file now, and kill the commands that were started."""
        super().abandon()
        if self._writer is not None:
            self._writer.close()

    def _begin(self) -> None:
        self._writer = RecordWriter(self.path, self.header(), names=self._names)
        super()._begin()

    def _keep(self, snapshot: Snapshot) -> None:
        assert self._writer is not None  # made before the first sample
        self._writer.write(snapshot)

    def _finish(self) -> None:
        assert self._writer is not None
        try:
            self._writer.close()
        except Exception as error:
            self.error = self.error or error
        if self.error is not None and not self._writer.nr_snapshots:
            _remove_file(self.path)


def _remove_file(path: str) -> None:
    # A failed start leaves nothing behind; what is no file (a pipe, /dev/full) stays.
    with suppress(OSError):
        if stat.S_ISREG(os.lstat(path).st_mode):
            os.unlink(path)
