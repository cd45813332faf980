"""smaps on processes of this machine, as root and as an ordinary user."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from damon_accessed_bit.options import Flush, Options
from damon_accessed_bit.smaps import Smaps
from damon_core.model import Ops

PAGE = os.sysconf("SC_PAGE_SIZE")
NOBODY = 65534
NR_PAGES = 1024

Start = Callable[..., Any]

pytestmark = pytest.mark.live


def is_reported(process: Any, reports: Any) -> bool:
    ends = reports["vaddr"] + reports["size"]
    return bool(((reports["vaddr"] <= process.start) & (ends > process.start)).any())


@pytest.mark.parametrize("flush", [Flush.ALWAYS, Flush.NEVER])
def test_a_mapping_is_reported_when_a_page_of_it_was_touched_and_not_else(
    touched_process: Start, monitored: Start, flush: Flush
) -> None:
    process = touched_process("anon", NR_PAGES)
    process.tell("write", 0, NR_PAGES)
    tick = monitored(Smaps(Options(flush=flush)), process.target())
    for _ in range(2):
        assert is_reported(process, tick(lambda: process.tell("write", 7, 8)))
        assert not is_reported(process, tick(lambda: process.tell("write", 7, 7)))


def test_a_target_that_ends_gives_no_reports_and_no_error(
    touched_process: Start, monitored: Start
) -> None:
    process = touched_process("anon", NR_PAGES)
    process.tell("write", 0, NR_PAGES)
    tick = monitored(Smaps(Options()), process.target())
    assert len(tick(process.end)) == 0
    assert len(tick(lambda: None)) == 0


def test_physical_memory_is_refused() -> None:
    assert "use ops vaddr" in Smaps.probe(Ops.PADDR)


def test_a_process_that_does_not_exist_is_named() -> None:
    assert Smaps.probe(Ops.VADDR, 2**22 + 1) == f"no process {2**22 + 1}"


# What an ordinary user does: monitor a process of its own.  Modules are imported before root is
# given up, as they may lie where this user cannot read.
AS_USER = """
import os, sys
sys.path.insert(0, sys.argv[2])
import conftest
from damon_accessed_bit.options import Options
from damon_accessed_bit.smaps import Smaps
from damon_core.model import Ops
import damon_core.process, damon_core.target
os.setgroups([])
os.setresgid({uid}, {uid}, {uid})
os.setresuid({uid}, {uid}, {uid})
capabilities = [line.split()[1] for line in open("/proc/thread-self/status") if line[:3] == "Cap"]
assert set(capabilities[:3]) == {{"0" * 16}}, capabilities
lack = Smaps.probe(Ops.VADDR, int(sys.argv[1]))
assert "run as the owner" in lack, lack
process = conftest.TouchedProcess("anon", {nr_pages}, python=sys.argv[3])
process.tell("write", 0, {nr_pages})
assert Smaps.probe(Ops.VADDR, process.pid) == ""
tick = conftest.Tick.start(Smaps(Options()), process.target())
def is_reported(rows):
    return ((rows["vaddr"] <= process.start) & (process.start < rows["vaddr"] + rows["size"])).any()
assert is_reported(tick(lambda: process.tell("write", 3, 4)))
assert not is_reported(tick(lambda: process.tell("write", 3, 3)))
process.end()
"""


def test_an_ordinary_user_without_capabilities_monitors_a_process_of_its_own(
    touched_process: Start,
) -> None:
    python = next(filter(_may_run, (sys.executable, "/usr/bin/python3")), None)
    if python is None:
        pytest.skip(f"user {NOBODY} may not run {sys.executable}: apt-get install python3")
    foreign = touched_process("anon", 16)
    script = AS_USER.format(uid=NOBODY, nr_pages=NR_PAGES)
    arguments = [str(foreign.pid), str(Path(__file__).parent), python]
    command = [sys.executable, "-B", "-c", script, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert result.returncode == 0, result.stderr


def _may_run(python: str) -> bool:
    try:
        return subprocess.run([python, "-S", "-c", ""], user=NOBODY, check=False).returncode == 0
    except OSError:
        return False
