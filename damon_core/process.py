"""What /proc tells of a process: name, state, parent, start time, and whether we may look inside."""

from __future__ import annotations

import errno
import os
from enum import Enum

from attrs import frozen

PF_KTHREAD = 0x00200000


class UserMemory(Enum):
    """Whether the user memory of a process can be looked at."""

    READABLE = "readable"
    KERNEL_THREAD = "kernel thread"
    GONE = "gone"
    DENIED = "denied"


@frozen
class ProcessStat:
    """Some of /proc/PID/stat; ``start_time`` in clock ticks since boot, ``flags`` the kernel's."""

    pid: int
    comm: str
    state: str
    parent: int
    flags: int
    start_time: int

    @property
    def is_kernel_thread(self) -> bool:
        return bool(self.flags & PF_KTHREAD)

    def user_memory(self) -> UserMemory:
        """Find out by asking for the mappings, as monitoring will."""
        if self.is_kernel_thread:
            return UserMemory.KERNEL_THREAD
        try:
            with open(f"/proc/{self.pid}/maps", "rb", buffering=0) as maps:
                return UserMemory.READABLE if maps.read(1) else UserMemory.GONE
        except OSError as error:
            denied = error.errno in (errno.EACCES, errno.EPERM)
            return UserMemory.DENIED if denied else UserMemory.GONE


def read_process_stat(pid: int, proc: str = "/proc") -> ProcessStat | None:
    """Read /proc/PID/stat; None when there is no such process, or it is hidden."""
    text = read_small(f"{proc}/{pid}/stat")
    return parse_stat(text) if text else None


def parse_stat(text: bytes) -> ProcessStat:
    """Parse the line of /proc/PID/stat; the name in it may hold spaces and parentheses."""
    head, _, tail = text.rpartition(b")")
    pid, _, comm = head.partition(b" (")
    fields = tail.split(None, 20)
    return ProcessStat(
        pid=int(pid),
        comm=comm.decode(errors="replace"),
        state=fields[0].decode(),
        parent=int(fields[1]),
        flags=int(fields[6]),
        start_time=int(fields[19]),
    )


def thread_group_of(tid: int) -> int | None:
    """The process a thread id belongs to; None when there is no such thread."""
    for line in read_small(f"/proc/{tid}/status").splitlines():
        if line.startswith(b"Tgid:"):
            return int(line.split()[1])
    return None


def owner_of(pid: int) -> str:
    """Say whose process it is, as part of a sentence."""
    try:
        uid = os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return "is another user's"
    if uid == os.geteuid():
        return "protects itself (not dumpable)"
    return f"belongs to uid {uid}, you are uid {os.geteuid()},"


def read_small(path: str) -> bytes:
    """A small file of /proc in one read; empty when it cannot be read, as processes come and go."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(fd, 65536)
    except OSError:
        return b""
    finally:
        os.close(fd)
