"""Servers of our own under a load whose keys are known."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import numpy as np
import pytest

from damon_core.errors import RunError, WorkloadError
from damon_core.workload.key_load import BATCH, KeyLoad
from damon_core.workload.server import SERVERS, Exchange, Redis, Server

LOAD = KeyLoad(nr_keys=2000, nr_hot=200)


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    kind = SERVERS[request.param]
    if lacks := kind.missing():
        pytest.skip(f"needs {kind.program}: {lacks}")
    with kind() as running:
        yield running


def test_nine_tenths_of_the_requests_are_for_the_hot_tenth_of_the_keys() -> None:
    keys = KeyLoad().keys()
    drawn = np.array([next(keys) for _ in range(100_000)])
    hot = drawn < 10_000
    assert np.mean(hot) == pytest.approx(0.9, abs=0.01)
    assert len(np.unique(drawn[hot])) > 9_900
    assert drawn[~hot].max() > 99_000
    again = KeyLoad().keys()
    assert [next(again) for _ in range(1000)] == drawn[:1000].tolist()


def test_a_server_answers_every_request_of_the_load(server: Server) -> None:
    with server.connect() as connection:
        LOAD.fill(server, connection)
        done = LOAD.run(server, connection, 1)
        assert done.nr_requests == BATCH
        assert done.span_ns >= 1
        connection.exchange([server.get(key, LOAD.value_of(key)) for key in range(2000)])


def test_a_wrong_answer_is_an_error_that_says_what_came(server: Server) -> None:
    with server.connect() as connection:
        LOAD.fill(server, connection)
        wrong = server.get(5, b"y" * LOAD.value_size)
        with pytest.raises(RunError, match=r"a wrong answer: b'000005 .* where b'yyy"):
            connection.exchange([wrong])


def test_a_server_that_is_killed_under_load_is_an_error_that_names_it(server: Server) -> None:
    with server.connect() as connection:
        os.kill(server.pid, signal.SIGKILL)
        with pytest.raises(
            RunError, match=rf"{server.program}, pid {server.pid}: it stopped answering: "
        ):
            LOAD.fill(server, connection)


def test_a_server_leaves_nothing_behind(server: Server) -> None:
    folder = server.socket.parent
    with server.connect():
        assert server.socket.exists()
    server.__exit__(None, None, None)
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)


class NotThere(Redis):
    program = "no-such-server"


class EndsAtOnce(Redis):
    program = "false"


def test_a_server_that_is_not_installed_is_an_error_with_the_package() -> None:
    with pytest.raises(WorkloadError, match="not installed: apt-get install no-such-server"):
        NotThere()


def test_a_server_that_ends_at_once_is_an_error() -> None:
    with (
        EndsAtOnce() as server,
        pytest.raises(RunError, match="it ended before it was ready, exit status 1"),
    ):
        server.connect()


def test_requests_are_those_of_the_protocols() -> None:
    assert Redis.get(None, 7, b"xy") == Exchange(  # type: ignore[arg-type]
        b"*2\r\n$3\r\nGET\r\n$6\r\n000007\r\n", b"$2\r\nxy\r\n"
    )
