"""Why no userfaultfd of a process could be had: one line for each reason, with what to do."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from damon_core.errors import DamonError, PrimitiveError, TargetError
from damon_core.process import CAP_SYS_PTRACE, read_process_stat, read_small
from damon_core.target import Target

_TOO_MANY_FILES = "too many open files to inject: raise the limit (ulimit -n)"
_ELF_CLASS_AT, _ELF_CLASS_32 = 4, 1
_YAMA = "/proc/sys/kernel/yama/ptrace_scope"


def check_before(target: Target) -> None:
    """TargetError for what can be known without stopping it."""
    if target.pid == 0:
        raise TargetError("physical memory has no userfaultfd: use ops vaddr or fvaddr")
    if not target.alive():
        raise ended(target)
    if _is_32_bit(target.pid):
        raise TargetError(
            f"{_name(target)} is a 32-bit program: injection is for 64-bit ones; "
            "use mechanism hint_faults or the primitive accessed_bit"
        )
    if tracer := _status(target.pid, "TracerPid"):
        raise _traced(target, int(tracer))


def ended(target: Target) -> TargetError:
    """It is gone, or only a zombie is left."""
    return TargetError(f"{_name(target)} has ended: there is no memory to monitor")


def no_start(error: OSError) -> PrimitiveError:
    """The injector could not be started, or its answer not be taken."""
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return PrimitiveError(_TOO_MANY_FILES)
    return PrimitiveError(f"the injector cannot be started: {error.strerror}")


def error_of(target: Target, stage: str, error: int) -> DamonError:
    """The error for what the injector met at ``stage`` (lower case)."""
    explain = _EXPLAIN.get((stage, error)) or _EXPLAIN.get((stage, 0))
    if explain is not None:
        return explain(target)
    if error == errno.ESRCH:
        return TargetError(f"{_name(target)} exits or executes another program just now: try again")
    return PrimitiveError(
        f"{_name(target)}: no userfaultfd ({stage}: {os.strerror(error)}); it goes on unharmed: "
        "use another mechanism"
    )


def _name(target: Target) -> str:
    return f"pid {target.pid} ({target.comm})"


def _status(pid: int | str, field: str) -> str:
    for line in read_small(f"/proc/{pid}/status").decode(errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name == field and value.strip() != "0":
            return value.strip()
    return ""


def _is_32_bit(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/exe", "rb", buffering=0) as file:
            head = file.read(_ELF_CLASS_AT + 1)
    except OSError:
        return False
    return head[:4] == b"\x7fELF" and head[_ELF_CLASS_AT] == _ELF_CLASS_32


def _traced(target: Target, tracer: int) -> TargetError:
    stat = read_process_stat(tracer)
    who = f"pid {tracer} ({stat.comm})" if stat else f"pid {tracer}"
    return TargetError(
        f"{_name(target)} is already traced by {who}: detach that debugger first, then try again"
    )


def _not_permitted(target: Target) -> DamonError:
    tracers = {_status(tid, "TracerPid") for tid in os.listdir(f"/proc/{target.pid}/task")} - {""}
    if tracers:
        return _traced(target, int(tracers.pop()))
    if not int(_status("self", "CapEff") or "0", 16) >> CAP_SYS_PTRACE & 1:
        return TargetError(f"{_name(target)} may not be traced: {_way_to_ptrace()}")
    return TargetError(
        f"{_name(target)} may not be traced even with CAP_SYS_PTRACE: a security module or "
        "namespace forbids it; use cooperate() in the target"
    )


def _way_to_ptrace() -> str:
    scope = read_small(_YAMA).strip()
    if scope in (b"", b"0"):
        return "run as its owner or as root, or with CAP_SYS_PTRACE"
    return f"kernel.yama.ptrace_scope is {scope.decode()}: run as root or with CAP_SYS_PTRACE"


def _target(text: str) -> Callable[[Target], DamonError]:
    return lambda target: TargetError(f"{_name(target)} {text}")


def _primitive(text: str) -> Callable[[Target], DamonError]:
    return lambda target: PrimitiveError(f"{_name(target)}: {text}")


_EXPLAIN: dict[tuple[str, int], Callable[[Target], DamonError]] = {
    ("find", errno.EPERM): _not_permitted,
    ("find", errno.EACCES): _not_permitted,
    ("find", errno.ENOENT): _target(
        "has no `syscall; ret` or no way to call rt_sigreturn in its code: use cooperate() in it"
    ),
    ("seize", errno.EPERM): _not_permitted,
    ("stop", errno.ETIMEDOUT): _target(
        "has no thread that stops within a second: it waits for a device (state D) or is frozen "
        "(cgroup freezer); try again when it runs"
    ),
    ("stop", errno.ENOEXEC): _target(
        "runs 32-bit code: injection is for 64-bit programs; use mechanism hint_faults or the "
        "primitive accessed_bit"
    ),
    ("stop", errno.EAGAIN): _target(
        "is always inside a restartable sequence when it stops: try again"
    ),
    ("inspect", errno.EOPNOTSUPP): _target(
        "has a shadow stack, or dispatches its own system calls, so a thread cannot be put back "
        "for sure: use cooperate() in it"
    ),
    ("seccomp", errno.EACCES): _target(
        "has a seccomp filter that forbids userfaultfd, clone or close; nothing was tried: allow "
        "them in its profile, or use mechanism hint_faults"
    ),
    ("seccomp", errno.EPERM): _target(
        "has a seccomp filter, which might kill it, and only CAP_SYS_ADMIN (and a monitor that has "
        "none itself) may read that: run as root, or use cooperate() in it"
    ),
    ("stack", errno.ENOSPC): _target(
        "has no thread on a stack with enough room that is known to be free: try again, or use "
        "cooperate() in it"
    ),
    ("clone", errno.EAGAIN): _target(
        "may not have one more thread for a moment: raise its limit (ulimit -u, pids.max)"
    ),
    ("create", errno.EMFILE): _target(
        "has too many open files: raise its limit (prlimit --nofile)"
    ),
    ("create", errno.ENFILE): _primitive("too many open files in the system: raise fs.file-max"),
    ("create", errno.ENOSYS): _primitive("the kernel lacks CONFIG_USERFAULTFD: use another one"),
    ("create", errno.EPERM): _primitive(
        "the target may not open a userfaultfd: a security module forbids it; use mechanism "
        "hint_faults"
    ),
    ("take", errno.EMFILE): _primitive(
        "too many open files to inject: raise the limit (ulimit -n)"
    ),
    ("take", errno.EPERM): _not_permitted,
}
