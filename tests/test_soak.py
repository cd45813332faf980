"""The programs of soak/ in their short form: each claim of theirs holds."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from damon_core.catalogue import declarations, load
from damon_core.model import Ops

SOAK = Path(__file__).parents[1] / "soak"

pytestmark = [
    pytest.mark.live,
    pytest.mark.slow,
    pytest.mark.uninstrumented,
    pytest.mark.skipif(not SOAK.is_dir(), reason="needs the source tree"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler: apt install gcc"),
]


def run(program: str, *arguments: str) -> list[dict[str, object]]:
    """The claims that it has printed, some at least; all of them hold."""
    command = [sys.executable, SOAK / f"{program}.py", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    claims = [said for said in map(json.loads, done.stdout.splitlines()) if "claim" in said]
    failed = [claim for claim in claims if not claim["holds"]]
    assert done.returncode == 0, f"{failed} {done.stderr}"
    assert claims
    assert not failed
    return claims


@pytest.fixture
def primitives() -> None:
    """Those that the programs put through it can be used; of software events nothing is asked."""
    for declared in declarations():
        if declared.name in ("accessed_bit", "page_fault"):
            answer = load(declared).probe(Ops.VADDR)  # type: ignore[attr-defined]
            mechanisms = answer.mechanisms
            if mechanisms.get("bpf") or mechanisms.get("wp_async"):
                pytest.skip(f"needs bpf and wp_async: {mechanisms}")


@pytest.mark.usefixtures("primitives")
def test_a_target_without_rest_is_monitored_and_unharmed() -> None:
    run("soak", "--seconds=10", "--short")


@pytest.mark.usefixtures("primitives")
def test_monitors_killed_at_random_moments_leave_nothing() -> None:
    run("kills", "--kills=6")


@pytest.mark.usefixtures("primitives")
def test_system_calls_that_fail_once_are_dealt_with() -> None:
    calls = ("clone3", "eventfd2", "execve", "userfaultfd")
    run("syscall_faults", "--most=1", *(f"--only={call}" for call in calls))


@pytest.mark.usefixtures("primitives")
def test_an_injection_that_fails_at_whatever_step_leaves_its_target_whole() -> None:
    run("syscall_faults", "--most=30", "--only=ptrace")


@pytest.mark.usefixtures("primitives")
def test_a_hundred_targets_are_told_apart() -> None:
    run("many_targets", "--targets=100", "--seconds=8")


def test_every_report_of_a_storm_is_in_one_counter() -> None:
    assert len(run("storm", "--seconds=0.3")) == 10
