"""Targets are found where the configuration says, each process once, also while running."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from attrs import frozen

from damon_core.discovery import ConfiguredTargets
from damon_core.errors import ConfigError, TargetError
from damon_core.model import AddrRange, Ops
from damon_core.process import cgroups_of, read_process_stat
from damon_core.selector import Selector
from damon_core.target import NoSuchProcess, Target

Process = subprocess.Popen[bytes]
Running = Callable[..., Process]

# Takes its name; each number on stdin makes a line of that many descendants, the last says its pid.
FAMILY = """
import ctypes, os, signal, sys
def descend(depth):
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        open("/proc/self/comm", "w").write("descendant")
        if depth > 1:
            descend(depth - 1)
        else:
            print(os.getpid(), flush=True)
        while True:
            signal.pause()
open("/proc/self/comm", "w").write(sys.argv[1])
print("ready", flush=True)
while line := sys.stdin.readline():
    descend(int(line))
"""
SEARCH_AS_NOBODY = """
import os, sys
from damon_core.config import TargetConfig, TargetMatch
from damon_core.discovery import ConfiguredTargets, TargetError
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
match = TargetConfig(match=TargetMatch(comm=sys.argv[1]))
try:
    ConfiguredTargets([match]).poll()
except TargetError as error:
    print(error)
both = ConfiguredTargets([TargetConfig(pid=os.getpid()), match])
print([target.pid == os.getpid() for target in both.poll()], *both.refusals)
"""


@frozen
class Match:
    comm: str | None = None
    cmdline: str | None = None
    cgroup: str | None = None
    children: bool = False


@frozen
class Fields:
    pid: int | None = None
    command: tuple[str, ...] | None = None
    match: Match | None = None
    regions: tuple[AddrRange, ...] = ()
    min_region_sz: int | None = None


Search = Callable[..., ConfiguredTargets]


@pytest.fixture
def search() -> Iterator[Search]:
    sources: list[ConfiguredTargets] = []

    def search_for(*fields: Fields, **options: object) -> ConfiguredTargets:
        sources.append(ConfiguredTargets(fields, **options))  # type: ignore[arg-type]
        return sources[-1]

    yield search_for
    for source in sources:
        source.close()


_numbers = count()


@pytest.fixture
def name() -> str:
    """A process name that nobody else has."""
    return f"t{os.getpid()}-{next(_numbers)}"


def fork(process: Process, depth: int = 1) -> int:
    """Have a family process fork; the pid of its youngest descendant."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"%d\n" % depth)
    process.stdin.flush()
    return int(process.stdout.readline())


def pids(source: ConfiguredTargets) -> list[int]:
    return sorted(target.pid for target in source.poll())


def test_a_pid_is_found_once(search: Search, bystander: Process) -> None:
    source = search(Fields(pid=bystander.pid), Fields(pid=bystander.pid))
    assert pids(source) == [bystander.pid]
    assert pids(source) == []


def test_a_name_finds_processes_that_run_and_that_start_later(
    search: Search, running: Running, name: str
) -> None:
    first = running(FAMILY, name)
    source = search(Fields(match=Match(comm=name[:-1] + "*")))
    assert pids(source) == [first.pid]
    second = running(FAMILY, name)
    assert pids(source) == [second.pid]
    assert pids(source) == []


def test_a_command_line_finds_its_process(search: Search, running: Running, name: str) -> None:
    process = running("print('ready', flush=True); input()", name)
    assert pids(search(Fields(match=Match(cmdline=f"* {name}")))) == [process.pid]
    with pytest.raises(TargetError, match="no process matches"):
        search(Fields(match=Match(cmdline=name))).poll()


def test_all_conditions_of_a_match_must_hold(search: Search, running: Running, name: str) -> None:
    process = running(FAMILY, name, "extra")
    running(FAMILY, name)
    assert pids(search(Fields(match=Match(comm=name, cmdline="*extra")))) == [process.pid]


def test_a_control_group_holds_those_below_it_but_not_its_namesakes(bystander: Process) -> None:
    stat = read_process_stat(bystander.pid)
    assert stat is not None
    path = cgroups_of(bystander.pid)[-1]
    assert Selector(cgroup="/").matches(stat)
    assert Selector.of(Match(cgroup=path)).matches(stat)
    assert Selector.of(Match(cgroup=f"/sys/fs/cgroup{path}/")).matches(stat)
    assert Selector.of(Match(cgroup=os.path.dirname(path) or "/")).matches(stat)
    assert not Selector(cgroup="/nowhere").matches(stat)
    if path != "/":
        assert not Selector(cgroup=path[:-1]).matches(stat)


def test_the_monitor_does_not_match_itself(search: Search, name: str) -> None:
    own = Path("/proc/self/comm")
    before = own.read_text()
    own.write_text(name)
    try:
        with pytest.raises(TargetError, match=rf"no process matches \(comm {name}\): start it"):
            search(Fields(match=Match(comm=name))).poll()
    finally:
        own.write_text(before)


def test_descendants_are_found_where_asked_for(search: Search, running: Running, name: str) -> None:
    process = running(FAMILY, name)
    child = fork(process)
    with_children = search(Fields(pid=process.pid, match=Match(children=True)))
    alone = search(Fields(pid=process.pid))
    assert pids(with_children) == sorted([process.pid, child])
    assert pids(alone) == [process.pid]
    youngest = fork(process, depth=3)
    found = pids(with_children)
    assert youngest in found
    assert len(found) == 3
    assert pids(alone) == []


def test_descendants_of_matches_are_found_by_their_ancestor(
    search: Search, running: Running, name: str
) -> None:
    process = running(FAMILY, name, "extra")
    child = fork(process)
    source = search(Fields(match=Match(comm=name, cmdline="*extra", children=True)))
    assert pids(source) == sorted([process.pid, child])


def test_a_command_is_held_until_release_and_ended_by_close(search: Search) -> None:
    source = search(Fields(command=("sleep", "1000")))
    (target,) = source.poll()
    assert target.comm != "sleep"
    source.release()
    assert target.comm == "sleep"
    assert target.alive()
    source.close()
    assert source.endings == ("command sleep was killed by SIGTERM",)
    assert not target.alive()
    assert pids(source) == []


def test_children_of_a_command_are_found(search: Search, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ready")
    script = 'sleep 1000 & sleep 1000 & echo ready > "$0"; wait'
    source = search(
        Fields(command=("sh", "-c", script, str(tmp_path / "ready")), match=Match(children=True))
    )
    assert len(source.poll()) == 1
    source.release()
    (tmp_path / "ready").read_text()
    assert len(source.poll()) == 2


def test_a_command_that_exits_at_once_says_its_status(search: Search) -> None:
    source = search(Fields(command=("sh", "-c", "exit 7")))
    (target,) = source.poll()
    source.release()
    os.waitid(os.P_PID, target.pid, os.WEXITED | os.WNOWAIT)
    assert not target.alive()
    assert source.endings == ("command sh exited with status 7",)


def test_what_a_failed_first_poll_had_opened_is_closed(
    search: Search, bystander: Process, tmp_path: Path
) -> None:
    before = os.listdir("/proc/self/fd")
    source = search(
        Fields(pid=bystander.pid),
        Fields(command=("touch", str(tmp_path / "ran"))),
        Fields(command=("no-such-program",)),
    )
    with pytest.raises(TargetError, match="no-such-program: no such program in PATH"):
        source.poll()
    assert os.listdir("/proc/self/fd") == before
    assert source.commands[0].exit_code == 127
    assert not (tmp_path / "ran").exists()


def test_a_pid_that_does_not_exist_is_an_error(search: Search) -> None:
    with pytest.raises(NoSuchProcess):
        search(Fields(pid=2**31 - 1)).poll()


def test_more_than_the_most_targets_is_an_error_at_first_and_a_refusal_later(
    search: Search, running: Running, name: str
) -> None:
    running(FAMILY, name)
    fields = Fields(match=Match(comm=name))
    source = search(fields, max_targets=1)
    (first,) = source.poll()
    second = running(FAMILY, name)
    assert pids(source) == []
    message = "more than 1 processes match, the most that are monitored at once: narrow the match"
    assert list(source.refusals) == [message]
    with pytest.raises(TargetError, match=message):
        search(fields, max_targets=1).poll()
    first.close()  # as its taker does once it has ended
    os.kill(first.pid, 9)
    os.waitid(os.P_PID, first.pid, os.WEXITED | os.WNOWAIT)
    assert pids(source) == [second.pid]
    assert not source.refusals


@pytest.mark.live
def test_matches_that_may_not_be_read_are_refused_in_words(running: Running, name: str) -> None:
    process = running(FAMILY, name)
    done = subprocess.run(
        [sys.executable, "-c", SEARCH_AS_NOBODY, name],
        check=True,
        capture_output=True,
        text=True,
    )
    alone, beside = done.stdout.splitlines()
    why = f"pid {process.pid} ({name}) belongs to uid 0 and you are uid 65534: run as its owner"
    assert alone.startswith(why)
    assert beside.startswith(f"[True] {why}")


def test_physical_memory_is_the_only_target_of_paddr(search: Search) -> None:
    given = AddrRange(0, 1 << 21)
    source = search(Fields(regions=(given,)), ops=Ops.PADDR, min_region_sz=1 << 14)
    (target,) = source.poll()
    assert (target.pid, target.given_ranges, target.min_region_sz) == (0, (given,), 1 << 14)
    assert pids(source) == []
    assert pids(search(ops=Ops.PADDR)) == [0]


def test_the_larger_least_region_counts(search: Search, bystander: Process) -> None:
    for context, own, expected in ((4096, None, 4096), (4096, 8192, 8192), (8192, 4096, 8192)):
        source = search(Fields(pid=bystander.pid, min_region_sz=own), min_region_sz=context)
        (target,) = source.poll()
        assert isinstance(target, Target)
        assert target.min_region_sz == expected


@pytest.mark.parametrize(
    ("fields", "ops", "message"),
    [
        ((), Ops.VADDR, "ops vaddr has no target: give a pid, a command or a match"),
        ((Fields(),), Ops.VADDR, "exactly one of pid, command and match: got none"),
        ((Fields(match=Match(children=True)),), Ops.VADDR, "match: got none"),
        ((Fields(pid=1, command=("a",)),), Ops.FVADDR, "got pid and command"),
        ((Fields(pid=1, match=Match(comm="a")),), Ops.VADDR, "got pid and match"),
        ((Fields(pid=1),), Ops.PADDR, "ops paddr monitors the machine, no process: got pid"),
        ((Fields(match=Match(children=True)),), Ops.PADDR, "no process: got children"),
        ((Fields(), Fields()), Ops.PADDR, "ops paddr has one target, .* got 2: list all regions"),
        ((Fields(pid=1, min_region_sz=5000),), Ops.VADDR, "min_region_sz is 5000: it must be"),
        (
            (Fields(match=Match(comm="sixteen-letters-")),),
            Ops.VADDR,
            "longer than the 15 characters the kernel keeps: use 'sixteen-letters', or match the",
        ),
    ],
)
def test_targets_that_do_not_fit_are_refused_before_anything_is_opened(
    fields: tuple[Fields, ...], ops: Ops, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        ConfiguredTargets(fields, ops)
