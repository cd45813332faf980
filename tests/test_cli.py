from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from damon_core import cli
from damon_core.cli import damon, main
from damon_core.errors import ConfigError, RunError

Capture = pytest.CaptureFixture[str]


def run(*args: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [sys.executable, "-m", "damon_core", *map(str, args)],
        # Not in the source tree, which has no compiled part.
        **{"cwd": "/", "capture_output": True, "text": True, "check": False, **options},
    )


def only_line(capsys: Capture) -> str:
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert line.startswith("damon: ")
    return line


def test_the_help_lists_every_command_with_its_own_summary() -> None:
    ctx = click.Context(damon)
    for name in damon.list_commands(ctx):
        command = damon.get_command(ctx, name)
        assert command is not None
        help_text = (command.help or "").partition("\n\n")[0].replace("\n", " ")
        assert cli._COMMANDS[name].split()[0] == help_text.split()[0]


def test_without_a_command_the_help_is_shown(capsys: Capture) -> None:
    assert main([]) == 0
    assert "Commands:" in capsys.readouterr().out


def test_the_version_is_told(capsys: Capture) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("damon 0.")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["recrod"], "no command 'recrod', there are check, "),
        (["recrod"], "did you mean 'record'?"),
        (["--fast"], "--fast"),
        (["check"], "give one of FILE, --from-damo FILE and --schema; see damon check --help"),
        (["check", "a", "--schema"], "give one of"),
        (["record"], "no target: give --pid PID, -- CMD..., or a configuration FILE"),
        (["record", "a", "-c", "b"], "give one of them"),
        (["record", "a", "b"], "b"),
        (["record", "--"], "no command after --"),
        (["record", "-p", "0"], "--pid"),
        (["record", "-p", "self"], "'self' is not a valid"),
        (["record", "-p", "1", "--sample", "20"], "a time with its unit, such as '20s'"),
        (["record", "-p", "1", "--sample", "soon"], "got 'soon', expected a time such as '5 ms'"),
        (["record", "-p", "1", "--cpu-quota", "20"], "write '20 %' for percent"),
        (["record", "-p", "1", "--primitive", "a:b"], "expected NAME or NAME:KEY=VALUE"),
        (["record", "-p", "1", "--ops", "vadr"], "vadr"),
        (["record", "-p", "1", "--ops", "fvaddr"], "expected ranges to watch for ops fvaddr"),
        (["record", "--ops", "paddr", "--region", "4K"], "expected START-END"),
        (["record", "--ops", "paddr", "--region", "8K-4K"], "--region: got 0x1000, expected"),
        (["record", "--ops", "paddr", "--region", "0-1"], "--region: got 0x1, expected"),
        (["record", "-p", "1", "--min-regions", "2"], "--min-regions: got 2, expected at least 3"),
        (["record", "-p", "1", "--max-regions", "5"], "--min-regions: got 10, above max 5"),
        (
            ["record", "-p", "1", "--aggr", "1ms", "--sample", "5ms"],
            "--sample: got 5000 us, longer",
        ),
        (["record", "-p", "1", "--primitive", "none"], "primitive 'none' is not installed"),
        (["record", "none.yaml"], "none.yaml: cannot be read: No such file or directory"),
        (["check", "none.yaml"], "none.yaml: cannot be read: No such file or directory"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    args: list[str], words: str, capsys: Capture
) -> None:
    assert main(args) == 2
    assert words in only_line(capsys)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ConfigError("f:1: no"), 2, "damon: f:1: no"),
        (RunError("all failed"), 1, "damon: all failed"),
        (OSError(28, "No space left on device", "/x"), 1, "No space left on device"),
        (ZeroDivisionError("oh"), 1, "a fault of damon itself: ZeroDivisionError: oh; --debug"),
        (KeyboardInterrupt(), 1, "interrupted"),
    ],
)
def test_every_error_is_one_line_with_its_exit_code(
    error: BaseException,
    code: int,
    words: str,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(damon, "callback", lambda: fail())
    assert main([]) == code
    printed = capsys.readouterr().err
    assert words in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize("args", [["--debug", "check", "none"], ["check", "none", "--debug"]])
def test_debug_shows_the_traceback_too(args: list[str], capsys: Capture) -> None:
    assert main(args) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("Traceback")
    assert printed.splitlines()[-1].startswith("damon: none: cannot be read")


def test_debug_behind_the_dashes_belongs_to_the_command(capsys: Capture) -> None:
    assert main(["record", "--primitive", "none", "--", "true", "--debug"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_file_with_several_faults_gives_a_line_each(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("ops: vadr\nseed: x\n")
    assert main(["check", str(path)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition("bad.yaml:")[2][:2] for line in lines] == ["1:", "2:"]


def test_a_full_disk_under_standard_output_is_said() -> None:
    with open("/dev/full", "w") as full:
        done = run("check", "--schema", stdout=full, stderr=subprocess.PIPE, capture_output=False)
    assert done.returncode == 1
    assert done.stderr == "damon: [Errno 28] No space left on device\n"


def test_a_reader_that_has_gone_is_no_fault() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as pipe:
        done = run("check", "--schema", stdout=pipe, stderr=subprocess.PIPE, capture_output=False)
    assert done.returncode == 1
    assert done.stderr == ""


def test_check_prints_the_whole_configuration(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "short.yaml"
    path.write_text("targets: [{pid: 1}]\n")
    assert main(["check", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "intervals: auto" in printed
    path.write_text(printed)
    assert main(["check", str(path)]) == 0
    assert capsys.readouterr().out == printed


def test_check_reads_standard_input() -> None:
    assert "cpu_quota: 5 %" in run("check", "-", input="ops: paddr").stdout
    assert "<stdin>:1: key 'op'" in run("check", "-", input="op: paddr").stderr


@pytest.mark.parametrize(
    ("primitive", "words"),
    [
        ("accesed_bit", "f.yaml:3: primitive 'accesed_bit' is not installed"),
        ("accessed_bit: {mechanism: bfp}", "f.yaml:3: primitive accessed_bit"),
        ("accessed_bit: {speed: 1}", "speed"),
    ],
)
def test_check_asks_the_primitives(
    primitive: str, words: str, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "f.yaml"
    path.write_text(f"ops: paddr\nsample:\n  primitives: [{{{primitive}}}]\n")
    assert main(["check", str(path)]) == 2
    assert words in only_line(capsys)


def test_check_converts_files_of_damo(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "k.json"
    contexts = [{"ops": "paddr", "targets": [], "schemes": [{"action": "stat"}]}]
    path.write_text(json.dumps({"kdamonds": [{"contexts": contexts}]}))
    assert main(["check", "--from-damo", str(path)]) == 0
    printed = capsys.readouterr()
    assert "intervals: {sample_us: 5 ms, aggr_us: 100 ms, ops_update_us: 1 s}" in printed.out
    assert "'schemes' is not taken over" in printed.err


def test_primitives_are_a_table_or_json(capsys: Capture) -> None:
    assert main(["primitives"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[:4] == ["PRIMITIVE", "VERSION", "OPS", "HERE"]
    assert any(row.startswith("accessed_bit") for row in rows)
    assert main(["primitives", "--json"]) == 0
    found = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert found["accessed_bit"]["distribution"] == "damon-accessed-bit"
    assert set(found["accessed_bit"]["availability"]) == {"vaddr", "fvaddr", "paddr"}
    assert main(["primitives", "-v"]) == 0
    assert "  vaddr, smaps: " in capsys.readouterr().out
