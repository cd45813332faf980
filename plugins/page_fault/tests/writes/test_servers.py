"""redis-server and memcached go on serving, without an error, while their memory is monitored."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from damon_core.record import open_record

pytestmark = [pytest.mark.live, pytest.mark.slow]

NR_KEYS = 100_000
NR_HOT = 4_000
VALUE_SIZE = 1000
BATCH = 100
NR_BATCHES = 600
"""To tell the throughput without a monitor."""

BOTH = ["--primitive", "page_fault:inject=yes", "--primitive", "accessed_bit"]


class Client:
    """Sets and gets keys over a connection; AssertionError for any answer but the right one."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._answers = self._socket.makefile("rb")
        self._versions = [0] * NR_KEYS
        self._next = 0
        self.nr_done = 0

    def fill(self) -> None:
        """Set every key once."""
        for first in range(0, NR_KEYS, BATCH):
            self._set(range(first, first + BATCH))

    def batch(self) -> None:
        """Set and get a batch of the hot keys."""
        keys = range(self._next, self._next + BATCH)
        self._next = (self._next + BATCH) % NR_HOT
        self._set(keys)
        self._socket.sendall(b"".join(map(self.get_request, keys)))
        for key in keys:
            self.check_get(key, self._value(key))
        self.nr_done += 2 * BATCH

    def rate(self) -> float:
        """Requests a second now."""
        began, before = time.monotonic(), self.nr_done
        for _ in range(NR_BATCHES):
            self.batch()
        return (self.nr_done - before) / (time.monotonic() - began)

    def close(self) -> None:
        self._answers.close()
        self._socket.close()

    def _set(self, keys: range) -> None:
        for key in keys:
            self._versions[key] += 1
        self._socket.sendall(b"".join(self.set_request(key, self._value(key)) for key in keys))
        for _ in keys:
            self.check_set()

    def _value(self, key: int) -> bytes:
        return (b"%d of %d " % (self._versions[key], key)).ljust(VALUE_SIZE, b"x")

    def line(self) -> bytes:
        return self._answers.readline().rstrip()

    def exactly(self, size: int) -> bytes:
        return self._answers.read(size)

    def set_request(self, key: int, value: bytes) -> bytes: ...
    def get_request(self, key: int) -> bytes: ...
    def check_set(self) -> None: ...
    def check_get(self, key: int, value: bytes) -> None: ...


class Redis(Client):
    program = "redis-server"

    @staticmethod
    def arguments(port: int) -> list[str]:
        return ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]

    def set_request(self, key: int, value: bytes) -> bytes:
        return b"*3\r\n$3\r\nSET\r\n$6\r\n%06d\r\n$%d\r\n%s\r\n" % (key, len(value), value)

    def get_request(self, key: int) -> bytes:
        return b"*2\r\n$3\r\nGET\r\n$6\r\n%06d\r\n" % key

    def check_set(self) -> None:
        assert self.line() == b"+OK"

    def check_get(self, key: int, value: bytes) -> None:
        assert self.line() == b"$%d" % len(value)
        assert self.exactly(len(value) + 2) == value + b"\r\n"


class Memcached(Client):
    program = "memcached"

    @staticmethod
    def arguments(port: int) -> list[str]:
        return ["-u", "root", "-l", "127.0.0.1", "-p", str(port), "-U", "0", "-m", "512"]

    def set_request(self, key: int, value: bytes) -> bytes:
        return b"set %06d 0 0 %d\r\n%s\r\n" % (key, len(value), value)

    def get_request(self, key: int) -> bytes:
        return b"get %06d\r\n" % key

    def check_set(self) -> None:
        assert self.line() == b"STORED"

    def check_get(self, key: int, value: bytes) -> None:
        assert self.line() == b"VALUE %06d 0 %d" % (key, len(value))
        assert self.exactly(len(value) + 2) == value + b"\r\n"
        assert self.line() == b"END"


@contextmanager
def served(kind: type[Redis] | type[Memcached], folder: Path) -> Iterator[tuple[int, Client]]:
    """pid of a server with every key set, and a client of it."""
    if not shutil.which(kind.program):
        pytest.skip(f"needs {kind.program}: apt-get install {kind.program}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [kind.program, *kind.arguments(port)]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as server:
        try:
            client = connected(kind, port, server)
            client.fill()
            yield server.pid, client
            client.close()
        finally:
            server.terminate()


def connected(
    kind: type[Redis] | type[Memcached], port: int, server: subprocess.Popen[bytes]
) -> Client:
    while server.poll() is None:
        try:
            return kind(port)
        except ConnectionRefusedError:
            continue
    raise AssertionError(f"{kind.program} has ended with {server.returncode}")


@pytest.mark.parametrize("kind", [Redis, Memcached], ids=lambda kind: kind.program)
@pytest.mark.parametrize("primitives", [BOTH[:2], BOTH], ids=["page_fault", "both"])
def test_a_server_is_monitored_without_an_error_of_its_client(
    kind: type[Redis] | type[Memcached],
    primitives: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out.damon"
    with served(kind, tmp_path) as (pid, client):
        without = [client.rate()]
        began, before = time.monotonic(), client.nr_done
        damon = [sys.executable, "-m", "damon_core", "record", "--pid", str(pid), *primitives]
        damon += ["-t", "10s", "-o", str(out)]
        with subprocess.Popen(damon, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as monitor:
            while monitor.poll() is None:
                client.batch()
            assert monitor.stdout is not None
            assert monitor.returncode == 0, monitor.stdout.read().decode()
        monitored = (client.nr_done - before) / (time.monotonic() - began)
        without.append(client.rate())
    sizes = written_mib(out)
    line = {
        "server": kind.program,
        "primitives": primitives[1::2],
        "requests_per_s_without": [round(rate) for rate in without],
        "requests_per_s_monitored": round(monitored),
        "ratio": round(monitored / (sum(without) / len(without)), 3),
        "written_mib": round(median(sizes), 1),
    }
    with capsys.disabled():
        print("\n" + json.dumps(line))
    # The hot keys' values are 4 MiB; what was set once, and lies idle, 100 MiB and more.
    assert max(sizes) > 2
    assert median(sizes) < 60


def written_mib(out: Path) -> list[float]:
    """All that was written in each window, by the regions in which it was."""
    sizes = []
    for snapshot in open_record(out):
        regions = snapshot.regions
        hit = regions.hits[0] > 0
        sizes.append(float(np.nansum(regions.accessed_bytes[hit])) / (1 << 20))
    return sizes
