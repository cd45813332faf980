"""A real terminal for tests: tmux, of any size, whose keys can be pressed and picture read."""

from __future__ import annotations

import os
import select
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

needs_tmux = pytest.mark.skipif(
    shutil.which("tmux") is None, reason="needs a terminal: apt-get install tmux"
)

PATIENCE_S = 60.0

DAMON = "import sys; from damon_core.cli import main; sys.exit(main(sys.argv[1:]))"


def damon_command(*args: object) -> list[str]:
    """The command ``damon`` of the Python that runs the tests."""
    return [sys.executable, "-c", DAMON, *map(str, args)]


class Terminal:
    """A tmux server of its own with one window, in which a shell runs."""

    def __init__(self, folder: Path, size: tuple[int, int], env: Mapping[str, str]) -> None:
        self.folder = folder
        self._socket = "tmux"  # in the folder: the name of a socket must be short
        self._nr_runs = 0
        path = os.pathsep.join(sys.path)
        self._env = {**os.environ, "PYTHONPATH": path, "LC_ALL": "C.UTF-8", "PS1": "$ "}
        for name in ("NO_COLOR", "COLUMNS", "LINES", "TMUX", "ENV"):
            self._env.pop(name, None)
        self._env |= env
        width, height = map(str, size)
        self.tmux("new-session", "-d", "-x", width, "-y", height, "-c", str(folder), "sh -i")
        self.tmux("set-option", "-g", "window-size", "manual")
        self.tmux("set-option", "-g", "remain-on-exit", "on")
        # Tells, by a line each, when something is printed: so nobody needs to look all the time.
        self._control = subprocess.Popen(
            ["tmux", "-S", self._socket, "-C", "attach-session"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._env,
            cwd=self.folder,
        )

    def tmux(self, *args: str) -> str:
        """Have tmux do something."""
        return subprocess.run(
            ["tmux", "-S", self._socket, "-f", "/dev/null", *args],
            env=self._env,
            cwd=self.folder,
            capture_output=True,
            check=True,
        ).stdout.decode()

    def run(self, argv: Sequence[str]) -> None:
        """Type a command line, with Enter."""
        self._nr_runs += 1
        self.type(f"{shlex.join(argv)}; echo run {self._nr_runs}: $?")
        self.press("Enter")

    def wait_for_end(self, status: int = 0) -> list[str]:
        """The picture once the last command line has ended with that status."""
        said = f"run {self._nr_runs}: {status}"  # after a prompt, if typed before that
        return self.wait_for(lambda lines: any(line.endswith(said) for line in lines))

    def type(self, text: str) -> None:
        self.tmux("send-keys", "-l", text)

    def press(self, *keys: str) -> None:
        """Keys in tmux's names: C-c, Enter, Tab, Up."""
        self.tmux("send-keys", *keys)

    def resize(self, width: int, height: int) -> None:
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def picture(self, *options: str) -> list[str]:
        """The lines that are seen, without blanks at their ends."""
        return self.tmux("capture-pane", "-p", *options).rstrip("\n").split("\n")

    def flag(self, name: str) -> str:
        """What tmux knows of the pane, such as alternate_on."""
        return self.tmux("display-message", "-p", f"#{{{name}}}").strip()

    def wait_for(self, what: str | Callable[[list[str]], object], *options: str) -> list[str]:
        """The picture once it shows a text, or is as wanted."""
        end_s = time.monotonic() + PATIENCE_S
        wanted = (lambda lines: what in "\n".join(lines)) if isinstance(what, str) else what
        while not wanted(lines := self.picture(*options)):
            left_s = end_s - time.monotonic()
            assert left_s > 0, "not seen:\n" + "\n".join(lines)
            assert self._control.stdout is not None
            if select.select([self._control.stdout], [], [], min(1.0, left_s))[0]:
                os.read(self._control.stdout.fileno(), 1 << 16)
        return lines

    def close(self) -> None:
        """End the server and all that runs in it."""
        self.tmux("kill-server")
        self._control.communicate()
