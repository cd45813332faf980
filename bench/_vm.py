"""Runs a program of bench/ once more inside a VM, where the kernel is nobody else's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def in_guest() -> bool:
    return os.environ.get("VMRUN") == "1"


def run_in_guest(
    program: str, kernel: str, arguments: list[str], *, mem: str = "2G", timeout_s: int = 400
) -> int:
    """Boot a kernel of .vm and run ``program`` there, its lines being ours; its exit status.

    A line of JSON says what is missing (that is no failure), or that it did not end well.
    """
    bench = Path(program).stem
    folder = ROOT / ".vm" / kernel
    if not (folder / "vmlinuz").exists():
        _tell(bench, arguments, skipped=f"no kernel {kernel} in .vm: run tools/vm-kernels")
        return 0
    command = [str(ROOT / "tools" / "vmrun"), "--kernel", str(folder / "vmlinuz"), "--mem", mem]
    if (folder / "modules").exists():
        command += ["--modules", str(folder / "modules")]
    command += ["--timeout", str(timeout_s), f"--see={sys.prefix}", f"--see={ROOT}"]
    status = subprocess.run([*command, "--", sys.executable, program, *arguments]).returncode
    if status:
        why = {124: f"not done after {timeout_s} s", 125: "the VM died"}
        _tell(bench, arguments, failed=why.get(status, f"exit status {status}"))
    return status


def progress(text: str) -> None:
    """A message for who waits."""
    print(f"{Path(sys.argv[0]).stem}: {text}", file=sys.stderr, flush=True)


def _tell(bench: str, arguments: list[str], **what: str) -> None:
    print(json.dumps({"bench": bench, "case": " ".join(arguments), **what}), flush=True)
