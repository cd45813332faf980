"""The limit of open files: each target takes several, and the usual 1024 are soon used up."""

from __future__ import annotations

import resource
from contextlib import suppress

FILES_PER_TARGET = 6
"""At most: its pidfd, and what two primitives hold of it."""
FILES_OF_OTHER_USE = 64

_STARTED_WITH = resource.getrlimit(resource.RLIMIT_NOFILE)


def raise_file_limit() -> None:
    """Let this process open as many files as it may allow itself."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def give_back_file_limit(pid: int) -> None:
    """Have a child start with the limit that this process had: select() fails above 1024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (min(_STARTED_WITH[0], hard), hard))


def room_for_targets() -> int:
    """How many targets the files are enough for."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 1 << 30
    return max(1, (soft - FILES_OF_OTHER_USE) // FILES_PER_TARGET)
