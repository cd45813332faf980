"""The live tests again, in a VM, under other kernels."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from damon_accessed_bit.page_idle import BITMAP

HERE = Path(__file__).parent
LA57 = ("--cpu", "max,la57=on")
LOCKED_DOWN = ("--append", "lockdown=confidentiality")

InGuest = Callable[..., "subprocess.CompletedProcess[str]"]
PassInGuest = Callable[..., str]

pytestmark = pytest.mark.vm


def test_the_live_tests_pass_where_page_idle_is(pass_in_guest: PassInGuest) -> None:
    skipped = pass_in_guest("lab", HERE)
    assert BITMAP not in skipped, "the lab's kernel must have CONFIG_IDLE_PAGE_TRACKING=y"
    assert "needs CONFIG_MEM_SOFT_DIRTY" not in skipped


@pytest.mark.lab
@pytest.mark.parametrize("kernel", ["debian-6.1", "debian-6.12"])
def test_the_live_tests_pass_under_debians_kernels(pass_in_guest: PassInGuest, kernel: str) -> None:
    pass_in_guest(kernel, HERE)


@pytest.mark.lab
def test_page_tables_of_five_levels_are_walked(
    in_guest: InGuest, pass_in_guest: PassInGuest
) -> None:
    levels = in_guest("debian-6.12", "grep", "-c", "-w", "la57", "/proc/cpuinfo", options=LA57)
    assert int(levels.stdout) > 0, levels.stdout + levels.stderr
    pass_in_guest("debian-6.12", HERE / "bpf", options=LA57)


@pytest.mark.lab
def test_where_bpf_may_not_read_the_kernel_smaps_works(
    in_guest: InGuest, pass_in_guest: PassInGuest
) -> None:
    ask = (sys.executable, "-m", "damon_core", "primitives")
    guest = in_guest("debian-6.12", *ask, options=LOCKED_DOWN)
    assert "boot without lockdown=confidentiality" in guest.stdout, guest.stdout + guest.stderr
    pass_in_guest("debian-6.12", HERE / "test_smaps_live.py", options=LOCKED_DOWN)
