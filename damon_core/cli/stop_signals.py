"""Ctrl-C and its kin: the first ends monitoring cleanly, the second at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from ..monitoring import Monitored

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """While active, signals stop the monitoring; ``abandoned`` if it was not waited for."""

    def __init__(self, monitored: Monitored[Any]) -> None:
        self.abandoned = False
        self._monitored = monitored
        self._nr_signals = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if kind is not None and issubclass(kind, _Again):
            self.abandoned = True
            self._monitored.abandon()
            return True
        return False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._nr_signals += 1
        if self._nr_signals > 1:
            raise _Again
        self._monitored.stop()


class _Again(BaseException):
    """A second signal."""
