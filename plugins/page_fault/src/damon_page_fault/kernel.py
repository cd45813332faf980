"""What this kernel lacks for watching pages through a userfaultfd; found out by trying."""

from __future__ import annotations

import errno
import os

from damon_core.spans import Spans

from .page_scan import PageScan
from .userfaultfd import Kind, offered_features

_PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")


def lack(features: int, name: str, remedy: str) -> str:
    """What is missing for userfaultfds with ``features``, called ``name``; "" for nothing."""
    try:
        offered = offered_features()
    except OSError as error:
        return _why_no_userfaultfd(error)
    if features & ~offered:
        return f"the kernel's userfaultfd has no {name}: {remedy}"
    return _why_no_scan()


def _why_no_userfaultfd(error: OSError) -> str:
    if error.errno == errno.ENOSYS:
        return "no userfaultfd system call: the kernel needs CONFIG_USERFAULTFD=y"
    if error.errno == errno.EPERM:
        return (
            "userfaultfd is denied here: allow it in the seccomp profile or security module "
            "(in a container: a profile of its own, or run outside of it)"
        )
    return f"userfaultfd fails: {error.strerror}: Linux 6.7 or later has what is needed"


def _why_no_scan() -> str:
    try:
        pagemap = os.open("/proc/self/pagemap", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        return f"/proc/self/pagemap: {error.strerror}: the kernel needs CONFIG_PROC_PAGE_MONITOR=y"
    try:
        # The first page of an address space is never mapped.
        PageScan(_PAGE_SIZE).run(pagemap, -1, Kind.WRITES, Spans.of([(0, _PAGE_SIZE)]))
    except OSError:
        return "no ioctl PAGEMAP_SCAN: Linux 6.7 or later has it"
    finally:
        os.close(pagemap)
    return ""
