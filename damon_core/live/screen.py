"""A terminal that is drawn on, and left as it was found."""

from __future__ import annotations

import os
import signal
import termios
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any

from .keys import keys_of
from .line import Line

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"  # other buffer, no cursor, no wrapping
_LEAVE = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"  # shown at once, by terminals that know this

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Screen:
    """Draws on the terminal ``fd``, from the first picture to :meth:`close`, and reads its keys.

    Only lines that have changed are sent.  The terminal's own keys for signals still work, but
    for the one that dumps core.  A suspended program (Ctrl-Z) gives the terminal back meanwhile.
    ``wake`` is called when the size has changed or the program goes on.
    """

    def __init__(self, fd: int, keys_fd: int | None, color: bool, wake: Callable[[], None]) -> None:
        self.fd = fd
        self.keys_fd = keys_fd
        self.suspend_asked = False
        self._color = color
        self._wake = wake
        self._opened = False
        self._stale = True
        self._drawn: list[str] = []
        self._modes: list[Any] | None = None
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Screen:
        self._handlers = {
            number: signal.signal(number, handler)
            for number, handler in (
                (signal.SIGWINCH, self._resized),
                (signal.SIGTSTP, self._suspended),
            )
        }
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Another signal must not interrupt this.
        ignored = {number: signal.signal(number, signal.SIG_IGN) for number in _ENDING}
        self.close()
        for number, handler in (ignored | self._handlers).items():
            signal.signal(number, handler)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines; 80 by 24 where a terminal does not know."""
        with suppress(OSError):
            size = os.get_terminal_size(self.fd)
            if size.columns and size.lines:
                return size.columns, size.lines
        return 80, 24

    def open(self) -> None:
        """Take the terminal over; harmless if it is."""
        if self._opened:
            return
        self._opened = True
        if self.keys_fd is not None:
            with suppress(termios.error):
                self._modes = termios.tcgetattr(self.keys_fd)
                modes = termios.tcgetattr(self.keys_fd)
                modes[3] &= ~(termios.ICANON | termios.ECHO)
                modes[6][termios.VMIN], modes[6][termios.VTIME] = 1, 0
                modes[6][termios.VQUIT] = b"\0"  # disabled
                termios.tcsetattr(self.keys_fd, termios.TCSANOW, modes)
        self._write(_ENTER)
        self._stale = True

    def close(self) -> None:
        """Give the terminal back; harmless if it is not ours."""
        if not self._opened:
            return
        self._write(_LEAVE)
        if self.keys_fd is not None and self._modes is not None:
            with suppress(termios.error):
                termios.tcsetattr(self.keys_fd, termios.TCSANOW, self._modes)
        self._opened = False

    def draw(self, lines: list[Line]) -> None:
        """Show lines, from the top; the first call takes the terminal over."""
        self.open()
        if self._stale:
            self._stale = False
            self._drawn = []
        columns, _ = self.size
        # At the last column, the code that clears the rest would clear that column.
        painted = [
            line.painted(self._color) + ("\x1b[K" if line.width < columns else "") for line in lines
        ]
        out = [] if self._drawn else ["\x1b[0m\x1b[2J"]
        for number, line in enumerate(painted):
            if number >= len(self._drawn) or self._drawn[number] != line:
                out.append(f"\x1b[{number + 1};1H{line}")
        if len(painted) < len(self._drawn):
            out.append(f"\x1b[{len(painted) + 1};1H\x1b[J")
        self._drawn = painted
        if out:
            self._write("".join([_BEGIN, *out, _END]))

    def read_keys(self) -> list[str]:
        """What was typed since the last call; to be called when ``keys_fd`` is readable."""
        if self.keys_fd is None:
            return []
        try:
            typed = os.read(self.keys_fd, 4096)
        except OSError:
            typed = b""
        if not typed:  # the terminal has gone: nobody types any more
            self.keys_fd = None
        return keys_of(typed)

    def suspend(self) -> None:
        """Stop as Ctrl-Z asks for, with the terminal as it was found, and go on later."""
        self.suspend_asked = False
        self.close()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._suspended)
        self.open()

    def _write(self, text: str) -> None:
        rest = memoryview(text.encode(errors="replace"))
        with suppress(OSError):  # a terminal that has gone ends no monitoring
            while rest:
                rest = rest[os.write(self.fd, rest) :]

    def _resized(self, number: int, frame: FrameType | None) -> None:
        self._stale = True
        self._wake()

    def _suspended(self, number: int, frame: FrameType | None) -> None:
        self.suspend_asked = True
        self._wake()
