"""The line of progress while a long recording is read."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from damon_core.cli.report import reading
from damon_core.cli.report.reading import Reading


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was written to a terminal as standard error, afterwards; nothing is too early."""
    other_end, end = os.openpty()
    monkeypatch.setattr(reading, "_FIRST_S", 0)
    monkeypatch.setattr(reading, "_INTERVAL_S", 0)
    written: list[str] = []
    with os.fdopen(other_end, "rb", buffering=0) as reader:
        with os.fdopen(end, "w") as stderr:
            monkeypatch.setattr(sys, "stderr", stderr)
            yield written
        with suppress(OSError):  # the end, as Linux tells it of a terminal
            while chunk := reader.read(4096):
                written.append(chunk.decode())


def test_a_terminal_is_told_how_far_it_is_and_the_line_is_gone_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with terminal(monkeypatch) as written:
        assert list(Reading("a\x1b.damon", 200).watch(range(200))) == list(range(200))
    lines = "".join(written).split("\r\x1b[K")
    assert lines[1] == r"a\x1b.damon: read 0 of 200 snapshots"
    assert lines[-2] == r"a\x1b.damon: read 192 of 200 snapshots"
    assert lines[-1] == ""


def test_what_breaks_off_erases_its_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as written:
        started = Reading("a.damon", 200)
        next(started.watch(range(200)))
        started.erase()
    assert "".join(written).endswith("snapshots\r\x1b[K")


def test_what_is_no_terminal_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = io.StringIO()
    monkeypatch.setattr(reading, "_FIRST_S", 0)
    monkeypatch.setattr(sys, "stderr", stderr)
    assert len(list(Reading("a.damon", 200).watch(range(200)))) == 200
    assert stderr.getvalue() == ""
