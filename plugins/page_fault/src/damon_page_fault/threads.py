"""The threads of a process, and which of them is best stopped for a moment."""

from __future__ import annotations

import os
from enum import IntEnum
from itertools import islice

from attrs import frozen

from damon_core.process import read_process_stat, read_small

MAX_LOOKED_AT = 256
RUNNING = -1

# x86-64.  The kernel restarts these after a stop, so that the program does not notice.
_RESTARTED = {
    0: "read",
    1: "write",
    7: "poll",
    19: "readv",
    20: "writev",
    23: "select",
    34: "pause",
    35: "nanosleep",
    61: "wait4",
    72: "fcntl",
    73: "flock",
    130: "rt_sigsuspend",
    202: "futex",
    219: "restart_syscall",
    230: "clock_nanosleep",
    247: "waitid",
    270: "pselect6",
    271: "ppoll",
    449: "futex_waitv",
}
# These fail with EINTR; the injector makes them again.
_REPEATED = {
    65: "semop",
    128: "rt_sigtimedwait",
    220: "semtimedop",
    232: "epoll_wait",
    281: "epoll_pwait",
    441: "epoll_pwait2",
}
# These are restarted too, unless the socket has a timeout.
_OF_SOCKETS = {
    42: "connect",
    43: "accept",
    44: "sendto",
    45: "recvfrom",
    46: "sendmsg",
    47: "recvmsg",
    288: "accept4",
    299: "recvmmsg",
    307: "sendmmsg",
}
_SEEN = {208: "io_getevents", 333: "io_pgetevents", 426: "io_uring_enter"}
_NAMES = {**_RESTARTED, **_REPEATED, **_OF_SOCKETS, **_SEEN}


class Harm(IntEnum):
    """What a stop does to a thread, the least first."""

    NONE = 0
    DELAYS_ITS_WORK = 1
    BEGINS_TIMEOUT_ANEW = 2
    MAY_SEE_EINTR = 3
    CANNOT_STOP_NOW = 4


@frozen
class Thread:
    """A thread at one moment; ``call`` is the number of the system call it waits in, or RUNNING."""

    tid: int
    call: int
    state: str

    @property
    def harm(self) -> Harm:
        """What stopping it would do."""
        if self.state == "D":
            return Harm.CANNOT_STOP_NOW
        if self.call == RUNNING:
            return Harm.DELAYS_ITS_WORK
        if self.call in _RESTARTED:
            return Harm.NONE
        return Harm.BEGINS_TIMEOUT_ANEW if self.call in _REPEATED else Harm.MAY_SEE_EINTR


def call_name(call: int) -> str:
    """The name of a system call, or "running"."""
    if call == RUNNING:
        return "running"
    return _NAMES.get(call, f"system call {call}")


def threads_of(pid: int) -> list[Thread]:
    """The threads (of many, the first), those first whose stop does the least harm."""
    try:
        tids = [int(name) for name in islice(os.listdir(f"/proc/{pid}/task"), MAX_LOOKED_AT)]
    except OSError:
        return []
    threads = [thread for tid in tids if (thread := _thread(tid))]
    # Only of the main thread it is known for sure which memory is its stack.
    return sorted(threads, key=lambda thread: (thread.harm, thread.tid != pid))


def _thread(tid: int) -> Thread | None:
    stat = read_process_stat(tid)
    if stat is None or stat.state in "ZX":
        return None
    word = read_small(f"/proc/{tid}/syscall").split()[:1]
    call = int(word[0]) if word and word[0] != b"running" else RUNNING
    return Thread(tid=tid, call=call, state=stat.state)
