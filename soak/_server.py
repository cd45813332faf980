"""Monitors to be killed: each is forked with everything imported, so that one costs little.

A line of JSON in, ``[seconds, [argument, ...]]``, runs ``damon`` with these arguments, killed after
so many seconds; a line out, ``killed`` or the status with which it had ended before.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys

import damon_accessed_bit.bpf
import damon_accessed_bit.plugin
import damon_page_fault.injection
import damon_page_fault.plugin
import damon_page_fault.wp_async
from damon_core import recording
from damon_core.cli import main, progress, record, record_options, stop_signals

IMPORTED = (
    *(damon_accessed_bit.bpf, damon_accessed_bit.plugin, damon_page_fault.injection),
    *(damon_page_fault.plugin, damon_page_fault.wp_async, recording, progress, record),
    *(record_options, stop_signals),
)


def run(seconds: float, arguments: list[str]) -> str:
    monitor = os.fork()
    if not monitor:
        os.dup2(2, 1)
        os._exit(main(arguments))
    pidfd = os.pidfd_open(monitor)
    select.select([pidfd], [], [], seconds)
    os.close(pidfd)
    os.kill(monitor, signal.SIGKILL)
    _, status = os.waitpid(monitor, 0)
    return "killed" if os.WIFSIGNALED(status) else str(os.WEXITSTATUS(status))


if __name__ == "__main__":
    for line in sys.stdin:
        print(run(*json.loads(line)), flush=True)
