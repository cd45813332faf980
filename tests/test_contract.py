"""The contract of primitives catches what it promises to catch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import damon_core

EXAMPLE = Path(damon_core.__file__).parent / "template"

# Each class breaks one clause; the example in it keeps all of them.
BREAKERS = """
import ctypes, os, sys
import numpy as np
sys.path.append({example!r})
from damon_first_touch import FirstTouch
from damon_core import REPORT_DTYPE, Provides, ReportFlag, hookimpl
from damon_core.testing import PrimitiveContract


class Past(FirstTouch):
    @hookimpl
    def damon_check_accesses(self, ctx, reports):
        address, nr = reports.space()
        ctypes.memset(address, 0, (nr + 1) * REPORT_DTYPE.itemsize)


class TooMany(FirstTouch):
    @hookimpl
    def damon_check_accesses(self, ctx, reports):
        address, nr = reports.space()
        reports.commit(nr + 1)


def one(**fields):
    row = np.zeros(1, REPORT_DTYPE)
    row["size"] = row["weight"] = 1
    row["flags"] = ReportFlag.HAS_VADDR
    for name, value in fields.items():
        row[name] = value
    return row


class Elsewhere(FirstTouch):
    @hookimpl
    def damon_check_accesses(self, ctx, reports):
        for target in ctx.targets:
            reports.extend(one(vaddr=4096, pid=target.pid))


class OfOthers(FirstTouch):
    @hookimpl
    def damon_check_accesses(self, ctx, reports):
        for target in ctx.targets:
            reports.extend(one(vaddr=target.ranges[0].start, pid=1))


class Guessing(FirstTouch):
    @hookimpl
    def damon_check_accesses(self, ctx, reports):
        for target in ctx.targets:
            flags = ReportFlag.HAS_VADDR | ReportFlag.READ
            reports.extend(one(vaddr=target.ranges[0].start, pid=target.pid, flags=flags))


class Blind(FirstTouch):
    @hookimpl
    def damon_check_accesses(self, ctx, reports):
        pass


class Leaking(FirstTouch):
    @hookimpl
    def damon_init(self, ctx):
        os.open("/dev/null", os.O_RDONLY)


class CleaningOnce(FirstTouch):
    @hookimpl
    def damon_init(self, ctx):
        self.file = open("/dev/null")

    @hookimpl
    def damon_cleanup(self, ctx):
        self.file.close()
        del self.file


class Startled(FirstTouch):
    @hookimpl
    def damon_check_accesses(self, ctx, reports):
        super().damon_check_accesses(ctx, reports)
        for target in ctx.targets:
            os.stat(f"/proc/{{target.pid}}/exe/.")


class Misspelt(FirstTouch):
    @hookimpl
    def damon_clean_up(self, ctx):
        pass


for cls in FirstTouch.__subclasses__():
    name = f"Test{{cls.__name__}}"
    globals()[name] = type(name, (PrimitiveContract,), {{"primitive": cls}})
"""

STAYS = "reports_stay_in_the_buffer_and_in_the_target"
CAUGHT = {
    "Past": STAYS,
    "TooMany": STAYS,
    "Elsewhere": STAYS,
    "OfOthers": STAYS,
    "Guessing": STAYS,
    "Blind": STAYS,
    "Leaking": "no_file_is_left_open",
    "CleaningOnce": "cleanup_without_init_is_harmless",
    "Startled": "a_target_that_ends_is_no_fault",
    "Misspelt": "the_class_can_be_registered",
}


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    """Class and test of every failure that pytest finds in the breakers."""
    folder = tmp_path_factory.mktemp("breakers")
    (folder / "test_breakers.py").write_text(BREAKERS.format(example=str(EXAMPLE)))
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rfE", "--tb=no", "-p", "no:cacheprovider", "."],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTEST_ADDOPTS": ""},
    )
    lines = [line for line in run.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    assert lines, run.stdout + run.stderr
    parts = [line.split(" - ")[0].split("[")[0].split("::") for line in lines]
    return {(part[1].removeprefix("Test"), part[2].removeprefix("test_")) for part in parts}


@pytest.mark.parametrize(("breaker", "clause"), CAUGHT.items())
def test_a_broken_clause_is_caught(failed: set[tuple[str, str]], breaker: str, clause: str):
    assert (breaker, clause) in failed
