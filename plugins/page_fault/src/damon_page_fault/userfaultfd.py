"""A userfaultfd: what the kernel offers through it, and the mappings that it watches."""

from __future__ import annotations

import errno
import os
from enum import IntEnum

from attrs import define

from ._native import ffi, lib


class Kind(IntEnum):
    """What of a protected page faults."""

    WRITES = lib.UFFD_WRITES
    READS_WRITES = lib.UFFD_READS_WRITES


class TargetGone(Exception):
    """The process has ended, or executes another program: its userfaultfd is of no more use."""


@define(eq=False)
class Userfaultfd:
    """A userfaultfd of whatever process it was made in; closing it removes every protection."""

    fd: int
    kind: Kind

    def agree(self, features: int) -> None:
        """The handshake that comes first; OSError EINVAL if the kernel lacks a feature."""
        _agree(self.fd, features)

    def register(self, start: int, end: int) -> None:
        """Make the mappings there ones that can be protected; they may be it already.

        OSError: EBUSY under another userfaultfd, EINVAL or EPERM for one that cannot be watched.
        """
        self._check(lib.uffd_register(self.fd, self.kind, start, end), "register")

    def protect(self, start: int, end: int) -> None:
        """Protect what is registered there, pages that do not exist yet included."""
        self._check(lib.uffd_protect(self.fd, self.kind, start, end), "protect")

    def close(self) -> None:
        """Let go of the process; idempotent."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def _check(self, result: int, doing: str) -> None:
        if result in (-errno.ENOMEM, -errno.ESRCH):
            raise TargetGone
        if result < 0:
            raise OSError(-result, f"userfaultfd, {doing}: {os.strerror(-result)}")


def open_own() -> int:
    """A userfaultfd of this process, not yet agreed on; OSError."""
    fd: int = lib.uffd_open()
    if fd < 0:
        raise OSError(-fd, f"userfaultfd: {os.strerror(-fd)}")
    return fd


def offered_features() -> int:
    """The features that this kernel has; OSError if it has no userfaultfd for us."""
    fd = open_own()
    try:
        return _agree(fd, 0)
    finally:
        os.close(fd)


def _agree(fd: int, features: int) -> int:
    offered = ffi.new("uint64_t *")
    result = lib.uffd_api(fd, features, offered)
    if result < 0:
        raise OSError(-result, f"userfaultfd, handshake: {os.strerror(-result)}")
    return int(offered[0])
