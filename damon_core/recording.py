"""A recording in progress: contexts monitored as configured, each into a file of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from .config import Config, ContextConfig
from .errors import DamonError
from .recorded_context import RecordedContext
from .rivalry import note_rivals
from .snapshot import Snapshot

DEFAULT_PATH = "out.damon"

Observer = Callable[[RecordedContext, Snapshot], None]


class Recording:
    """Monitors every context of a configuration, one thread each, until all have ended.

    ``path`` overrides the contexts' own.  ``on_snapshot`` is called from the monitoring threads,
    after the snapshot has been written.  ConfigError, PrimitiveError: it could not be set up.
    """

    def __init__(
        self,
        config: Config,
        *,
        path: str | None = None,
        on_snapshot: Observer = lambda context, snapshot: None,
        command_line: Sequence[str] = (),
    ) -> None:
        several = len(config.contexts) > 1
        self._stopping = False
        self._abandoned = threading.Event()
        self.contexts = tuple(
            RecordedContext(
                context,
                _path_for(context, path, several),
                on_snapshot=on_snapshot,
                command_line=command_line,
            )
            for context in config.contexts
        )
        note_rivals(self.contexts)

    def run(self, duration_us: int | None = None) -> None:
        """Monitor until stopped, out of time, or all targets have ended.

        A context that cannot start ends the others; one that fails later does not.  The first
        error is raised when all have ended; their files are complete by then.
        """
        threads = [
            threading.Thread(
                target=self._run_one, args=(context, duration_us), name=f"damon {context.path}"
            )
            for context in self.contexts
        ]
        for thread in threads:
            thread.daemon = True
            thread.start()
        for thread in threads:
            thread.join()
        errors = [context.error for context in self.contexts if context.error is not None]
        if errors:
            raise errors[0]

    def stop(self) -> None:
        """End all contexts cleanly; from any thread or a signal handler, at any time."""
        for context in self.contexts:
            context.stop()

    def abandon(self) -> None:
        """Complete the files with what is in them, and wait for nothing."""
        for context in self.contexts:
            with suppress(DamonError):
                context.abandon()

    def _run_one(self, context: RecordedContext, duration_us: int | None) -> None:
        context.run(duration_us)
        if context.error is not None and not context.started:
            self.stop()


def _path_for(context: ContextConfig, path: str | None, several: bool) -> str:
    if path is None:
        if context.record:
            return context.record.path
        path = DEFAULT_PATH
    if not several:
        return path
    stem, suffix = os.path.splitext(path)
    return f"{stem}.{context.name}{suffix}"
