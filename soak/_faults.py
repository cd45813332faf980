"""System calls of a process that fail once: seccomp asks its supervisor about each.

The process asks to be supervised by :func:`supervise_me`; its threads and children are then too.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import struct
import time
from collections import Counter

from attrs import define, field, frozen

_SYS_SECCOMP, _SYS_PIDFD_GETFD = 317, 438
_SET_MODE_FILTER = 1
_NEW_LISTENER, _WAIT_KILLABLE_RECV = 1 << 3, 1 << 5
_RET_ALLOW, _RET_USER_NOTIF = 0x7FFF0000, 0x7FC00000
_CONTINUE = 1
_LOAD, _JUMP_EQUAL, _RETURN = 0x20, 0x15, 0x06
_RECV, _SEND = 0xC0502100, 0xC0182101
_ASKED = struct.Struct("=QIIiIQ6Q")  # struct seccomp_notif
_ANSWER = struct.Struct("=QqiI")  # struct seccomp_notif_resp
_STEP = struct.Struct("=HBBI")  # struct sock_filter

_libc = ctypes.CDLL(None, use_errno=True)


@frozen
class Fault:
    """The ``when``-th call, from 1, of number ``call`` fails with ``error``; none if that is 0.

    ``call`` -1: all calls are counted.
    """

    call: int
    when: int = 0
    error: int = 0


@define
class Seen:
    """How often each call was made; ``failed_in``: the name of the thread whose call failed."""

    calls: Counter[int] = field(factory=Counter)
    failed_in: str = ""


class _Program(ctypes.Structure):
    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def supervise_me(call: int) -> int:
    """Have ``call`` (all: -1) of this process decided elsewhere; the descriptor to do that with."""
    steps = _STEP.pack(_RETURN, 0, 0, _RET_USER_NOTIF)
    if call >= 0:
        steps = (
            _STEP.pack(_LOAD, 0, 0, 0)
            + _STEP.pack(_JUMP_EQUAL, 0, 1, call)
            + steps
            + _STEP.pack(_RETURN, 0, 0, _RET_ALLOW)
        )
    room = ctypes.create_string_buffer(steps, len(steps))
    program = _Program(len(steps) // _STEP.size, ctypes.addressof(room))
    flags = _NEW_LISTENER | _WAIT_KILLABLE_RECV
    fd = int(_libc.syscall(_SYS_SECCOMP, _SET_MODE_FILTER, flags, ctypes.byref(program)))
    if fd < 0:
        raise OSError(ctypes.get_errno(), "seccomp with a listener: needs root and Linux 5.19")
    return fd


def take_fd(pidfd: int, fd: int) -> int:
    """The descriptor ``fd`` of another process as one of ours."""
    taken = int(_libc.syscall(_SYS_PIDFD_GETFD, pidfd, fd, 0))
    if taken < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    return taken


def supervise(listener: int, pidfd: int, fault: Fault, seconds: float) -> Seen:
    """Answer for the calls until the process ends, or its time is up."""
    seen, end = Seen(), time.monotonic() + seconds
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    poll.register(pidfd, select.POLLIN)
    while (left := end - time.monotonic()) > 0:
        ready = dict(poll.poll(left * 1000))
        if pidfd in ready:
            break
        if ready.get(listener, 0) & select.POLLIN:
            _answer(listener, fault, seen)
    return seen


def _answer(listener: int, fault: Fault, seen: Seen) -> None:
    asked = bytearray(_ASKED.size)
    try:
        fcntl.ioctl(listener, _RECV, asked)
        number, tid, _, call, *_ = _ASKED.unpack(asked)
        seen.calls[call] += 1
        error = 0
        if call == fault.call and seen.calls[call] == fault.when:
            error, seen.failed_in = fault.error, _name(tid)
        answer = _ANSWER.pack(number, 0, -error, 0 if error else _CONTINUE)
        fcntl.ioctl(listener, _SEND, bytearray(answer))
    except FileNotFoundError:
        pass  # the thread has been killed meanwhile


def _name(tid: int) -> str:
    with open(f"/proc/{tid}/comm") as file:
        return file.read().strip()


def call_numbers() -> dict[str, int]:
    """The number of each call of this machine by name, from the C library's header."""
    import re
    import subprocess

    said = subprocess.run(
        ["cc", "-dM", "-E", "-include", "sys/syscall.h", "-"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        env={name: value for name, value in os.environ.items() if name != "LD_PRELOAD"},
    ).stdout
    return {name: int(nr) for name, nr in re.findall(r"#define __NR_(\w+) (\d+)$", said, re.M)}
