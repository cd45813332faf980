"""A load of keys for a server: which are asked for how often is known."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from attrs import frozen

from .server import Connection, Exchange, Server

BATCH = 100
"""Requests that are on their way at once."""
_DRAWN = 10_000


@frozen
class KeyLoad:
    """``nr_keys`` keys with values of ``value_size`` bytes.

    ``hot_requests`` of the requests go to the first ``nr_hot`` keys, the others to the rest, each
    key of either as likely as the next; ``sets`` of the requests set a key, the others get it.
    """

    nr_keys: int = 100_000
    nr_hot: int = 10_000
    value_size: int = 1000
    hot_requests: float = 0.9
    sets: float = 0.1
    seed: int = 1

    def value_of(self, key: int) -> bytes:
        """What a key is set to, each time."""
        return (b"%06d " % key).ljust(self.value_size, b"x")

    def fill(self, server: Server, connection: Connection) -> None:
        """Set every key once, the hot ones first.  RunError, as for every request."""
        for first in range(0, self.nr_keys, BATCH):
            keys = range(first, min(first + BATCH, self.nr_keys))
            connection.exchange([server.set(key, self.value_of(key)) for key in keys])

    def run(self, server: Server, connection: Connection, duration_ns: int) -> Loaded:
        """Ask, the next batch when the last is answered, until ``duration_ns`` are over."""
        began_ns = now_ns = time.monotonic_ns()
        nr = 0
        batches = self._batches(server)
        while now_ns - began_ns < duration_ns:
            connection.exchange(next(batches))
            nr += BATCH
            now_ns = time.monotonic_ns()
        return Loaded(nr, now_ns - began_ns)

    def keys(self) -> Iterator[int]:
        """The keys that are asked for, without end."""
        rng = np.random.default_rng(self.seed)
        while True:
            hot = rng.integers(0, self.nr_hot, _DRAWN)
            cold = rng.integers(self.nr_hot, self.nr_keys, _DRAWN)
            yield from np.where(rng.random(_DRAWN) < self.hot_requests, hot, cold).tolist()

    def _batches(self, server: Server) -> Iterator[list[Exchange]]:
        keys = self.keys()
        nr_sets = round(BATCH * self.sets)
        while True:
            yield [
                (server.set if i < nr_sets else server.get)(key, self.value_of(key))
                for i, key in zip(range(BATCH), keys, strict=False)
            ]


@frozen
class Loaded:
    """How many requests were answered, in how much time."""

    nr_requests: int
    span_ns: int
