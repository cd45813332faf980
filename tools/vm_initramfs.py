# SPDX-License-Identifier: Apache-2.0
"""A first file system: it loads what the kernel has as modules, and says what it has not at all.

It holds busybox, the modules in the order in which they can be loaded, and a script that loads
them, mounts the shared root file system and goes on there.
"""

from __future__ import annotations

import gzip
import io
import lzma
import os
import stat
from pathlib import Path

from vm_failure import LACKS

WANTED = ("virtio_pci", "virtio_console", "virtio_rng", "virtiofs", "overlay", "ext4")
"""Modules to load, of those that the kernel has as modules at all."""

# /dev/console is there without devtmpfs too: it is a node of the archive.
_SCRIPT = f"""\
#!/bin/busybox sh
exec </dev/console >/dev/console 2>&1
/bin/busybox mkdir -p /dev /proc /sys /root
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
for module in $(/bin/busybox cat /modules/order); do
	/bin/busybox insmod /modules/$module
done
lacks() {{
	echo "{LACKS}$1"
	lacking=1
}}
has() {{
	/bin/busybox grep -qw $1 /proc/filesystems || lacks $2
}}
[ -d /sys/bus/pci/drivers/virtio-pci ] || lacks CONFIG_VIRTIO_PCI
[ -d /sys/bus/virtio/drivers/virtio_console ] || lacks CONFIG_VIRTIO_CONSOLE
has virtiofs CONFIG_VIRTIO_FS
has devtmpfs CONFIG_DEVTMPFS
has tmpfs CONFIG_TMPFS
has overlay CONFIG_OVERLAY_FS
[ -z "$lacking" ] || exec /bin/busybox reboot -f
/bin/busybox umount /proc /sys
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t virtiofs rootfs /root && exec /bin/busybox switch_root /root "$1"
"""


def write_initramfs(path: Path, modules: Path | None, busybox: str, init: str) -> None:
    """Write it for a kernel, whose modules lie in ``modules`` (lib/modules/VERSION) if it has any.

    ``init`` is what runs in the root file system.
    """
    files = load_order(modules) if modules else []
    script = _SCRIPT.replace('"$1"', f'"{init}"').encode()
    archive = io.BytesIO()
    for name in ("bin", "modules", "dev"):
        _add(archive, name, b"", stat.S_IFDIR | 0o755)
    _add(archive, "dev/console", b"", stat.S_IFCHR | 0o600, device=(5, 1))
    _add(archive, "bin/busybox", Path(busybox).read_bytes(), stat.S_IFREG | 0o755)
    _add(archive, "init", script, stat.S_IFREG | 0o755)
    order = "".join(f"{_plain_name(file)}\n" for file in files)
    _add(archive, "modules/order", order.encode(), stat.S_IFREG | 0o644)
    for file in files:
        _add(archive, f"modules/{_plain_name(file)}", _content(file), stat.S_IFREG | 0o644)
    _add(archive, "TRAILER!!!", b"", 0)
    path.write_bytes(gzip.compress(archive.getvalue(), compresslevel=1))


def load_order(modules: Path) -> list[Path]:
    """The wanted modules with all that they need, each after what it needs."""
    files = {_module_name(path): path for path in modules.rglob("*.ko*")}
    order: list[Path] = []

    def add(name: str) -> None:
        file = files.get(name)
        if file is None or file in order:
            return  # built in, or there already
        for needed in _needs(file):
            add(needed)
        order.append(file)

    for name in WANTED:
        add(name)
    return order


def _needs(file: Path) -> list[str]:
    """What a module says in its .modinfo that it depends on."""
    for text in _content(file).split(b"\0"):
        if text.startswith(b"depends="):
            names = text.removeprefix(b"depends=").decode()
            return [name.replace("-", "_") for name in names.split(",") if name]
    return []


def _module_name(file: Path) -> str:
    return _plain_name(file).removesuffix(".ko").replace("-", "_")


def _plain_name(file: Path) -> str:
    return file.name.removesuffix(".xz").removesuffix(".gz")


def _content(file: Path) -> bytes:
    content = file.read_bytes()
    if file.suffix == ".xz":
        return lzma.decompress(content)
    return gzip.decompress(content) if file.suffix == ".gz" else content


def _add(
    archive: io.BytesIO, name: str, content: bytes, mode: int, device: tuple[int, int] = (0, 0)
) -> None:
    """One entry in the format "newc" of cpio: thirteen hexadecimal numbers, name, content."""
    number = archive.tell() % 2**32 + 1
    encoded = os.fsencode(name) + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(encoded), 0)
    archive.write(b"070701" + b"".join(b"%08x" % field for field in fields) + encoded)
    archive.write(b"\0" * (-archive.tell() % 4) + content)
    archive.write(b"\0" * (-archive.tell() % 4))
