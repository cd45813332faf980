# SPDX-License-Identifier: Apache-2.0
"""What runs in the guest of vmrun before and after the command: its PID 1, a shell script."""

from __future__ import annotations

import os
import re
import shlex
from argparse import Namespace

# Static, with its applets built into its shell: a start-up step costs 20 ms under emulation, not
# 200.
BUSYBOX = "/bin/busybox"

STARTED = "vmrun: command starts"
"""What the guest writes to its console when all is ready for the command."""

GUEST_MOUNTS = f"""\
#!{BUSYBOX} sh
{BUSYBOX} mount -t proc proc /proc
mount -t sysfs sys /sys
[ -c /dev/null ] || mount -t devtmpfs dev /dev
exec </dev/null >/dev/console 2>&1
umask 022
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
ln -sf /proc/self/fd /dev/fd
ln -sf fd/0 /dev/stdin
ln -sf fd/1 /dev/stdout
ln -sf fd/2 /dev/stderr
for d in /tmp /run /var/tmp /dev/shm; do mount -t tmpfs -o mode=1777 tmpfs $d; done
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing
mount -t securityfs securityfs /sys/kernel/security
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup2 /sys/fs/cgroup
hostname vmrun
ip link set lo up
sysctl -qw kernel.perf_event_paranoid=-1 kernel.kptr_restrict=0
mkdir -p /run/host
mount -t virtiofs rootfs /run/host
overlay() {{
	n=$((n+1))
	mkdir -p /run/ov/$n/u /run/ov/$n/w
	mount -t overlay -o lowerdir=$1,upperdir=/run/ov/$n/u,workdir=/run/ov/$n/w overlay $1
}}
"""


def guest_environment(args: Namespace) -> dict[str, str]:
    """The environment of the command."""
    env = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/root"),
        "USER": "root",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "VMRUN": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    for entry in args.env:
        name, is_given, value = entry.partition("=")
        env[name] = value if is_given else os.environ.get(name, "")
    return env


def guest_directories(args: Namespace, home: str) -> list[str]:
    """Shell lines that show and overlay directories."""
    lines, done = [], {"/"}
    overlaid = [os.getcwd(), home, *args.scratch]
    for directory in map(os.path.realpath, overlaid + args.see):
        is_rw = any(f"{directory}/".startswith(f"{rw}/") for rw in args.rw)
        if directory in done or is_rw:
            continue
        done.add(directory)
        quoted = shlex.quote(directory)
        if re.match(r"/(tmp|run|var/tmp)/", directory):  # hidden by the guest's tmpfs
            host = shlex.quote(f"/run/host{directory}")
            lines.append(f"mkdir -p {quoted}; mount --bind {host} {quoted}")
        if directory in map(os.path.realpath, overlaid):
            lines.append(f"overlay {quoted}")
    return lines


def init_script(args: Namespace, token: str) -> str:
    """The guest's PID 1; if it ends early the kernel panics, QEMU exits, and we report DIED."""
    env = guest_environment(args)
    lines = [f"/sbin/modprobe {shlex.quote(module)}" for module in args.module]
    for i, directory in enumerate(map(shlex.quote, args.rw)):
        lines.append(f"mkdir -p {directory}; mount -t virtiofs rw{i} {directory}")
    lines += guest_directories(args, env["HOME"])
    command = shlex.join([f"{name}={value}" for name, value in env.items()] + args.command)
    lines += [
        "for p in /sys/class/virtio-ports/vport*; do",
        "ln -s /dev/${p##*/} /dev/vmrun.$(cat $p/name)",
        "done",
        f"cd {shlex.quote(os.getcwd())}",
        "exec 3>/dev/vmrun.out 4>/dev/vmrun.err || exit",
        f"echo {STARTED} at $(cut -d' ' -f1 /proc/uptime) s",
        f"env -i {command} >&3 2>&4 3>&- 4>&-",
        "rc=$?",
        f"printf '\\0{token}%d\\n' $rc >&3",
        f"printf '\\0{token}%d\\n' $rc >&4",
        "while :; do sleep 60; done",
    ]
    return GUEST_MOUNTS + "\n".join(lines) + "\n"
