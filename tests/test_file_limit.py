"""The limit of open files: raised for many targets, and not for the commands that are monitored."""

from __future__ import annotations

import subprocess
import sys

COMMAND_UNDER_A_RAISED_LIMIT = """
import os, resource
from damon_core.command import Command
from damon_core.file_limit import raise_file_limit
raise_file_limit()
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0], flush=True)
command = Command.start(["sh", "-c", "ulimit -Sn"])
command.release()
while command.exit_code is None:
    os.sched_yield()
command.close()
"""
THREE_THAT_MATCH = """
import subprocess
from damon_core.config import TargetConfig, TargetMatch
from damon_core.discovery import ConfiguredTargets, TargetError
pipe = subprocess.PIPE
children = [subprocess.Popen(["cat"], stdin=pipe, stdout=pipe, bufsize=0) for _ in range(3)]
for child in children:  # one that answers has its command line, which one just begun may not have
    child.stdin.write(b"?")
    child.stdout.read(1)
try:
    ConfiguredTargets([TargetConfig(pid=children[0].pid),
        TargetConfig(match=TargetMatch(cmdline="cat", children=True))]).poll()
except TargetError as error:
    print(error)
for child in children:
    child.communicate()
"""


def run_limited(limits: str, code: str) -> list[str]:
    command = ["sh", "-c", f'{limits} && exec "$@"', "sh", sys.executable, "-c", code]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    return done.stdout.splitlines()


def test_a_command_has_the_limit_that_the_monitor_was_started_with() -> None:
    limits = "ulimit -Sn 200 && ulimit -Hn 300"
    assert run_limited(limits, COMMAND_UNDER_A_RAISED_LIMIT) == ["300", "200"]


def test_more_targets_than_files_are_refused_with_the_limit_to_raise() -> None:
    (said,) = run_limited("ulimit -n 76", THREE_THAT_MATCH)
    assert said == (
        "more than 2 processes match, and the limit of open files is enough for no more: "
        "raise it (ulimit -n, 6 for each process), or narrow the match"
    )
