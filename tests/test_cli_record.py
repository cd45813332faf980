from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from damon_core import open_record
from damon_core.cli import main
from damon_core.config import ConfigFile
from damon_core.model import Intervals
from damon_core.record import Record

Capture = pytest.CaptureFixture[str]
Process = subprocess.Popen[bytes]

FAST = ("--sample", "2ms", "--aggr", "10ms", "--cpu-quota", "400 %")
KILL = "os.kill(ctx.targets[0].pid, signal.SIGKILL)"
LONG = ("-t", "2s")  # on a machine that stands still meanwhile there are snapshots all the same


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.damon"


def record(out: Path, *args: object) -> int:
    return main(["record", "--primitive", "eyes", "-o", str(out), *FAST, *map(str, args)])


def record_apart(out: Path, *args: object, before: str = "") -> subprocess.CompletedProcess[str]:
    """In a process of its own, which may be killed or limited."""
    code = f"import sys\n{before}\nfrom damon_core.cli import main\nsys.exit(main(sys.argv[1:]))"
    command = ["record", "--primitive", "eyes", "-o", str(out), *FAST, *map(str, args)]
    return subprocess.run(
        [sys.executable, "-c", code, *command],
        cwd="/",  # not the source tree, which has no compiled part
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )


def complete(path: Path) -> Record:
    recorded = open_record(path)
    assert not recorded.truncated
    return recorded


def test_a_duration_ends_the_recording(
    eyes: Callable[..., None], bystander: Process, out: Path, capsys: Capture
) -> None:
    eyes()
    assert record(out, "-p", bystander.pid, *LONG) == 0
    recorded = complete(out)
    assert len(recorded)
    assert recorded.header.intervals == Intervals(2_000, 10_000)
    (target,) = recorded[-1].targets
    assert target.pid == bystander.pid
    assert recorded[-1].sources[0].counters.credited
    printed = capsys.readouterr().err
    assert "ended: its time was up" in printed
    assert re.search(r"\d+ snapshots in .* regions .* of one CPU", printed)
    assert re.search(r"reports: \d+ credited", printed)
    assert f"recorded in {out}" in printed


def test_the_recording_carries_its_configuration(
    eyes: Callable[..., None], bystander: Process, out: Path
) -> None:
    eyes()
    assert record(out, "-p", bystander.pid, "-t", "20ms", "--seed", "7", "-q") == 0
    header = complete(out).header
    (context,) = ConfigFile.parse(header.config.encode(), "header").resolve().contexts
    assert context.spec.seed == 7
    assert context.targets[0].pid == bystander.pid
    assert header.primitives[0].version == "1.0"


def test_quiet_says_nothing(
    eyes: Callable[..., None], bystander: Process, out: Path, capsys: Capture
) -> None:
    eyes()
    assert record(out, "-p", bystander.pid, "-t", "20ms", "-q") == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_the_recording_cleanly(
    eyes: Callable[..., None], bystander: Process, out: Path, capsys: Capture, name: str
) -> None:
    eyes(at_the_30th=f"os.kill(os.getpid(), signal.{name})")
    before = signal.getsignal(signal.Signals[name])
    assert record(out, "-p", bystander.pid) == 0
    assert len(complete(out)) >= 3
    assert "ended: stopped" in capsys.readouterr().err
    assert signal.getsignal(signal.Signals[name]) is before


def test_a_second_signal_waits_for_nothing(
    eyes: Callable[..., None], bystander: Process, out: Path
) -> None:
    kill = "os.kill(os.getpid(), signal.SIGINT)"
    eyes(at_the_30th=kill, at_the_end=f"{kill}; threading.Event().wait()")
    done = record_apart(out, "-p", bystander.pid)
    assert done.returncode == 1
    assert len(complete(out)) >= 2
    assert "Traceback" not in done.stderr


def test_a_recorder_that_is_killed_leaves_its_snapshots(
    eyes: Callable[..., None], bystander: Process, out: Path
) -> None:
    eyes(at_the_30th="os.kill(os.getpid(), signal.SIGKILL)")
    assert record_apart(out, "-p", bystander.pid).returncode == -signal.SIGKILL
    recorded = open_record(out)
    assert recorded.truncated
    assert len(recorded) >= 2


def test_the_end_of_the_last_target_ends_the_recording(
    eyes: Callable[..., None], bystander: Process, out: Path, capsys: Capture
) -> None:
    eyes(at_the_30th=KILL)
    assert record(out, "-p", bystander.pid) == 0
    assert len(complete(out)) >= 3
    assert "ended: the last target has ended" in capsys.readouterr().err


def test_a_command_is_recorded_to_its_end(
    eyes: Callable[..., None], out: Path, capsys: Capture
) -> None:
    eyes(at_the_30th="os.kill(ctx.targets[0].pid, signal.SIGUSR1)")
    assert record(out, "--", "sleep", "1000") == 0
    assert complete(out)[0].targets[0].comm == "sleep"
    assert "command sleep was killed by SIGUSR1" in capsys.readouterr().err


def test_a_command_that_exits_at_once_is_no_fault(
    eyes: Callable[..., None], out: Path, capsys: Capture
) -> None:
    eyes()
    assert record(out, "--", "true") == 0
    complete(out)
    assert "command true exited with status 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["-p", "4194304"], "damon: no such process: pid 4194304"),
        (["--", "no-such-program"], "damon: command no-such-program: no such program in PATH"),
        (["--", "/etc/passwd"], "not executable"),
        (["--ops", "paddr"], "damon: primitive eyes (damon-eyes 1.0)"),
    ],
)
def test_what_cannot_start_is_bad_input_and_leaves_nothing(
    eyes: Callable[..., None], out: Path, capsys: Capture, args: list[str], words: str
) -> None:
    eyes()
    assert record(out, *args) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert not out.exists()


def test_no_command_is_run_that_could_not_be_recorded(
    eyes: Callable[..., None], tmp_path: Path, capsys: Capture
) -> None:
    eyes()
    marker = tmp_path / "marker"
    assert record(tmp_path / "none" / "out.damon", "--", "touch", marker) == 2
    assert "cannot be written (No such file or directory)" in capsys.readouterr().err
    assert not marker.exists()


def test_a_file_that_is_no_recording_is_not_overwritten(
    eyes: Callable[..., None], bystander: Process, out: Path, capsys: Capture
) -> None:
    eyes()
    out.write_text("precious")
    assert record(out, "-p", bystander.pid, "-t", "20ms") == 2
    assert out.read_text() == "precious"
    assert "exists and is not a recording" in capsys.readouterr().err


def test_a_full_disk_at_the_start_is_said(
    eyes: Callable[..., None], bystander: Process, capsys: Capture
) -> None:
    eyes()
    assert record(Path("/dev/full"), "-p", bystander.pid, "-t", "20ms") == 1
    assert "No space left on device" in capsys.readouterr().err


def test_a_disk_that_fills_up_keeps_what_was_written(
    eyes: Callable[..., None], bystander: Process, out: Path
) -> None:
    eyes()
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384))"
    done = record_apart(out, "-p", bystander.pid, before=limit)
    assert done.returncode == 1
    assert "File too large while writing snapshot" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(open_record(out)) >= 1


def test_a_primitive_that_fails_ends_the_recording_if_it_is_the_only_one(
    eyes: Callable[..., None], bystander: Process, out: Path, capsys: Capture
) -> None:
    eyes(at_the_30th="raise ValueError('blind')")
    assert record(out, "-p", bystander.pid) == 1
    assert len(complete(out)) >= 2
    printed = capsys.readouterr().err
    assert "every primitive has failed" in printed
    assert "blind" in printed


def test_a_primitive_that_fails_does_not_end_the_others(
    eyes: Callable[..., None], bystander: Process, out: Path, capsys: Capture
) -> None:
    eyes(at_the_30th="raise ValueError('blind')")
    eyes(name="others", at_the_60th=KILL)
    assert record(out, "--primitive", "others", "-p", bystander.pid) == 0
    assert complete(out)[-1].sources[0].failure
    assert "primitive eyes was stopped: " in capsys.readouterr().err


def test_options_override_the_file(
    eyes: Callable[..., None], bystander: Process, tmp_path: Path, out: Path
) -> None:
    eyes()
    path = tmp_path / "f.yaml"
    path.write_text(
        f"targets: [{{pid: {bystander.pid}}}]\nintervals: {{sample_us: 1 s}}\n"
        f"nr_regions: {{max: 50}}\nrecord: {{path: {tmp_path / 'other.damon'}}}\n"
    )
    assert record(out, path, "-t", "20ms", "--min-regions", "5") == 0
    header = complete(out).header
    (context,) = ConfigFile.parse(header.config.encode(), "header").resolve().contexts
    assert (context.spec.nr_regions.min, context.spec.nr_regions.max) == (5, 50)
    assert header.intervals == Intervals(2_000, 10_000)


def test_several_contexts_are_recorded_at_once_each_in_its_file(
    eyes: Callable[..., None], bystander: Process, tmp_path: Path, out: Path, capsys: Capture
) -> None:
    eyes()
    path = tmp_path / "f.yaml"
    targets = f"targets: [{{pid: {bystander.pid}}}]"
    path.write_text(f"contexts:\n- {{name: a, {targets}}}\n- {{name: b, {targets}}}\n")
    assert record(out, "-c", path, *LONG) == 0
    for name in "ab":
        recorded = complete(tmp_path / f"out.{name}.damon")
        assert recorded.header.context == name
        assert recorded[0].cpu_ns >= 0
    printed = capsys.readouterr().err
    assert "a: ended: its time was up" in printed
    assert "b: ended: its time was up" in printed


def test_a_context_that_cannot_start_ends_the_others(
    eyes: Callable[..., None], bystander: Process, tmp_path: Path, out: Path, capsys: Capture
) -> None:
    eyes()
    path = tmp_path / "f.yaml"
    path.write_text(
        f"contexts:\n- targets: [{{pid: {bystander.pid}}}]\n- targets: [{{pid: 4194304}}]\n"
    )
    assert record(out, path) == 2
    assert "no such process: pid 4194304" in capsys.readouterr().err


def test_a_terminal_gets_one_line_of_progress_that_is_erased(
    eyes: Callable[..., None], bystander: Process, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    eyes(at_the_30th=KILL)
    reader, writer = os.openpty()
    shown: list[bytes] = []
    thread = threading.Thread(target=_read_all, args=(reader, shown))
    thread.start()
    with open(writer, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        assert record(out, "-p", bystander.pid) == 0
        monkeypatch.undo()
    thread.join()
    text = b"".join(shown).decode()
    before, _, after = text.partition("\r\x1b[K")
    assert re.search(r"\d+ s, 1 snapshots, \d+ regions, .* lost\), CPU ", before)
    assert "ended: the last target has ended" in after


def _read_all(reader: int, shown: list[bytes]) -> None:
    try:
        while part := os.read(reader, 4096):
            shown.append(part)
    except OSError:  # the other end of a terminal was closed
        pass
    finally:
        os.close(reader)


def test_an_accessed_bit_recording_of_a_real_command(out: Path, capsys: Capture) -> None:
    script = "block = bytearray(1 << 22)\nwhile True: block[::4096] = block[::4096]"
    args = ["record", "--primitive", "accessed_bit:mechanism=smaps", *LONG]
    command = ["--", sys.executable, "-c", script]
    assert main([*args, "--sample", "20ms", "--cpu-quota", "200 %", "-o", str(out), *command]) == 0
    recorded = complete(out)
    assert recorded[-1].sources[0].mechanism == "smaps"
    assert any(snapshot.regions.nr_accesses.any() for snapshot in recorded)
    assert "was killed by SIGTERM" in capsys.readouterr().err
