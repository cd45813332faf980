"""How far a long recording has been read: one line on a terminal, gone when the report comes."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")

_FIRST_S = 0.3
_INTERVAL_S = 0.2


class Reading:
    """Counts what is read of ``nr`` snapshots; silent where standard error is no terminal."""

    def __init__(self, path: str, nr: int) -> None:
        self._path, self._nr = path, nr
        self._next_s = time.monotonic() + _FIRST_S
        self._drawn = False
        self._live = sys.stderr.isatty()

    def watch(self, snapshots: Iterable[T]) -> Iterator[T]:
        """The same, while it is told how many there were."""
        for number, snapshot in enumerate(snapshots):
            if self._live and not number % 64 and time.monotonic() >= self._next_s:
                self._draw(number)
            yield snapshot
        self.erase()

    def erase(self) -> None:
        """Leave the line as if nothing had been there."""
        if self._drawn:
            self._write("\r\x1b[K")
            self._drawn = False

    def _draw(self, number: int) -> None:
        from ...report.text import printable

        self._next_s = time.monotonic() + _INTERVAL_S
        self._write(f"\r\x1b[K{printable(self._path)}: read {number:,} of {self._nr:,} snapshots")
        self._drawn = True

    def _write(self, text: str) -> None:
        with suppress(OSError, ValueError):  # a closed terminal ends no report
            sys.stderr.write(text)
            sys.stderr.flush()
