"""A source of targets that are known from the start."""

from __future__ import annotations

from collections.abc import Sequence

from ..target import Target


class GivenTargets:
    """These targets, and no others; the monitor closes what it was given."""

    def __init__(self, *targets: Target) -> None:
        self._new: tuple[Target, ...] = targets

    def poll(self) -> Sequence[Target]:
        """All of them, once."""
        found, self._new = self._new, ()
        return found

    def release(self) -> None:
        """There are no commands that were held."""

    def close(self) -> None:
        """There is nothing of ours to close."""
