"""Servers that keep keys in memory, each a child of ours on a socket of its own.

redis-server and memcached: how they are started, and what is said to them.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import ClassVar

from attrs import frozen

from ..errors import RunError, WorkloadError

_ANSWER_SECONDS = 60
_STOP_SECONDS = 10
_CONNECT_SECONDS = 0.01


@frozen
class Exchange:
    """A request, and the only right answer to it."""

    request: bytes
    answer: bytes


class Server(ABC):
    """A running server that keeps nothing on disk; leaving the context ends it.

    WorkloadError if its program is not installed.
    """

    program: ClassVar[str]
    """Of the package too, on Debian."""

    def __init__(self) -> None:
        if lacks := self.missing():
            raise WorkloadError(lacks)
        self._folder = tempfile.TemporaryDirectory(prefix="damon-server-")
        self.socket = Path(self._folder.name, "socket")
        self._said = Path(self._folder.name, "said")
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                [*_ending_with_us(), self.program, *self._arguments()],
                cwd=self._folder.name,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )

    @classmethod
    def missing(cls) -> str:
        """Why it cannot be started here, and what to install; "" if it can."""
        if shutil.which(cls.program):
            return ""
        return f"{cls.program} is not installed: apt-get install {cls.program}"

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def connect(self) -> Connection:
        """A connection, once the server takes any; RunError if it ends before."""
        connected = socket.socket(socket.AF_UNIX)
        until = time.monotonic() + _ANSWER_SECONDS
        while connected.connect_ex(str(self.socket)):
            if self._process.poll() is not None:
                connected.close()
                raise self.failed("it ended before it was ready")
            if time.monotonic() > until:
                connected.close()
                raise self.failed(f"it was not ready within {_ANSWER_SECONDS} s")
            time.sleep(_CONNECT_SECONDS)
        return Connection(self, connected)

    def failed(self, why: str) -> RunError:
        """The error of a server that did not do what it must, with its last words."""
        status = self._process.poll()
        ended = "" if status is None else f", exit status {status}"
        lines = self._said.read_text(errors="replace").strip().splitlines()
        said = f"; it said: {lines[-1].strip()}" if lines else ""
        return RunError(f"{self.program}, pid {self.pid}: {why}{ended}{said}")

    @abstractmethod
    def set(self, key: int, value: bytes) -> Exchange:
        """Give a key, below a million, its value."""

    @abstractmethod
    def get(self, key: int, value: bytes) -> Exchange:
        """Ask for a key that has this value."""

    @abstractmethod
    def _arguments(self) -> list[str]: ...

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()


def _ending_with_us() -> list[str]:
    """What makes a program end, should we be killed; without it the server would go on."""
    return ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []


class Redis(Server):
    """redis-server."""

    program = "redis-server"

    def set(self, key: int, value: bytes) -> Exchange:
        """As of any server."""
        words = (b"*3\r\n$3\r\nSET\r\n$6\r\n%06d\r\n$%d\r\n" % (key, len(value)), value, b"\r\n")
        return Exchange(b"".join(words), b"+OK\r\n")

    def get(self, key: int, value: bytes) -> Exchange:
        """As of any server."""
        request = b"*2\r\n$3\r\nGET\r\n$6\r\n%06d\r\n" % key
        return Exchange(request, b"$%d\r\n%s\r\n" % (len(value), value))

    def _arguments(self) -> list[str]:
        options = ["--save", "", "--appendonly", "no", "--dir", self._folder.name]
        return ["--port", "0", "--unixsocket", str(self.socket), *options]


class Memcached(Server):
    """memcached, with room for 512 MiB."""

    program = "memcached"

    def set(self, key: int, value: bytes) -> Exchange:
        """As of any server."""
        return Exchange(b"set %06d 0 0 %d\r\n%s\r\n" % (key, len(value), value), b"STORED\r\n")

    def get(self, key: int, value: bytes) -> Exchange:
        """As of any server."""
        answer = b"VALUE %06d 0 %d\r\n%s\r\nEND\r\n" % (key, len(value), value)
        return Exchange(b"get %06d\r\n" % key, answer)

    def _arguments(self) -> list[str]:
        user = ["-u", "root"] if os.geteuid() == 0 else []  # else it refuses to be root's
        return [*user, "-s", str(self.socket), "-U", "0", "-m", "512"]


class Connection:
    """A connection that sends many requests at once; any answer but the right one is an error."""

    def __init__(self, server: Server, connected: socket.socket) -> None:
        self._server = server
        self._socket = connected
        self._socket.settimeout(_ANSWER_SECONDS)

    def exchange(self, exchanges: list[Exchange]) -> None:
        """Send all requests, and read all answers; RunError for a wrong one, or for none."""
        self.ask(
            b"".join([one.request for one in exchanges]),
            b"".join([one.answer for one in exchanges]),
        )

    def ask(self, requests: bytes, answers: bytes) -> None:
        """As exchange, of requests and answers that are already joined."""
        try:
            self._socket.sendall(requests)
            came = self._read(len(answers))
        except OSError as error:
            why = error.strerror or f"no answer within {_ANSWER_SECONDS} s"
            raise self._server.failed(f"it stopped answering: {why}") from None
        if came != answers:
            at = next(at for at, byte in enumerate(answers) if came[at] != byte)
            raise self._server.failed(
                f"a wrong answer: {came[at : at + 40]!r} where {answers[at : at + 40]!r} was due"
            )

    def close(self) -> None:
        """Nothing more is asked."""
        self._socket.close()

    def _read(self, size: int) -> bytes:
        """So many bytes; OSError if the connection is closed before."""
        came = bytearray(size)
        view, at = memoryview(came), 0
        while at < size:
            part = self._socket.recv_into(view[at:])
            if not part:
                raise ConnectionResetError(0, "it closed the connection")
            at += part
        return bytes(came)

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


SERVERS: dict[str, type[Server]] = {"redis": Redis, "memcached": Memcached}
"""By the name of the scenario."""
