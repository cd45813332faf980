"""What the mechanism needs, and what it says if it is not there."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from damon_accessed_bit import walker
from damon_accessed_bit._native import lib
from damon_accessed_bit.bpf import PageTableWalk
from damon_accessed_bit.privilege import missing_capabilities
from damon_core.model import Ops

CAP_SYS_ADMIN, CAP_PERFMON, CAP_BPF = 21, 38, 39
NOBODY = 65534
PR_SET_DUMPABLE, PR_SET_KEEPCAPS = 4, 8


def become_nobody(*caps: int) -> None:
    """Give up everything but ``caps``."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    mask = sum(1 << cap for cap in caps)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = struct.pack("<Ii", 0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3
    assert libc.capset(header, struct.pack("<6I", low, low, 0, high, high, 0)) == 0
    # Else the files of /proc/self stay root's.
    assert libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0


def told_by_nobody(ask: Callable[[], str], *caps: int) -> str:
    """What ``ask`` returns in a process without root that has only ``caps``."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            become_nobody(*caps)
            os.write(writer, ask().encode())
        except BaseException:
            os.write(writer, traceback.format_exc().encode())
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as file:
        answer = file.read().decode()
    os.waitpid(pid, 0)
    return answer


def probe() -> str:
    return PageTableWalk.probe(Ops.VADDR)


def scan_own_memory() -> str:
    page = ctypes.create_string_buffer(b"touched")
    import numpy as np

    running = walker.Walker()
    entries, _ = running.lookup(
        walker.Walked(os.getpid()), np.array([ctypes.addressof(page)], np.uint64)
    )
    running.close()
    return "young" if int(entries[0]) & 0x21 == 0x21 else hex(int(entries[0]))


@pytest.mark.live
def test_it_is_usable_here() -> None:
    assert probe() == ""


@pytest.mark.live
@pytest.mark.parametrize("caps", [(CAP_BPF, CAP_PERFMON), (CAP_SYS_ADMIN,)])
def test_two_capabilities_or_the_old_one_are_enough_without_root(caps: tuple[int, ...]) -> None:
    assert told_by_nobody(probe, *caps) == ""
    assert told_by_nobody(scan_own_memory, *caps) == "young"


@pytest.mark.live
@pytest.mark.parametrize(
    ("caps", "lack"),
    [
        ((), "no CAP_BPF and CAP_PERFMON: run as root, or grant CAP_BPF and CAP_PERFMON"),
        ((CAP_BPF,), "no CAP_PERFMON: run as root, or grant CAP_BPF and CAP_PERFMON"),
        ((CAP_PERFMON,), "no CAP_BPF: run as root, or grant CAP_BPF and CAP_PERFMON"),
    ],
)
def test_a_missing_capability_is_named(caps: tuple[int, ...], lack: str) -> None:
    assert probe() == ""  # what was found out before is not taken for granted
    assert told_by_nobody(probe, *caps) == lack


@pytest.mark.live
def test_a_process_of_another_user_needs_a_capability_that_is_named(toucher: Any) -> None:
    child = toucher(nr_pages=1)
    lack = told_by_nobody(lambda: PageTableWalk.probe(Ops.VADDR, child.pid), CAP_BPF, CAP_PERFMON)
    assert lack == (
        f"/proc/{child.pid}/clear_refs may not be written: "
        "run as the owner of the process, or with CAP_DAC_OVERRIDE"
    )


@pytest.mark.live
def test_a_process_that_has_ended_is_said_to_be_none(toucher: Any) -> None:
    child = toucher(nr_pages=1)
    child.end()
    assert PageTableWalk.probe(Ops.VADDR, child.pid) == f"no process {child.pid}"


@pytest.mark.live
def test_the_loop_function_is_looked_for_by_trying() -> None:
    assert lib.bpf_has_loop() == 1


def test_a_machine_with_other_page_tables_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walker.platform, "machine", lambda: "riscv64")
    assert "riscv64" in walker.missing()


def test_a_kernel_without_types_of_its_own_is_told_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(walker, "BTF", "/nowhere")
    assert walker.why_not(22, lib.PAGE_WALK_LOAD) == (
        "no /nowhere: the kernel needs CONFIG_DEBUG_INFO_BTF=y"
    )


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("error", [errno.EINVAL, errno.EPERM])
def test_a_kernel_that_is_locked_down_is_said_to_be(
    error: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lockdown = tmp_path / "lockdown"
    monkeypatch.setattr(walker, "LOCKDOWN", str(lockdown))
    lockdown.write_text("none integrity [confidentiality]\n")
    assert "boot without lockdown=confidentiality" in walker.why_not(error, lib.PAGE_WALK_LOAD)
    lockdown.write_text("[none] integrity confidentiality\n")
    assert "locked" not in walker.why_not(error, lib.PAGE_WALK_LOAD)


def test_a_kernel_without_bpf_is_told_what_it_lacks() -> None:
    assert "CONFIG_BPF_SYSCALL" in walker.why_not(38, lib.PAGE_WALK_LOAD)


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root")
def test_root_misses_no_capability() -> None:
    assert missing_capabilities("CAP_BPF", "CAP_PERFMON", "CAP_SYS_ADMIN") == []
