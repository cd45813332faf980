# SPDX-License-Identifier: Apache-2.0
"""Why a VM ended before its command did, in one line that says what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

LACKS = "vmrun: lacks "
"""What a guest writes to its console before the name of a CONFIG option that it needs."""

PACKAGES = {
    "qemu-system-x86_64": "qemu-system-x86",
    "virtiofsd": "qemu-system-common, or virtiofsd since Debian 13",
    "busybox": "busybox-static",
}
"""Debian's packages of the programs that a VM takes."""


def missing_program(name: str) -> str:
    """What to say if a program is not installed."""
    base = name.rpartition("/")[2]
    return f"needs {base}, which is not installed: apt-get install {PACKAGES[base]}"


def no_kernel(path: Path) -> str:
    """Why a file cannot be booted, "" if it looks like the image of an x86 kernel."""
    try:
        with path.open("rb") as file:
            head = file.read(0x206)
    except OSError as error:
        return f"--kernel {path}: {error.strerror}: tools/vm-kernels fetches kernels into .vm"
    if head[0x202:] == b"HdrS":
        return ""
    return (
        f"--kernel {path}: no kernel image of x86: expected a bzImage, as /boot/vmlinuz-* is "
        "(tools/vm-kernels fetches some)"
    )


def reason(console: str, qemu: str, *, has_started: bool) -> str:
    """Why QEMU ended: from what the kernel's console and QEMU itself said."""
    lacks = sorted(set(re.findall(re.escape(LACKS) + r"(CONFIG_\w+)", console)))
    if lacks:
        return f"the kernel lacks {lack_text(lacks)}"
    panic = re.search(r"Kernel panic - not syncing: (.*)", console)
    if panic and has_started:
        return f"the kernel panicked while the command ran: {panic[1]}"
    if panic and "Unable to mount root fs" in panic[1]:
        options = ("CONFIG_BLK_DEV_INITRD", "CONFIG_RD_GZIP", "CONFIG_VIRTIO_FS")
        return f"the kernel found no root file system: it lacks {lack_text(options)}"
    if panic:
        return f"the kernel panicked before the command could start: {panic[1]}"
    if has_started:
        return "QEMU ended while the command ran: was it killed for want of memory?"
    said = [line for line in qemu.splitlines() if line.startswith("qemu")]
    if said:
        return f"QEMU refused: {said[-1].partition(': ')[2]}"
    if not console.strip():
        return (
            "the kernel said nothing: if it is no kernel for x86-64, take another; else it lacks "
            + lack_text(("CONFIG_SERIAL_8250_CONSOLE",))
        )
    return "it went down before the command could start, without a word why"


def not_started(console: str, boot_s: float) -> str:
    """Why the command has not started in the time that it was given."""
    if not console.strip():
        return (
            f"the kernel said nothing in {boot_s:g} s: it lacks "
            f"{lack_text(('CONFIG_SERIAL_8250_CONSOLE',))}, or this machine is slow: --boot"
        )
    return (
        f"the command had not started after {boot_s:g} s: the console says how far it came; "
        "if this machine is slow, give --boot (and --timeout)"
    )


def lack_text(options: tuple[str, ...] | list[str]) -> str:
    """The options, and the next step."""
    return (
        f"{' '.join(options)}: build it with that (=y), or give its modules with --modules "
        "(tools/vm-kernels fetches kernels that work)"
    )


def tails(logs: Mapping[str, str], nr_bytes: int = 3000) -> str:
    """The ends of logs, each below its name; those that are empty are left out."""
    return "".join(
        f"--- {name}:\n{text[-nr_bytes:].rstrip()}\n" for name, text in logs.items() if text.strip()
    )
