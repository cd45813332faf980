"""Handing a userfaultfd over freely: a process that cooperates needs no ptrace to be watched.

The process listens on an abstract Unix socket that is named by its pid, and sends whoever connects,
and is root or of its own user, a userfaultfd of its own.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
from contextlib import ExitStack, suppress

from ._native import lib

_TIMEOUT_S = 2.0
_CREDENTIALS = struct.Struct("iII")


def address_of(pid: int) -> bytes:
    """Where the process ``pid`` listens, if it cooperates."""
    return b"\0damon-page-fault-%d" % pid


class _Doorkeeper:
    """Answers monitors from a thread of its own, for as long as the process lives."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def open(self) -> None:
        with self._lock:
            if self._socket is not None:
                return
            with ExitStack() as on_error:
                listener = on_error.enter_context(socket.socket(socket.AF_UNIX))
                listener.bind(address_of(os.getpid()))
                listener.listen()
                on_error.pop_all()
            self._socket = listener
        thread = threading.Thread(
            target=self._answer_all, args=(listener,), name="damon-cooperate", daemon=True
        )
        thread.start()

    def forget(self) -> None:
        """In a child of fork: the socket is its parent's, and so is the thread."""
        listener, self._socket = self._socket, None
        self._lock = threading.Lock()
        if listener is not None:
            listener.close()

    def _answer_all(self, listener: socket.socket) -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer, suppress(OSError):
                _, uid, _ = peer_of(peer)
                if uid in (0, os.geteuid()):
                    _hand_over(peer)


_DOORKEEPER = _Doorkeeper()
os.register_at_fork(after_in_child=_DOORKEEPER.forget)


def cooperate() -> None:
    """Let monitors of this user, or root, watch this process; harmless a second time.

    For as long as it lives; a child of fork has to call it anew.  OSError if that cannot be.
    """
    _DOORKEEPER.open()


def ask(pid: int) -> int | None:
    """A userfaultfd that the process ``pid`` hands over; None if it does not cooperate.

    OSError if it does, but cannot hand one over.
    """
    with socket.socket(socket.AF_UNIX) as door:
        door.settimeout(_TIMEOUT_S)
        try:
            door.connect(address_of(pid))
        except OSError:
            return None
        if peer_of(door)[0] != pid:  # another process listens under its name
            return None
        try:
            answer, fds, _, _ = socket.recv_fds(door, 1, 1, flags=socket.MSG_CMSG_CLOEXEC)
            with suppress(OSError):
                door.recv(1)  # it hangs up once it has closed its own: then it is ours alone
        except TimeoutError:
            raise OSError(f"process {pid} cooperates but does not answer: is it stopped?") from None
    if fds:
        return fds[0]
    number = answer[0] if answer else 0
    why = os.strerror(number) if number else "it knows neither us nor root"
    raise OSError(number, f"process {pid} cooperates but has no userfaultfd for us: {why}")


def peer_of(connected: socket.socket) -> tuple[int, int, int]:
    """pid, uid and gid at the other end, as the kernel has them."""
    size = _CREDENTIALS.size
    pid, uid, gid = _CREDENTIALS.unpack(
        connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    )
    return pid, uid, gid


def _hand_over(peer: socket.socket) -> None:
    peer.settimeout(_TIMEOUT_S)
    fd = lib.uffd_open()
    if fd < 0:
        peer.send(bytes([-fd]))
        return
    try:
        socket.send_fds(peer, [b"\0"], [fd])
    finally:
        os.close(fd)
