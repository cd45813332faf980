"""Contexts that are monitored at once, as configured, each by a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from .config import Config
from .errors import DamonError, RunError
from .monitored_context import MonitoredContext
from .rivalry import note_rivals
from .snapshot import Snapshot

Context = TypeVar("Context", bound=MonitoredContext)

Observer = Callable[[MonitoredContext, Snapshot], None]


class Monitored(Generic[Context]):
    """Monitors contexts, one thread each, until all have ended; ``stopping`` once told to stop."""

    def __init__(self, contexts: Sequence[Context]) -> None:
        self.contexts = tuple(contexts)
        self._threads: list[threading.Thread] = []
        self._nr_running = len(self.contexts)
        self._counting = threading.Lock()
        self._on_change: Callable[[], None] = lambda: None
        self.stopping = False
        note_rivals(self.contexts)

    def run(self, duration_us: int | None = None) -> None:
        """Monitor until stopped, out of time, or all targets have ended.

        A context that cannot start ends the others; one that fails later does not.  The first
        error is raised when all have ended; what they recorded is complete by then.
        """
        self.start(duration_us)
        self.finish()

    def start(
        self, duration_us: int | None = None, on_change: Callable[[], None] = lambda: None
    ) -> None:
        """Begin, and return; ``on_change`` is called at :meth:`stop`, and when a context ends.

        RunError if there is no thread to be had.
        """
        self._on_change = on_change
        self._threads = [
            threading.Thread(
                target=self._run_one,
                args=(context, duration_us),
                name=f"damon {context.config.name}".rstrip(),
                daemon=True,
            )
            for context in self.contexts
        ]
        try:
            for thread in self._threads:
                thread.start()
        except RuntimeError as error:
            self.stop()
            for thread in self._threads:
                if thread.ident is not None:
                    thread.join()
            raise RunError(
                f"a thread to monitor in cannot be started ({error}): free memory, or raise the "
                "limit of processes (ulimit -u)"
            ) from error

    @property
    def ended(self) -> bool:
        """Whether all contexts have ended."""
        return self._nr_running == 0

    def finish(self) -> None:
        """Wait until all have ended; raises the first error."""
        for thread in self._threads:
            thread.join()
        errors = [context.error for context in self.contexts if context.error is not None]
        if errors:
            raise errors[0]

    def stop(self) -> None:
        """End all contexts cleanly; from any thread or a signal handler, at any time."""
        self.stopping = True
        for context in self.contexts:
            context.stop()
        self._on_change()

    def abandon(self) -> None:
        """Complete what is recorded with what is there, and wait for nothing."""
        for context in self.contexts:
            with suppress(DamonError):
                context.abandon()

    def _run_one(self, context: Context, duration_us: int | None) -> None:
        context.run(duration_us)
        if context.error is not None and not context.started:
            self.stop()
        with self._counting:
            self._nr_running -= 1
        self._on_change()


class Monitoring(Monitored[MonitoredContext]):
    """Monitors every context of a configuration for its observer alone: nothing is recorded.

    ``on_snapshot`` is called from the monitoring threads.  ConfigError, PrimitiveError: it could
    not be set up.
    """

    def __init__(
        self, config: Config, *, on_snapshot: Observer, command_line: Sequence[str] = ()
    ) -> None:
        super().__init__(
            [
                MonitoredContext(context, on_snapshot=on_snapshot, command_line=command_line)
                for context in config.contexts
            ]
        )
