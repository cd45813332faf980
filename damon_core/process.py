"""What /proc tells of a process: name, state, parent, start time, whether we may look inside."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from enum import Enum

from attrs import frozen

PF_KTHREAD = 0x00200000
CAP_SYS_PTRACE = 19

Identity = tuple[int, int]
"""pid and start time: names a process for ever."""


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
    def identity(self) -> Identity:
        """pid and start time."""
        return self.pid, self.start_time

    @property
    def is_kernel_thread(self) -> bool:
        """Whether it has no user memory by nature."""
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


def read_process_stat(pid: int) -> ProcessStat | None:
    """Read /proc/PID/stat; None when there is no such process, or it is hidden."""
    text = read_small(f"/proc/{pid}/stat")
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
    group = _status_field(str(tid), b"Tgid:")
    return group if group > 0 else None


def why_denied(pid: int) -> str:
    """Say, as part of a sentence, why its memory may not be read, and what would help."""
    own = os.geteuid()
    if _status_field("self", b"CapEff:", base=16) >> CAP_SYS_PTRACE & 1:
        return "may not be read even with CAP_SYS_PTRACE: a security module or namespace forbids it"
    owner = _status_field(str(pid), b"Uid:")
    if owner == own:
        return (
            "is not dumpable (set-id, or by its own choice): "
            "run as root, or with CAP_SYS_PTRACE, to read its memory"
        )
    return (
        f"belongs to uid {owner} and you are uid {own}: "
        "run as its owner or as root, or with CAP_SYS_PTRACE"
    )


def _status_field(pid: str, name: bytes, base: int = 10) -> int:
    for line in read_small(f"/proc/{pid}/status").splitlines():
        if line.startswith(name):
            return int(line.split()[1], base)
    return -1


def list_processes() -> Iterator[ProcessStat]:
    """All processes of /proc that have user memory: no kernel threads, no zombies."""
    for name in os.listdir("/proc"):
        stat = read_process_stat(int(name)) if name.isdigit() else None
        if stat and not stat.is_kernel_thread and stat.state not in "ZX":
            yield stat


def command_line_of(pid: int) -> str:
    """The arguments, joined by spaces; empty of a process that is gone or has none."""
    text = read_small(f"/proc/{pid}/cmdline")
    return text.rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")


def cgroups_of(pid: int) -> tuple[str, ...]:
    """The paths of its control groups: one in a unified hierarchy, one per controller in others."""
    lines = read_small(f"/proc/{pid}/cgroup").decode(errors="replace").splitlines()
    return tuple(line.split(":", 2)[2] for line in lines)


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
