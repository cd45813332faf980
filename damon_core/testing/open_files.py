"""What this process has open or at work, and how to keep it from opening more."""

from __future__ import annotations

import gc
import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def open_files() -> list[tuple[int, str]]:
    """What this process has open: descriptor and what it refers to."""
    gc.collect()
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            found.append((int(name), os.readlink(f"/proc/self/fd/{name}")))
        except FileNotFoundError:
            continue  # the one with which the directory was read
    return sorted(found)


def still_at_work() -> list[str]:
    """Threads of this process and child processes that have not been waited for."""
    children = []
    for thread in os.listdir("/proc/self/task"):
        # Missing from kernels without CONFIG_PROC_CHILDREN, or with a thread that has just ended.
        with suppress(OSError), open(f"/proc/self/task/{thread}/children") as file:
            children += [f"process {pid}" for pid in file.read().split()]
    threads = [f"thread {one.name} ({one.native_id})" for one in threading.enumerate()]
    return sorted([*threads, *children])


@contextmanager
def no_more_files(nr_more: int = 0) -> Iterator[None]:
    """Let this process open only so many inside of it: the hard way for an init to fail."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + nr_more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
