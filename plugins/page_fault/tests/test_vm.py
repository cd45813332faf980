"""Watching writes under another kernel: the live tests in a VM, with what DAMON_VM_KERNEL names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
VMRUN = HERE.parents[2] / "tools" / "vmrun"
PROGRAMS = {"qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static"}
TIMEOUT_S = 900
TESTS = ("test_exact.py", "test_life.py", "test_together.py")

pytestmark = pytest.mark.vm


def test_writes_are_seen_exactly_under_another_kernel() -> None:
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
    tests = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider"]
    tests += ["-m", "live and not slow", *(str(HERE / "writes" / name) for name in TESTS)]
    guest = subprocess.run([*vmrun, "--", *tests], capture_output=True, text=True, check=False)
    assert guest.returncode == 0, guest.stdout + guest.stderr
    assert " passed" in guest.stdout
