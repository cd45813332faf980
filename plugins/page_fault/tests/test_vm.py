"""Watching faults under other kernels: live tests in a VM."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TESTS = (sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider")
WRITES = [str(HERE / "writes" / name) for name in ("test_exact.py", "test_life.py")]
FAULTS = str(HERE / "faults")

InGuest = Callable[..., "subprocess.CompletedProcess[str]"]

pytestmark = pytest.mark.vm


def passes(guest: subprocess.CompletedProcess[str]) -> None:
    assert guest.returncode == 0, guest.stdout + guest.stderr
    assert " passed" in guest.stdout


def test_writes_are_seen_exactly_under_another_kernel(in_guest: InGuest) -> None:
    together = str(HERE / "writes" / "test_together.py")
    passes(in_guest("lab", *TESTS, "-m", "live and not slow", *WRITES, together))


@pytest.mark.lab
def test_writes_are_seen_exactly_under_debians_kernel(in_guest: InGuest) -> None:
    passes(in_guest("debian-6.12", *TESTS, "-m", "live and not slow", *WRITES))


@pytest.mark.lab
@pytest.mark.parametrize("kernel", ["debian-6.1", "debian-6.12"])
def test_faults_are_sampled_on_two_nodes(in_guest: InGuest, kernel: str) -> None:
    two_nodes = ("--numa", "2", "--smp", "2")
    passes(in_guest(kernel, *TESTS, "-m", "live and not slow", FAULTS, options=two_nodes))
