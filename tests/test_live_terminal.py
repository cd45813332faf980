"""damon monitor on a real terminal: it fits any size, listens to keys, and leaves no trace."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from damon_core import open_record
from tests.terminal import Terminal, damon_command, needs_tmux

pytestmark = needs_tmux

Process = subprocess.Popen[bytes]
Open = Callable[..., Terminal]
Eyes = Callable[..., None]

FAST = ("--sample", "5ms", "--aggr", "50ms", "--cpu-quota", "400 %", "--primitive", "eyes")
FOOT = "? help"
DRAWN = "w save"  # at the end of the last line, which is drawn last


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Open]:
    opened = []

    def start(size: tuple[int, int] = (80, 24), **env: str) -> Terminal:
        opened.append(Terminal(tmp_path, size, env))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def monitor(*args: object) -> list[str]:
    return damon_command("monitor", *FAST, *args)


def number_of(lines: list[str], width: int = 80) -> int:
    """The number of the snapshot that is shown; -1 while the first line is not complete."""
    found = re.search(r"#(\d+)$", lines[0]) if len(lines[0]) == width else None
    return int(found[1]) if found else -1


def wait_for_snapshot(window: Terminal, width: int = 80) -> list[str]:
    """The picture once a whole snapshot is in it; until the first, it says that it waits."""
    first = number_of(window.wait_for(lambda lines: number_of(lines, width) >= 0), width)
    # A picture is drawn from its top, so the one before the next is complete.
    return window.wait_for(
        lambda lines: number_of(lines, width) > first and lines[-1].endswith(DRAWN)
    )


def rows_of(lines: list[str]) -> list[str]:
    """The lines of regions."""
    return [line for line in lines if re.match(r"[0-9a-f]{12} ", line)]


def test_the_view_fits_its_terminal_whatever_becomes_of_its_size(
    eyes: Eyes, bystander: Process, terminal: Open
) -> None:
    eyes()
    window = terminal()
    window.run(monitor("-p", bystander.pid))
    lines = wait_for_snapshot(window)
    assert lines[0].startswith("damon monitor vaddr")
    assert lines[-1].startswith(FOOT)
    assert len(lines) == 24
    assert any(f"({bystander.pid})" in line for line in lines)
    for width, height in ((20, 6), (200, 50), (7, 2), (80, 24)):
        window.resize(width, height)
        lines = window.wait_for(
            lambda lines, height=height, width=width: (
                len(lines) == height
                and (width < 20 or number_of(lines, width) >= 0)
                and (width < 200 or "address range" in "\n".join(lines))
                and (width != 80 or lines[-1].endswith("w save"))
            )
        )
        assert all(len(line) <= width for line in lines)
    window.press("q")
    window.wait_for_end()


@pytest.mark.parametrize(
    "way",
    [
        "q",
        "SIGTERM",
        *(
            pytest.param(way, marks=pytest.mark.slow)
            for way in ("C-c", "SIGHUP", "failure", "a second C-c")
        ),
    ],
)
def test_the_terminal_is_as_before_whatever_ends_the_view(
    eyes: Eyes, bystander: Process, terminal: Open, tmp_path: Path, way: str
) -> None:
    # A target that asks the primitive to fail, or to be slow to end.
    broken = "raise ValueError('blind')" if way == "failure" else "pass"
    hangs = "import threading; threading.Event().wait()" if way == "a second C-c" else "pass"
    eyes(at_the_30th=broken, at_the_end=hangs)
    window = terminal()
    window.run(["sh", "-c", "stty -g >before"])
    window.wait_for_end()
    pid_file = tmp_path / "pid"
    window.type(f"sh -c 'echo $$ > {pid_file}; exec \"$@\"' sh ")
    window.run(monitor("-p", bystander.pid))
    if way != "failure":
        window.wait_for(DRAWN)
        assert window.flag("alternate_on") == "1"
        assert window.flag("cursor_flag") == "0"
    if way.startswith("SIG"):
        os.kill(int(pid_file.read_text()), signal.Signals[way])
    elif way == "a second C-c":
        window.press("C-c")
        window.wait_for("stopping")
        window.press("C-c")
    elif way != "failure":
        window.press(way)
    status = {"failure": 1, "a second C-c": 1}.get(way, 0)
    window.wait_for_end(status)
    assert window.flag("alternate_on") == "0"
    assert window.flag("cursor_flag") == "1"
    assert window.flag("wrap_flag") == "1"
    window.run(["sh", "-c", "stty -g | diff before - && echo the same"])
    # after a prompt, if typed before that
    assert any(line.endswith("the same") for line in window.wait_for_end())


@pytest.mark.slow
def test_what_was_seen_last_stays_on_the_terminal(
    eyes: Eyes, bystander: Process, terminal: Open
) -> None:
    eyes()
    window = terminal((100, 50))
    window.run(monitor("-p", bystander.pid))
    wait_for_snapshot(window, width=100)
    bystander.kill()
    lines = window.wait_for_end()
    assert "ended: the last target has ended" in lines
    assert any(line.startswith("damon monitor vaddr") and "ended" in line for line in lines)


def test_a_pause_holds_the_picture_and_not_the_monitoring(
    eyes: Eyes, bystander: Process, terminal: Open
) -> None:
    eyes()
    window = terminal()
    window.run(monitor("-p", bystander.pid, "-o", "also.damon"))
    wait_for_snapshot(window)
    window.press("p")
    held = number_of(window.wait_for(lambda lines: "PAUSED" in lines[0] and number_of(lines) >= 0))
    window.press("s")
    assert number_of(window.wait_for("sort: size")) == held
    recording = window.folder / "also.damon"
    window.wait_for(lambda lines: len(open_record(recording)) > held + 3)
    assert number_of(window.picture()) == held
    window.press("p")
    assert window.wait_for(lambda lines: number_of(lines) > held + 3)
    window.press("q")
    window.wait_for_end()
    assert not open_record(recording).truncated


@pytest.mark.uninstrumented  # whose mappings hide the stack in a region of terabytes
def test_keys_sort_filter_and_explain(eyes: Eyes, bystander: Process, terminal: Open) -> None:
    eyes()
    window = terminal()
    window.run(monitor("-p", bystander.pid))
    assert "sort: rate" in wait_for_snapshot(window)[-1]
    window.press("p")  # so that no picture is half of one snapshot and half of the next
    window.press("s", "s", "s")
    lines = window.wait_for("sort: address")
    addresses = [line.split()[0] for line in rows_of(lines)]
    assert addresses == sorted(addresses)
    assert len(addresses) > 5
    window.press("/")
    window.wait_for("name contains:")
    window.type("[sta")
    window.press("Enter")
    window.wait_for(
        lambda lines: (
            "only name has" in lines[0]
            and rows_of(lines)
            and all(row.endswith("[stack]") for row in rows_of(lines))
        )
    )
    window.press("c", "?")
    window.wait_for("monitoring goes on")
    window.press("?")
    window.wait_for(DRAWN)
    window.press("q")
    window.wait_for_end()


def test_a_snapshot_can_be_saved(eyes: Eyes, bystander: Process, terminal: Open) -> None:
    eyes()
    window = terminal()
    window.run(monitor("-p", bystander.pid))
    wait_for_snapshot(window)
    window.press("w")
    lines = window.wait_for(lambda lines: re.match(r"snapshot \d+ is in .*\.damon$", lines[-1]))
    number, path = re.findall(r"snapshot (\d+) is in (.*)", lines[-1])[0]
    (snapshot,) = open_record(window.folder / path)
    assert snapshot.index == int(number)
    assert open_record(window.folder / path).header.command_line[0] == "damon"
    window.press("q")
    window.wait_for_end()
    assert [one.name for one in window.folder.glob("*.damon")] == [path]


@pytest.mark.parametrize("no_color", [pytest.param("", marks=pytest.mark.slow), "1"])
def test_no_color_means_none(eyes: Eyes, bystander: Process, terminal: Open, no_color: str) -> None:
    eyes()
    window = terminal(NO_COLOR=no_color)
    window.run(monitor("-p", bystander.pid))
    wait_for_snapshot(window)
    codes = re.findall(r"\x1b\[([0-9;]*)m", "\n".join(window.picture("-e")))
    colors = [code for code in codes if re.search(r"(^|;)[34][0-7](;|$)", code)]
    assert bool(colors) == (not no_color)
    window.press("q")
    window.wait_for_end()


@pytest.mark.slow
def test_a_dumb_terminal_gets_plain_text(eyes: Eyes, bystander: Process, terminal: Open) -> None:
    eyes(at_the_30th="os.kill(ctx.targets[0].pid, signal.SIGKILL)")
    window = terminal((100, 24))
    window.type("TERM=dumb ")
    window.run(monitor("-p", bystander.pid))
    window.wait_for_end()
    lines = window.picture("-S", "-")
    assert sum(line.startswith("damon monitor vaddr") for line in lines) >= 2
    assert FOOT not in "\n".join(lines)


@pytest.mark.slow
def test_what_a_command_prints_is_shown_when_the_view_has_ended(eyes: Eyes, terminal: Open) -> None:
    eyes()
    window = terminal((100, 50))
    window.run([*monitor("--"), "sh", "-c", "echo to be read later; : >printed; exec sleep 1000"])
    window.wait_for(lambda lines: (window.folder / "printed").exists())
    lines = window.wait_for(DRAWN)
    assert "to be read later" not in lines
    window.press("q")
    lines = window.wait_for_end()
    assert lines.index("printed meanwhile:") + 1 == lines.index("to be read later")


@pytest.mark.slow
def test_of_a_command_that_prints_much_the_end_is_shown(eyes: Eyes, terminal: Open) -> None:
    eyes()
    window = terminal((100, 50))
    window.run([*monitor("--"), "sh", "-c", "seq 300000; : >printed; exec sleep 1000"])
    window.wait_for(lambda lines: (window.folder / "printed").exists())
    window.wait_for(DRAWN)
    window.press("q")
    lines = window.wait_for_end()
    assert "300000" in lines
    assert any("bytes before this were not kept" in line for line in window.picture("-S", "-"))


@pytest.mark.slow
def test_several_contexts_are_seen_one_at_a_time(
    eyes: Eyes, bystander: Process, terminal: Open, tmp_path: Path
) -> None:
    eyes()
    targets = f"targets: [{{pid: {bystander.pid}}}]"
    path = tmp_path / "two.yaml"
    path.write_text(f"contexts:\n- {{name: one, {targets}}}\n- {{name: two, {targets}}}\n")
    window = terminal()
    window.run(monitor(path))
    assert "[one]  two " in window.wait_for(DRAWN)[0]
    window.press("Tab")
    window.wait_for(lambda lines: " one  [two]" in lines[0])
    window.press("q")
    window.wait_for_end()


@pytest.mark.slow
def test_a_suspended_view_gives_the_terminal_back(
    eyes: Eyes, bystander: Process, terminal: Open
) -> None:
    eyes()
    window = terminal()
    window.run(monitor("-p", bystander.pid))
    window.wait_for(DRAWN)
    window.press("C-z")
    window.wait_for("topped")
    assert window.flag("alternate_on") == "0"
    assert window.flag("cursor_flag") == "1"
    window.run(["fg"])
    window.wait_for(DRAWN)
    assert window.flag("alternate_on") == "1"
    window.press("q")
    window.wait_for_end()
