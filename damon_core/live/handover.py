"""Hands snapshots from monitoring threads to the thread that draws, without ever waiting for it."""

from __future__ import annotations

import os
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from .watch import Seen

if TYPE_CHECKING:
    from ..monitored_context import MonitoredContext
    from ..snapshot import Snapshot

_NR_WAITING = 64


class Handover:
    """A short queue; when nobody takes from it, the oldest snapshots are dropped and counted.

    ``wake_fd`` is readable when there is something to take, or after :meth:`wake`.
    ``first_only``: just the first snapshot of each context is wanted, however late it is taken.
    """

    def __init__(self, *, first_only: bool = False) -> None:
        self.nr_dropped = 0
        self._first_only = first_only
        self._offered: set[int] = set()
        self.wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._lock = threading.Lock()
        self._waiting: deque[Seen] = deque()

    def offer(self, context: MonitoredContext, snapshot: Snapshot) -> None:
        """Called by monitoring threads."""
        seen = Seen.of(context, snapshot)
        with self._lock:
            if self._first_only and id(context) in self._offered:
                return
            self._offered.add(id(context))
            if len(self._waiting) == _NR_WAITING:
                self._waiting.popleft()
                self.nr_dropped += 1
            self._waiting.append(seen)
        self.wake()

    def wake(self) -> None:
        """Have the taker look; from any thread or a signal handler."""
        if self.wake_fd >= 0:
            os.eventfd_write(self.wake_fd, 1)

    def take(self) -> list[Seen]:
        """All that waits, oldest first."""
        with suppress(BlockingIOError):
            os.eventfd_read(self.wake_fd)
        with self._lock:
            waiting, self._waiting = list(self._waiting), deque()
        return waiting

    def close(self) -> None:
        """After the last thread that offers has ended."""
        fd, self.wake_fd = self.wake_fd, -1
        if fd >= 0:
            os.close(fd)
