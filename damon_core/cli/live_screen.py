"""Draws the live view on a terminal while contexts are monitored."""

from __future__ import annotations

import os
import select
import sys
import time
from contextlib import ExitStack

from ..live.frame import frame
from ..live.kept_output import KeptOutput
from ..live.screen import Screen
from .live_loop import LiveLoop

_LEAST_PAUSE_S = 0.2
"""Between two pictures, so that they can be read, and drawing stays cheap."""

_GLANCE_S = 0.1


class LiveScreen:
    """The view of a loop, drawn for each snapshot and each key."""

    def __init__(self, loop: LiveLoop, *, color: bool) -> None:
        self._loop = loop
        self._view = loop.view
        self._color = color
        self._began_s = time.monotonic()
        self._began_cpu_s = time.thread_time()
        self._drawn_s = 0.0
        self._changed = True

    def run(self, duration: int | None) -> None:
        """Draw until monitoring ends; then leave the last snapshot on the terminal."""
        kept = KeptOutput()
        with ExitStack() as stack:
            terminal = os.dup(sys.stdout.fileno())
            stack.callback(os.close, terminal)
            keys = _open_keys(stack)
            stack.enter_context(kept)
            wake = self._loop.handover.wake
            screen = stack.enter_context(Screen(terminal, keys, self._color, wake))
            self._loop.monitored.start(duration, wake)
            while not self._loop.monitored.ended:
                self._wait(screen)
                self._draw(screen, kept)
            self._loop.take()
        last = self._view.watch.seen
        if last is not None:
            sys.stdout.write(self._loop.block_of(last))
            sys.stdout.flush()
        if text := kept.take():
            sys.stderr.write(f"printed meanwhile:\n{text.rstrip()}\n")
        self._loop.monitored.finish()

    @property
    def _begun(self) -> bool:
        # Before that, errors are still possible, which need no picture.
        return any(watch.context.started for watch in self._view.watches)

    def _wait(self, screen: Screen) -> None:
        """Until there is a snapshot, a key, or the time for the next picture."""
        timeout_s = None
        if not self._drawn_s:
            timeout_s = _GLANCE_S
        elif self._changed:
            timeout_s = max(0.0, self._drawn_s + _LEAST_PAUSE_S - time.monotonic())
        fds = [self._loop.handover.wake_fd]
        if screen.keys_fd is not None:
            fds.append(screen.keys_fd)
        ready, _, _ = select.select(fds, [], [], timeout_s)
        self._changed = self._changed or bool(ready)
        self._loop.take()
        if screen.keys_fd in ready:
            for key in screen.read_keys():
                self._view.press(key)
            self._drawn_s = min(self._drawn_s, time.monotonic() - _LEAST_PAUSE_S)
        if screen.suspend_asked:
            screen.suspend()

    def _draw(self, screen: Screen, kept: KeptOutput) -> None:
        now_s = time.monotonic()
        if not self._begun or not self._changed or now_s - self._drawn_s < _LEAST_PAUSE_S:
            return
        view = self._view
        view.stopping = self._loop.monitored.stopping
        view.cpu_share = (time.thread_time() - self._began_cpu_s) / max(0.1, now_s - self._began_s)
        screen.draw(frame(view, *screen.size))
        view.count_drawn()
        kept.trim()
        self._drawn_s, self._changed = now_s, False


def _open_keys(stack: ExitStack) -> int | None:
    """The terminal that keys come from; None if there is none."""
    if os.isatty(0):
        return 0
    try:
        fd = os.open("/dev/tty", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    stack.callback(os.close, fd)
    return fd
