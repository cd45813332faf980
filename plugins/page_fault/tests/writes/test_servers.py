"""redis-server and memcached go on serving, without an error, while their memory is monitored."""

from __future__ import annotations

import json
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
from damon_core.workload.server import SERVERS, Connection, Server

pytestmark = [pytest.mark.live, pytest.mark.slow]

NR_KEYS = 100_000
NR_HOT = 4_000
VALUE_SIZE = 1000
BATCH = 100
NR_BATCHES = 600
"""To tell the throughput without a monitor."""

BOTH = ["--primitive", "page_fault:inject=yes", "--primitive", "accessed_bit"]


class Client:
    """Sets and gets keys, each time with another value; RunError for any answer but the right."""

    def __init__(self, server: Server, connection: Connection) -> None:
        self._server = server
        self._connection = connection
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
        self._connection.exchange([self._server.get(key, self._value(key)) for key in keys])
        self.nr_done += 2 * BATCH

    def rate(self) -> float:
        """Requests a second now."""
        began, before = time.monotonic(), self.nr_done
        for _ in range(NR_BATCHES):
            self.batch()
        return (self.nr_done - before) / (time.monotonic() - began)

    def _set(self, keys: range) -> None:
        for key in keys:
            self._versions[key] += 1
        self._connection.exchange([self._server.set(key, self._value(key)) for key in keys])

    def _value(self, key: int) -> bytes:
        return (b"%d of %d " % (self._versions[key], key)).ljust(VALUE_SIZE, b"x")


@contextmanager
def served(kind: type[Server]) -> Iterator[tuple[int, Client]]:
    """pid of a server with every key set, and a client of it."""
    if lacks := kind.missing():
        pytest.skip(f"needs {kind.program}: {lacks}")
    with kind() as server, server.connect() as connection:
        client = Client(server, connection)
        client.fill()
        yield server.pid, client


@pytest.mark.parametrize("kind", SERVERS.values(), ids=lambda kind: kind.program)
@pytest.mark.parametrize("primitives", [BOTH[:2], BOTH], ids=["page_fault", "both"])
def test_a_server_is_monitored_without_an_error_of_its_client(
    kind: type[Server],
    primitives: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out.damon"
    with served(kind) as (pid, client):
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
