"""What cannot be booted is said in one line, and ends."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
VMRUN = ROOT / "tools" / "vmrun"

Run = Callable[..., "subprocess.CompletedProcess[str]"]

# Plays QEMU: finds the file of the console among its arguments, and does what the test says.
QEMU = """#!/bin/sh
for argument in "$@"; do
	case $argument in file,id=con,path=*) console=${argument#file,id=con,path=} ;; esac
done
"""
# Plays the file server, where none is installed: its socket is there, and it waits to be ended.
VIRTIOFSD = """#!/bin/sh
for argument in "$@"; do
	case $argument in --socket-path=*) : >"${argument#--socket-path=}" ;; esac
done
exec sleep infinity
"""
SILENT = "exec sleep infinity\n"
STARTED = 'echo "vmrun: command starts at 3.1 s" >"$console"\n'


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    """What looks like a kernel to vmrun, but not to QEMU."""
    path = tmp_path / "vmlinuz"
    path.write_bytes(bytes(0x202) + b"HdrS" + bytes(100))
    return path


@pytest.fixture
def run(tmp_path: Path, kernel: Path) -> Run:
    """Runs vmrun with a program in the place of QEMU, and gives what it said."""
    programs = tmp_path / "bin"
    programs.mkdir()

    def start(
        *options: str, qemu: str | None = None, kernel: Path = kernel
    ) -> subprocess.CompletedProcess[str]:
        for name, script in (("qemu-system-x86_64", qemu), ("virtiofsd", VIRTIOFSD)):
            if script is not None:
                (programs / name).write_text(script)
                (programs / name).chmod(0o755)
        command = [sys.executable, VMRUN, "--kernel", kernel, *options, "--", "true"]
        path = str(programs) if qemu is None else f"{programs}:{os.environ['PATH']}"
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PATH": path, "TMPDIR": str(tmp_path)},
        )

    return start


def reason(said: subprocess.CompletedProcess[str], status: int) -> str:
    """The last line, which says why."""
    assert said.returncode == status, said.stderr
    line = said.stderr.splitlines()[-1]
    assert line.startswith("vmrun: ")
    return line


needs_root = [
    pytest.mark.live,
    pytest.mark.skipif(not shutil.which("busybox"), reason="needs busybox: busybox-static"),
]


@pytest.mark.live
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file or directory: tools/vm-kernels fetches kernels"),
        (b"# a page about kernels\n" * 100, "no kernel image of x86: expected a bzImage"),
        (b"", "no kernel image of x86: expected a bzImage"),
    ],
)
def test_a_file_that_is_no_kernel_is_refused(
    run: Run, tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "page"
    if content is not None:
        path.write_bytes(content)
    refusal = run(kernel=path)
    assert said in reason(refusal, 2)
    assert refusal.stderr.count("\n") == 1


@pytest.mark.live
def test_without_qemu_its_package_is_named(run: Run) -> None:
    refusal = run(qemu=None)
    assert refusal.stderr == (
        "vmrun: needs qemu-system-x86_64, which is not installed: apt-get install qemu-system-x86\n"
    )
    assert refusal.returncode == 2


class TestOfQemu:
    """With a program in its place."""

    pytestmark = needs_root

    def test_what_a_kernel_lacks_is_said_in_one_line(self, run: Run) -> None:
        lacks = "vmrun: lacks CONFIG_VIRTIO_FS\nvmrun: lacks CONFIG_VIRTIO_CONSOLE\n"
        said = run(qemu=f"{QEMU}printf '{lacks}' >$console")
        assert said.stderr.count("\n") == 1
        line = reason(said, 125)
        assert "the kernel lacks CONFIG_VIRTIO_CONSOLE CONFIG_VIRTIO_FS: " in line
        assert "--modules" in line

    def test_a_kernel_without_a_first_file_system_is_told_what_it_lacks(self, run: Run) -> None:
        panic = "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)"
        line = reason(run(qemu=f"{QEMU}echo '[ 3.9] {panic}' >$console"), 125)
        assert "CONFIG_BLK_DEV_INITRD" in line
        assert "CONFIG_VIRTIO_FS" in line

    def test_another_panic_is_repeated(self, run: Run) -> None:
        panic = "echo '[ 4.2] Kernel panic - not syncing: Out of cheese'"
        before = run(qemu=f"{QEMU}{panic} >$console")
        assert "panicked before the command could start: Out of cheese" in reason(before, 125)
        after = run(qemu=f"{QEMU}{STARTED}{panic} >>$console")
        assert "panicked while the command ran: Out of cheese" in reason(after, 125)
        assert after.stderr.startswith("--- console:")

    def test_what_qemu_refuses_is_repeated(self, run: Run) -> None:
        line = reason(run(qemu=f"{QEMU}echo 'qemu: invalid kernel header' >&2; exit 1"), 125)
        assert "QEMU refused: invalid kernel header" in line

    def test_a_kernel_that_says_nothing_is_told_of_the_serial_console(self, run: Run) -> None:
        assert "CONFIG_SERIAL_8250_CONSOLE" in reason(run(qemu=f"{QEMU}exit 0"), 125)
        line = reason(run("--boot", "0.5", qemu=QEMU + SILENT), 124)
        assert "said nothing in 0.5 s" in line
        assert "CONFIG_SERIAL_8250_CONSOLE" in line

    def test_a_guest_that_does_not_come_up_is_ended(self, run: Run) -> None:
        hanging = f"{QEMU}echo 'Booting' >$console\n{SILENT}"
        line = reason(run("--boot", "5", qemu=hanging), 124)
        assert "had not started after 5 s" in line
        assert "--boot" in line

    def test_a_command_that_does_not_end_is_ended(self, run: Run, tmp_path: Path) -> None:
        said = run("--timeout", "5", qemu=QEMU + STARTED + SILENT)
        assert "the command still ran after 5 s: --timeout" in reason(said, 124)
        assert not list(tmp_path.glob("vmrun.*")), "left behind"

    def test_a_console_of_an_earlier_run_is_not_taken_for_this_one(
        self, run: Run, tmp_path: Path
    ) -> None:
        log = tmp_path / "console"
        log.write_text("Kernel panic - not syncing: yesterday\n")
        assert "yesterday" not in run("--log", str(log), qemu=f"{QEMU}exit 0").stderr


@pytest.mark.vm
@pytest.mark.parametrize("lack", ["virtio_pci", "virtio_console", "virtiofs"])
def test_a_real_kernel_without_a_module_is_told_which_it_lacks(tmp_path: Path, lack: str) -> None:
    folder = ROOT / ".vm" / "debian-6.1"
    if not (folder / "modules").exists():
        pytest.skip(f"no kernel debian-6.1 in {ROOT / '.vm'}: tools/vm-kernels fetches it")
    modules = tmp_path / "modules"
    shutil.copytree(folder / "modules", modules, ignore=shutil.ignore_patterns(f"{lack}.ko*"))
    command = [sys.executable, VMRUN, "--kernel", folder, "--modules", modules, "--", "true"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    option = {"virtiofs": "CONFIG_VIRTIO_FS"}.get(lack, f"CONFIG_{lack.upper()}")
    assert f"the kernel lacks {option}: " in reason(said, 125)
    assert said.stderr.count("\n") == 1


@pytest.mark.vm
def test_a_real_kernel_that_panics_is_said_to_have(tmp_path: Path) -> None:
    kernels = sorted((ROOT / ".vm").glob("*/vmlinuz"))
    if not kernels:
        pytest.skip(f"no kernel in {ROOT / '.vm'}: tools/vm-kernels fetches some")
    crash = ["sh", "-c", "echo c >/proc/sysrq-trigger"]
    command = [sys.executable, VMRUN, "--kernel", kernels[0].parent, "--", *crash]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "panicked while the command ran: sysrq triggered crash" in reason(said, 125)
