"""Runs ``damon`` in forks that have everything imported, so that one costs little.

Each line in and out is JSON; see _monitors.py.
"""

from __future__ import annotations

import json
import mmap
import os
import select
import signal
import sys
from typing import Any

import _faults

import damon_accessed_bit.bpf
import damon_accessed_bit.plugin
import damon_page_fault.injection
import damon_page_fault.plugin
import damon_page_fault.wp_async
from damon_core import recording
from damon_core.cli import main, monitoring_options, progress, record, stop_signals

IMPORTED = (
    *(damon_accessed_bit.bpf, damon_accessed_bit.plugin, damon_page_fault.injection),
    *(damon_page_fault.plugin, damon_page_fault.wp_async, recording, progress, record),
    *(monitoring_options, stop_signals),
)


def run(seconds: float, arguments: list[str], said: str, fault: list[int] | None) -> dict[str, Any]:
    shared = mmap.mmap(-1, 4)
    monitor = os.fork()
    if not monitor:
        _be_monitor(arguments, said, fault, shared)
    pidfd = os.pidfd_open(monitor)
    seen = _faults.Seen()
    if fault is None:
        select.select([pidfd], [], [], seconds)
    else:
        seen = _supervise(pidfd, _faults.Fault(*fault), seconds, shared)
    os.close(pidfd)
    os.kill(monitor, signal.SIGKILL)
    _, status = os.waitpid(monitor, 0)
    return {
        "status": None
        if os.WTERMSIG(status) == signal.SIGKILL
        else os.waitstatus_to_exitcode(status),
        "calls": seen.calls,
        "failed_in": seen.failed_in,
    }


def _be_monitor(
    arguments: list[str], said: str, fault: list[int] | None, shared: mmap.mmap
) -> None:
    fd = os.open(said or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(fd, 1)
    if said:
        os.dup2(fd, 2)
    if fault is not None:
        # by memory: any system call from here on may be one that waits for its supervisor
        shared[:] = _faults.supervise_me(fault[0]).to_bytes(4, "little")
    status = 1
    try:
        status = main(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _supervise(pidfd: int, fault: _faults.Fault, seconds: float, shared: mmap.mmap) -> _faults.Seen:
    while not (fd := int.from_bytes(shared[:], "little")):
        if select.select([pidfd], [], [], 0.001)[0]:
            return _faults.Seen()
    listener = _faults.take_fd(pidfd, fd)
    try:
        return _faults.supervise(listener, pidfd, fault, seconds)
    finally:
        os.close(listener)


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(run(*json.loads(line))), flush=True)
