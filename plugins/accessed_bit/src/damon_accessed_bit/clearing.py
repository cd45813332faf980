"""Clears the accessed bits of processes through /proc/PID/clear_refs."""

from __future__ import annotations

import errno
import os

from ._native import lib


def missing(pid: int | None) -> str:
    """What is missing to clear the bits of ``pid`` (None: of any), in one line, "" if nothing."""
    try:
        os.close(_open(pid or os.getpid()))
    except ProcessLookupError:
        return f"no process {pid}"
    except FileNotFoundError:
        return "no /proc/PID/clear_refs: the kernel needs CONFIG_PROC_PAGE_MONITOR=y"
    except PermissionError:
        return (
            f"/proc/{pid}/clear_refs may not be written: "
            "run as the owner of the process, or with CAP_DAC_OVERRIDE"
        )
    return ""


class ClearRefs:
    """The clear_refs file of one process; stays right when the process runs another program."""

    def __init__(self, pid: int, flush: bool) -> None:
        self._flush = flush
        self._fd = _open(pid)

    def clear(self) -> None:
        """ProcessLookupError if the process has ended; other OSErrors as they come."""
        error = lib.clear_refs(self._fd, self._flush)
        if error:
            raise OSError(-error, f"clear_refs: {os.strerror(-error)}")

    def close(self) -> None:
        """Idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _open(pid: int) -> int:
    try:
        return os.open(f"/proc/{pid}/clear_refs", os.O_WRONLY)
    except FileNotFoundError as error:
        if not os.path.exists(f"/proc/{pid}"):
            raise ProcessLookupError(errno.ESRCH, f"process {pid} has ended") from error
        raise
