"""The live tests again, in a VM, under the kernel that DAMON_VM_KERNEL names."""

from __future__ import annotations

import faulthandler
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from damon_accessed_bit.page_idle import BITMAP

HERE = Path(__file__).parent
VMRUN = Path(__file__).parents[3] / "tools" / "vmrun"
PROGRAMS = {"qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static"}
TIMEOUT_S = 900

# The guest is small: sparse mappings larger than its memory must be allowed.
SETUP = "echo 1 > /proc/sys/vm/overcommit_memory"

pytestmark = pytest.mark.vm


@pytest.fixture(scope="module")
def guest() -> subprocess.CompletedProcess[str]:
    """One run of all live tests: most of its time goes to booting and importing."""
    for program, package in PROGRAMS.items():
        if not shutil.which(program):
            pytest.skip(f"needs {program}: apt-get install {package}")
    if not VMRUN.exists():
        pytest.skip(f"needs {VMRUN}: run the tests in a checkout of the repository")
    if os.geteuid() != 0:
        pytest.skip("vmrun needs root: run the tests with sudo")
    vmrun = [str(VMRUN), "--kernel", os.environ["DAMON_VM_KERNEL"], "--mem", "2G"]
    vmrun += ["--timeout", str(TIMEOUT_S)]
    vmrun += [f"--see={directory}" for directory in (sys.prefix, str(VMRUN.parents[1]))]
    tests = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "-m", "live"]
    script = ["sh", "-c", f'{SETUP}; exec "$@"', "sh", *tests, str(HERE)]
    faulthandler.cancel_dump_traceback_later()  # it has a timeout of its own
    return subprocess.run([*vmrun, "--", *script], capture_output=True, text=True, check=False)


def test_the_live_tests_pass_in_the_guest(guest: subprocess.CompletedProcess[str]) -> None:
    assert guest.returncode == 0, guest.stdout + guest.stderr
    assert " passed" in guest.stdout


def test_page_idle_is_tested_in_the_guest(guest: subprocess.CompletedProcess[str]) -> None:
    if BITMAP in guest.stdout:
        pytest.skip("the guest's kernel has no page_idle: it needs CONFIG_IDLE_PAGE_TRACKING=y")
    assert guest.returncode == 0
