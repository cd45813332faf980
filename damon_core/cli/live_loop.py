"""Monitors while the main thread takes the snapshots, and prints them."""

from __future__ import annotations

import os
import select
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ..errors import RunError
from ..live.frame import block
from ..live.glyphs import Glyphs
from ..live.handover import Handover
from ..live.saving import save_snapshot
from ..live.view import View
from ..live.watch import Seen, Watch
from ..monitoring import Monitored

_MAX_WIDTH = 120


class LiveLoop:
    """Contexts that are monitored, and what is remembered and shown of them."""

    def __init__(self, monitored: Monitored[Any], handover: Handover) -> None:
        self.monitored = monitored
        self.handover = handover
        self._watch_of = {id(context): Watch(context) for context in monitored.contexts}
        self.view = View(
            tuple(self._watch_of.values()),
            Glyphs.of(sys.stdout.encoding),
            stop=monitored.stop,
            save=save_snapshot,
        )

    def take(self) -> list[Seen]:
        """The snapshots that have come since the last call, remembered."""
        taken = self.handover.take()
        for seen in taken:
            self._watch_of[id(seen.context)].take(seen)
        return taken

    def block_of(self, seen: Seen) -> str:
        """A snapshot as a block of text."""
        width = min(_MAX_WIDTH, shutil.get_terminal_size().columns)
        return block(self.view, self._watch_of[id(seen.context)], seen, width)

    def run(self, duration: int | None, once: bool, text_of: Callable[[Seen], str]) -> None:
        """Print each snapshot; ends when nobody reads, or with ``once`` after the first.

        RunError: it ended before there was one.
        """
        printed = False
        self.monitored.start(duration, self.handover.wake)
        going_on = True
        while going_on:
            going_on = not self.monitored.ended
            if going_on:
                select.select([self.handover.wake_fd], [], [])
            for seen in self.take():
                printed = True
                if not self._print(text_of(seen)):
                    break
                if once:
                    seen.context.stop()
        self.monitored.finish()
        if once and not printed:
            raise RunError("there is no snapshot: it ended before the first window did")

    def _print(self, text: str) -> bool:
        """Whether somebody reads; if not, monitoring ends."""
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            self.monitored.stop()
            with suppress(OSError):  # or Python would try again at its end
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, sys.stdout.fileno())
                os.close(null)
            return False
        return True
