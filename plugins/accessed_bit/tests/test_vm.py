"""The live tests again, under the kernel that DAMON_VM_KERNEL names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
VMRUN = Path(__file__).parents[3] / "tools" / "vmrun"
PROGRAMS = {"qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static"}

pytestmark = pytest.mark.vm


def in_guest(*command: str, timeout_s: int = 300) -> subprocess.CompletedProcess[str]:
    for program, package in PROGRAMS.items():
        if not shutil.which(program):
            pytest.skip(f"needs {program}: apt-get install {package}")
    if os.geteuid() != 0:
        pytest.skip("vmrun needs root: run the tests with sudo")
    vmrun = [str(VMRUN), "--kernel", os.environ["DAMON_VM_KERNEL"], "--timeout", str(timeout_s)]
    for directory in {sys.prefix, str(VMRUN.parents[1])}:
        vmrun += ["--see", directory]
    return subprocess.run([*vmrun, "--", *command], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["test_page_idle_live.py"])
def test_the_live_tests_pass_in_the_guest(name: str) -> None:
    guest = in_guest(
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE / name)
    )
    print(guest.stdout, guest.stderr)
    assert guest.returncode == 0, guest.stdout + guest.stderr
    assert " passed" in guest.stdout
    assert "skipped" not in guest.stdout, guest.stdout
