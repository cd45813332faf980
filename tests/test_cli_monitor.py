"""damon monitor where nobody looks: blocks of text, JSON lines, and an end in all cases."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from damon_core import open_record
from damon_core.cli import main
from tests.terminal import damon_command

Capture = pytest.CaptureFixture[str]
Process = subprocess.Popen[bytes]
Eyes = Callable[..., None]

FAST = ("--sample", "2ms", "--aggr", "10ms", "--cpu-quota", "400 %", "--primitive", "eyes")
KILL = "os.kill(ctx.targets[0].pid, signal.SIGKILL)"
"""At the 30th tick that ends the run after six windows, however long they take."""


def monitor(*args: object) -> int:
    return main(["monitor", *FAST, *map(str, args)])


def test_without_a_terminal_each_window_is_a_block_of_text(
    eyes: Eyes, bystander: Process, capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    eyes(at_the_30th=KILL)
    monkeypatch.chdir(tmp_path)
    assert monitor("-p", bystander.pid) == 0
    printed = capsys.readouterr()
    heads = [line for line in printed.out.splitlines() if line.startswith("damon monitor vaddr")]
    assert len(heads) >= 3
    assert heads[0].endswith("#0")
    assert "\x1b" not in printed.out
    assert f"({bystander.pid})" in printed.out
    assert "ended: the last target has ended" in printed.err
    assert "recorded in" not in printed.err
    assert not list(tmp_path.iterdir())


def test_once_is_one_block_and_not_a_word_more(
    eyes: Eyes, bystander: Process, capsys: Capture
) -> None:
    eyes()
    assert monitor("--once", "-p", bystander.pid) == 0
    printed = capsys.readouterr()
    assert printed.out.count("damon monitor") == 1
    assert not printed.err


def test_once_as_json_is_one_object(eyes: Eyes, bystander: Process, capsys: Capture) -> None:
    eyes()
    assert monitor("--once", "--json", "-p", bystander.pid) == 0
    (line,) = capsys.readouterr().out.splitlines()
    seen = json.loads(line)
    assert seen["access"]["snapshot"] == 0
    assert seen["access"]["targets"][0]["pid"] == bystander.pid
    assert seen["sample_us"] == 2_000
    (source,) = seen["sources"]
    assert source["name"] == "eyes"
    assert source["counters"]["credited"] == sum(
        region["hits"]["eyes"] for region in seen["access"]["regions"]
    )
    assert seen["working_set"]["0"] > 0
    assert seen["rss"]["0"] > 0
    assert any(region["name"] for region in seen["access"]["regions"])


def test_json_lines_are_what_is_recorded_at_the_same_time(
    eyes: Eyes, bystander: Process, capsys: Capture, tmp_path: Path
) -> None:
    eyes(at_the_30th=KILL)
    out = tmp_path / "also.damon"
    assert monitor("--json", "-p", bystander.pid, "-o", out) == 0
    printed = capsys.readouterr()
    lines = [json.loads(line) for line in printed.out.splitlines()]
    recorded = open_record(out)
    assert not recorded.truncated
    assert len(recorded) >= 3
    assert [line["access"]["end_ns"] for line in lines] == [one.end_ns for one in recorded]
    assert [len(line["access"]["regions"]) for line in lines] == [
        len(one.regions) for one in recorded
    ]
    assert f"recorded in {out}" in printed.err


def test_several_contexts_have_lines_of_their_own(
    eyes: Eyes, bystander: Process, capsys: Capture, tmp_path: Path
) -> None:
    eyes()
    targets = f"targets: [{{pid: {bystander.pid}}}]"
    path = tmp_path / "two.yaml"
    path.write_text(f"contexts:\n- {{name: one, {targets}}}\n- {{name: two, {targets}}}\n")
    assert monitor(path, "--once", "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted(line["context"] for line in lines) == ["one", "two"]
    assert monitor(path, "--once") == 0
    assert capsys.readouterr().out.count("damon monitor ") == 2


def test_a_reader_that_goes_away_ends_it(eyes: Eyes, bystander: Process, tmp_path: Path) -> None:
    eyes()
    out = tmp_path / "also.damon"
    command = damon_command("monitor", *FAST, "--json", "-p", bystander.pid, "-o", out)
    process = subprocess.Popen(
        command,
        cwd="/",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout
    assert json.loads(process.stdout.readline())
    process.stdout.close()
    assert process.stderr
    with process.stderr:
        said = process.stderr.read().decode()
    assert process.wait() == 0
    assert "ended: stopped" in said
    assert "Traceback" not in said
    assert "roken pipe" not in said
    assert not open_record(out).truncated


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["-p", "4194304"], "damon: no such process: pid 4194304"),
        ([], "no target: give --pid PID, -- CMD..., or a configuration FILE"),
        (["-p", "1", "--metrics", "x"], "expected [ADDR:]PORT such as 9500"),
    ],
)
def test_what_cannot_start_is_bad_input(
    eyes: Eyes, capsys: Capture, args: list[str], words: str
) -> None:
    eyes()
    assert monitor(*args) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line


def test_once_without_a_window_is_a_failure(
    eyes: Eyes, bystander: Process, capsys: Capture
) -> None:
    eyes()
    never = ("--sample", "1h", "--aggr", "1h", "-t", "1ms")
    assert monitor(*never, "--once", "-p", bystander.pid) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "damon: there is no snapshot: it ended before the first window did"


def test_a_primitive_that_fails_is_said_and_ends_it(
    eyes: Eyes, bystander: Process, capsys: Capture
) -> None:
    eyes(at_the_30th="raise ValueError('blind')")
    assert monitor("-p", bystander.pid) == 1
    printed = capsys.readouterr()
    assert "eyes" in printed.out
    assert "stopped: " in printed.out
    assert "every primitive has failed" in printed.err
