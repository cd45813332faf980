"""Time as the engine sees it, so that tests can hold it in their hands."""

from __future__ import annotations

import os
import threading
import time
from typing import Protocol

from ._native import lib

_INTERRUPTED = 2


class Clock(Protocol):
    """Nanoseconds on CLOCK_MONOTONIC, a wait that can be woken, and the cost of this thread."""

    def now_ns(self) -> int: ...
    def realtime_ns(self) -> int: ...
    def thread_cpu_ns(self) -> int: ...
    def wait_until(self, deadline_ns: int) -> bool:
        """Wait; False if :meth:`wake` was called before the deadline."""
        ...

    def wake(self) -> None:
        """End the present or the next wait, from any thread or a signal handler."""
        ...

    def close(self) -> None: ...


class MonotonicClock:
    """The machine's clock: absolute deadlines, so ticks do not drift; late by 0.1 ms as a rule."""

    def __init__(self) -> None:
        self._wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._closed = False
        self._closing = threading.RLock()  # a signal handler may wake whoever is closing

    def now_ns(self) -> int:
        return time.monotonic_ns()

    def realtime_ns(self) -> int:
        return time.time_ns()

    def thread_cpu_ns(self) -> int:
        return time.thread_time_ns()

    def wait_until(self, deadline_ns: int) -> bool:
        while True:
            rc: int = lib.damon_wait_until(self._wake_fd, deadline_ns)
            if rc < 0:
                raise OSError(-rc, f"wait for the next sample: {os.strerror(-rc)}")
            if rc != _INTERRUPTED:  # Python runs the signal handler between two calls
                return rc == 0

    def wake(self) -> None:
        with self._closing:
            if not self._closed:
                os.eventfd_write(self._wake_fd, 1)

    def close(self) -> None:
        with self._closing:
            if not self._closed:
                self._closed = True
                os.close(self._wake_fd)


class ManualClock:
    """A clock for tests: a wait jumps to its deadline at once.

    ``tick_cpu_ns`` is the CPU time that each wait pretends to have been preceded by.
    """

    def __init__(self, start_ns: int = 1_000_000_000, tick_cpu_ns: int = 0) -> None:
        self.ns = start_ns
        self.cpu_ns = 0
        self.tick_cpu_ns = tick_cpu_ns
        self.deadlines: list[int] = []
        self._woken = False

    def now_ns(self) -> int:
        return self.ns

    def realtime_ns(self) -> int:
        return 1_700_000_000_000_000_000 + self.ns

    def thread_cpu_ns(self) -> int:
        return self.cpu_ns

    def wait_until(self, deadline_ns: int) -> bool:
        self.deadlines.append(deadline_ns)
        self.cpu_ns += self.tick_cpu_ns
        if self._woken:
            self._woken = False
            return False
        self.ns = max(self.ns, deadline_ns)
        return True

    def wake(self) -> None:
        self._woken = True

    def close(self) -> None:
        pass
