"""A recording in progress: contexts monitored as configured, each into a file of its own."""

from __future__ import annotations

import os
from collections.abc import Sequence

from .config import Config, ContextConfig
from .monitoring import Monitored, Observer
from .recorded_context import RecordedContext

DEFAULT_PATH = "out.damon"


class Recording(Monitored[RecordedContext]):
    """Monitors every context of a configuration, and records it.

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
        super().__init__(
            [
                RecordedContext(
                    context,
                    _path_for(context, path, several),
                    on_snapshot=on_snapshot,
                    command_line=command_line,
                )
                for context in config.contexts
            ]
        )


def _path_for(context: ContextConfig, path: str | None, several: bool) -> str:
    if path is None:
        if context.record:
            return context.record.path
        path = DEFAULT_PATH
    if not several:
        return path
    stem, suffix = os.path.splitext(path)
    return f"{stem}.{context.name}{suffix}"
