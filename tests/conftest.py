"""Real processes for the tests of targets: each says when it is ready, and ends with the test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.eyes import SEEING, Install

Running = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def running() -> Iterator[Running]:
    """Starts a Python script that must print a line when it is ready; it may wait on its stdin."""
    started: list[subprocess.Popen[bytes]] = []

    def start(script: str, *args: object, **options: object) -> subprocess.Popen[bytes]:
        process: subprocess.Popen[bytes] = subprocess.Popen(
            [sys.executable, "-c", script, *map(str, args)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            **options,  # type: ignore[call-overload]
        )
        started.append(process)
        assert process.stdout
        assert process.stdout.readline(), f"script ended before it was ready: {script}"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def bystander(running: Running) -> subprocess.Popen[bytes]:
    """A process that only waits."""
    return running("print('ready', flush=True); input()")


@pytest.fixture
def eyes(distribution: Install) -> Callable[..., None]:
    """Installs a primitive "eyes" that sees an access to each target and may do something else."""

    def install(
        at_the_30th: str = "pass",
        at_the_60th: str = "pass",
        at_the_end: str = "pass",
        name: str = "eyes",
    ) -> None:
        source = SEEING.format(
            at_the_30th=at_the_30th, at_the_60th=at_the_60th, at_the_end=at_the_end
        )
        distribution(f"damon-{name}", {name: f"{name}_plugin:Eyes"}, {f"{name}_plugin": source})

    return install
