"""Finds the working set of redis: what the tutorial does, in one program.

Usage: redis_tutorial.py [FOLDER [SECONDS]]: where the recording and the pictures go (.), and how
long each of the two sets of keys is in use (10).

Starts a redis-server of its own, on a socket in a folder of its own, fills it, asks for some of the
keys again and again, and monitors it meanwhile.  Needs redis-server, and what `damon primitives`
says that accessed_bit needs.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from damon_core.units import about_size
from damon_core.workload.server import Connection, Redis

NR_KEYS = 64_000
VALUE = 2_000  # bytes; with what redis adds, two of them fill a page
FIRST = range(0, 8_000)
SECOND = range(40_000, 44_000)
BATCH = 500


def main() -> int:
    """Run all steps: 0, or 1 if it cannot run here."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 10.0
    if lacks := Redis.missing():
        print(lacks, file=sys.stderr)
        return 1
    with Redis() as server, server.connect() as client:
        print(f"redis-server is pid {server.pid}; {fill(client)} of values in it")
        for keys, when in ((FIRST, "first"), (SECOND, "then")):
            print(f"{when} asked for: {len(keys)} keys, {about_size(len(keys) * VALUE)} of values")
        recording = folder / "redis.damon"
        damon_record(server.pid, recording, client, seconds)
    show(recording)
    return 0


def damon_record(pid: int, recording: Path, client: Connection, seconds: float) -> None:
    """``damon record`` for twice so many seconds, while two sets of keys are in use in turn."""
    print(f"$ damon record --pid {pid} -o {recording.name}", flush=True)
    before = inode(recording)
    duration = ["--duration", f"{int(2000 * seconds)} ms"]
    monitor = damon("record", "--pid", str(pid), *duration, "-o", str(recording))
    try:
        use(client, FIRST, lambda: inode(recording) != before, monitor)
        end = time.monotonic() + seconds
        use(client, FIRST, lambda: time.monotonic() > end, monitor)
        use(client, SECOND, lambda: False, monitor)
        if monitor.wait() != 0:
            raise SystemExit(1)
    finally:
        if monitor.poll() is None:
            monitor.send_signal(signal.SIGINT)
            monitor.wait()


def inode(path: Path) -> int | None:
    """Which file has that name; None if none."""
    return path.stat().st_ino if path.exists() else None


def show(recording: Path) -> None:
    """The reports of the tutorial, on the terminal and as pictures."""
    bytes_accessed = ["heatmap", "--measure", "bytes"]
    for words, picture in (
        (["wss", "--by-time"], None),
        (["footprint"], "redis.footprint.png"),
        (bytes_accessed, None),
        (bytes_accessed, "redis.heatmap.png"),
    ):
        output = ["-o", str(recording.with_name(picture))] if picture else []
        command = ["report", *words, *output, str(recording)]
        print(f"\n$ damon {' '.join(command).replace(f'{recording.parent}/', '')}", flush=True)
        if damon(*command).wait() != 0:
            raise SystemExit(1)


def damon(*args: str) -> subprocess.Popen[bytes]:
    """The command ``damon``, of the Python that runs this."""
    return subprocess.Popen([sys.executable, "-m", "damon_core", *args])


def use(
    client: Connection,
    keys: range,
    enough: Callable[[], bool],
    monitor: subprocess.Popen[bytes],
) -> None:
    """Read a byte of each value, round and round, until it is enough or the monitor ends."""
    batches = [
        b"".join(request("GETRANGE", f"key:{key}", "0", "0") for key in batch)
        for batch in (keys[at : at + BATCH] for at in range(0, len(keys), BATCH))
    ]
    while not enough() and monitor.poll() is None:
        for batch in batches:
            client.ask(batch, b"$1\r\nx\r\n" * BATCH)
        time.sleep(0.01)


def fill(client: Connection) -> str:
    """Set all keys, one after the other; the size of their values."""
    value = "x" * VALUE
    for at in range(0, NR_KEYS, BATCH):
        sets = b"".join(request("SET", f"key:{key}", value) for key in range(at, at + BATCH))
        client.ask(sets, b"+OK\r\n" * BATCH)
    return about_size(NR_KEYS * VALUE)


def request(*words: str) -> bytes:
    """A request in the protocol of redis."""
    parts = [f"*{len(words)}\r\n", *(f"${len(word)}\r\n{word}\r\n" for word in words)]
    return "".join(parts).encode()


if __name__ == "__main__":
    raise SystemExit(main())
