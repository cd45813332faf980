"""Each system call of a recording fails once: what does the monitor say, and is the target whole?

    python soak/syscall_faults.py [--most 6] [--seed 1] [--only CALL]... [--primitive NAME]...

A first run counts the calls that a short ``damon record`` makes, its helpers' included.  Then, one
run each, every kind of call fails once: at up to ``--most`` of its occurrences, with each error
that it may meet.  Prints a JSON line for what it did not like, and the claims.
"""

from __future__ import annotations

import argparse
import errno
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from _claims import Claims
from _faults import Fault, call_numbers
from _monitors import ALL_PRIMITIVES, Monitors, Run
from _target import Restless, build

from damon_core.errors import RecordError
from damon_core.record import open_record

PATIENCE_S = 60.0
RECORD = ("--duration=0.4s", "--sample=20ms", "--aggr=100ms")
CANNOT_FAIL = {
    *("arch_prctl", "brk", "clock_gettime", "exit", "exit_group", "futex", "getegid", "geteuid"),
    *("getgid", "getpid", "getppid", "gettid", "getuid", "rseq", "rt_sigreturn", "sched_yield"),
    *("restart_syscall", "set_robust_list", "set_tid_address"),
}
"""By the manual, or for the C library, which ends the program over it."""
ERRORS: dict[str, tuple[int, ...]] = {
    "bpf": (errno.EPERM, errno.ENOMEM),
    "clone3": (errno.EAGAIN,),
    "close": (errno.EIO, errno.EINTR),
    "epoll_wait": (errno.EINTR,),
    "execve": (errno.ENOMEM, errno.ETXTBSY),
    "fcntl": (errno.EMFILE,),
    "getrandom": (errno.EINTR,),
    "ioctl": (errno.EIO, errno.ENOMEM, errno.EINTR),
    "openat": (errno.EMFILE, errno.EIO, errno.EINTR),
    "perf_event_open": (errno.EMFILE, errno.EACCES),
    "pidfd_getfd": (errno.EMFILE,),
    "poll": (errno.EINTR, errno.ENOMEM),
    "ppoll": (errno.EINTR, errno.ENOMEM),
    "pread64": (errno.EIO, errno.EINTR),
    "process_vm_readv": (errno.EFAULT, errno.EPERM),
    "process_vm_writev": (errno.EFAULT, errno.EPERM),
    "ptrace": (errno.ESRCH,),
    "read": (errno.EIO, errno.EINTR),
    "recvmsg": (errno.EINTR, errno.ENOMEM),
    "rt_sigtimedwait": (errno.EINTR, errno.EAGAIN),
    "userfaultfd": (errno.EMFILE, errno.EPERM),
    "vfork": (errno.EAGAIN,),
    "wait4": (errno.EINTR,),
    "waitid": (errno.EINTR,),
    "write": (errno.EIO, errno.ENOSPC, errno.EINTR),
}
FILES = {"dup", "epoll_create1", "eventfd2", "memfd_create", "pidfd_open", "pipe2", "socketpair"}


NOTHING = "it ended well and has recorded nothing"
PYTHON_HANGS = "Python waits for a thread that had no memory to begin with (CPython gh-140746)"


def errors_of(call: str) -> tuple[int, ...]:
    if call in FILES or call in ("socket", "fsopen", "fsmount"):
        return (errno.EMFILE, errno.ENOMEM)
    return ERRORS.get(call, (errno.ENOMEM,))


def faults(
    counts: dict[str, int], numbers: dict[str, int], most: int, draw: random.Random
) -> Iterator[tuple[str, Fault]]:
    for call in sorted(counts):
        nr = counts[call]
        for when in range(1, nr + 1) if nr <= most else sorted(draw.sample(range(1, nr + 1), most)):
            for error in errors_of(call):
                yield call, Fault(numbers[call], when, error)


def complaints(run: Run, target: Restless) -> Iterator[str]:
    """What is wrong with how a monitor took it."""
    if run.status is None:
        yield PYTHON_HANGS if "Exception ignored in thread started by" in run.said else "it hangs"
    elif run.status not in (0, 1, 2):
        yield f"it ended with {run.status}"
    if "Traceback" in run.said or "fault of damon" in run.said:
        yield "no message for the user"
    if run.status and "damon: " not in run.said:
        yield "it failed without a word"
    if run.recording.exists():
        try:
            nr_snapshots = sum(1 for _ in open_record(run.recording))
            if not run.status and not nr_snapshots:
                yield NOTHING
        except RecordError as error:
            if run.recording.stat().st_size or not run.status:
                yield f"the recording cannot be read: {error}"
    elif run.status == 0:
        yield "it ended well and there is no recording"
    if not target.runs:
        yield "the target has ended"
    elif left := [name for name in target.fds() if "userfaultfd" in name]:
        yield f"left in the target: {left}"
    elif flags := target.vm_flags() & {"uw", "um", "ui"}:
        yield f"mappings of the target are left watched: {sorted(flags)}"


def fail_each(
    monitors: Monitors, target: Restless, options: argparse.Namespace, claims: Claims
) -> None:
    numbers = call_numbers()
    names = {number: name for name, number in numbers.items()}
    dry = monitors.run(PATIENCE_S, *RECORD, fault=Fault(-1))
    calls = {names[call]: nr for call, nr in dry.calls.items()}
    claims.check("it ends well when nothing fails", dry.status == 0, said=dry.said, **calls)
    if dry.status:
        return
    wanted = set(options.only or calls) - CANNOT_FAIL
    chosen = {call: nr for call, nr in calls.items() if call in wanted}
    draw = random.Random(options.seed)
    endings: Counter[str] = Counter()
    disliked = 0
    for call, fault in faults(chosen, numbers, options.most, draw):
        run = monitors.run(PATIENCE_S, *RECORD, fault=fault)
        found = list(complaints(run, target))
        if found == [NOTHING]:  # on a crowded machine the time was up before the first sample
            run = monitors.run(PATIENCE_S, *RECORD, "--duration=3s", fault=fault)
            found = list(complaints(run, target))
        endings[f"status {run.status}" if run.failed_in else "not reached"] += 1
        if run.recording.exists():
            run.recording.unlink()
        if found or options.verbose:
            disliked += bool(found)
            claims.tell(
                call=call,
                when=fault.when,
                error=errno.errorcode[fault.error],
                failed_in=run.failed_in,
                status=run.status,
                complaints=found,
                said=run.said[-2000:],
            )
        if not target.runs:
            break
    claims.check(
        "each failing call is dealt with",
        not disliked,
        nr_calls=len(chosen),
        nr_faults=sum(endings.values()),
        nr_disliked=disliked,
        **endings,
    )


def run_all(options: argparse.Namespace, primitives: Sequence[str], claims: Claims) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with Restless(build(folder), 7200, options.seed) as target:
            monitors = Monitors(primitives, target.pid, Path(folder))
            fail_each(monitors, target, options, claims)
            monitors.close()
            ended = target.end()
        claims.check(
            "the target is unharmed",
            ended.unharmed,
            status=ended.status,
            nr_steps=ended.nr_steps,
            nr_wrong=ended.nr_wrong,
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--primitive", action="append", default=[])
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    primitives = options.primitive or ALL_PRIMITIVES
    claims = Claims("syscall_faults")
    claims.tell(seed=options.seed, most=options.most, primitives=primitives)
    run_all(options, primitives, claims)
    return claims.exit_code


if __name__ == "__main__":
    sys.exit(main())
