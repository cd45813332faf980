"""The live tests again, in a VM, under other kernels."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from damon_accessed_bit.page_idle import BITMAP

HERE = Path(__file__).parent
TESTS = (sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider")
LIVE = (*TESTS, "-m", "live and not slow", str(HERE))
LA57 = ("--cpu", "max,la57=on")

InGuest = Callable[..., "subprocess.CompletedProcess[str]"]

pytestmark = pytest.mark.vm


@pytest.fixture(scope="module")
def lab(in_guest: InGuest) -> subprocess.CompletedProcess[str]:
    """One run of all live tests: most of its time goes to booting and importing."""
    return in_guest("lab", *LIVE)


def test_the_live_tests_pass_in_the_guest(lab: subprocess.CompletedProcess[str]) -> None:
    assert lab.returncode == 0, lab.stdout + lab.stderr
    assert " passed" in lab.stdout


def test_page_idle_is_tested_in_the_guest(lab: subprocess.CompletedProcess[str]) -> None:
    assert lab.returncode == 0
    assert BITMAP not in lab.stdout, "the lab's kernel must have CONFIG_IDLE_PAGE_TRACKING=y"


@pytest.mark.lab
@pytest.mark.parametrize("kernel", ["debian-6.1", "debian-6.12"])
def test_the_live_tests_pass_under_debians_kernels(in_guest: InGuest, kernel: str) -> None:
    guest = in_guest(kernel, *LIVE)
    assert guest.returncode == 0, guest.stdout + guest.stderr
    assert " passed" in guest.stdout


@pytest.mark.lab
def test_page_tables_of_five_levels_are_walked(in_guest: InGuest) -> None:
    levels = in_guest("debian-6.12", "grep", "-c", "-w", "la57", "/proc/cpuinfo", options=LA57)
    assert int(levels.stdout) > 0, levels.stdout + levels.stderr
    tests = [*TESTS, "-m", "live and not slow", str(HERE / "bpf")]
    guest = in_guest("debian-6.12", *tests, options=LA57)
    assert guest.returncode == 0, guest.stdout + guest.stderr
    assert " passed" in guest.stdout
