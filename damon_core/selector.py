"""Which processes a `match` means: by name, command line and control group."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Protocol

from attrs import frozen

from .errors import ConfigError
from .process import ProcessStat, cgroups_of, command_line_of

MAX_COMM = 15
_CGROUP_MOUNT = "/sys/fs/cgroup"


class MatchFields(Protocol):
    """What a ``match`` says; None or "" leaves a condition out."""

    @property
    def comm(self) -> str | None:
        """Glob of the process name."""

    @property
    def cmdline(self) -> str | None:
        """Glob of the command line."""

    @property
    def cgroup(self) -> str | None:
        """Path of a control group."""

    @property
    def children(self) -> bool:
        """Whether descendants are targets too."""


@frozen
class Selector:
    """Conditions that must all hold of a process; without any, it matches none.

    ``comm``: glob of the name (the kernel keeps 15 bytes of it).  ``cmdline``: glob of the whole
    command line, arguments joined by spaces.  ``cgroup``: path of a control group; those below it
    count too.  Globs know ``*``, ``?`` and ``[...]``, and heed case.
    """

    comm: str = ""
    cmdline: str = ""
    cgroup: str = ""

    @classmethod
    def of(cls, match: MatchFields) -> Selector:
        """From what the configuration says; ConfigError if it could never match."""
        comm = match.comm or ""
        if len(comm) > MAX_COMM and not set(comm) & set("*?["):
            raise ConfigError(
                f"match comm {comm!r} is longer than the {MAX_COMM} characters the kernel keeps: "
                f"use {comm[:MAX_COMM]!r}, or match the cmdline"
            )
        cgroup = (match.cgroup or "").removeprefix(_CGROUP_MOUNT)
        if match.cgroup:
            cgroup = "/" + cgroup.strip("/")
        return cls(comm, match.cmdline or "", cgroup)

    @property
    def selects(self) -> bool:
        """Whether there is any condition."""
        return bool(self.comm or self.cmdline or self.cgroup)

    def matches(self, stat: ProcessStat) -> bool:
        """Whether the process meets every condition; asks /proc only for what it needs."""
        if not self.selects:
            return False
        if self.comm and not fnmatchcase(stat.comm, self.comm):
            return False
        if self.cmdline and not fnmatchcase(command_line_of(stat.pid), self.cmdline):
            return False
        return not self.cgroup or any(map(self._holds, cgroups_of(stat.pid)))

    def _holds(self, path: str) -> bool:
        if self.cgroup == "/":
            return True
        return path == self.cgroup or path.startswith(self.cgroup + "/")

    def __str__(self) -> str:
        said = (("comm", self.comm), ("cmdline", self.cmdline), ("cgroup", self.cgroup))
        return ", ".join(f"{name} {value}" for name, value in said if value)
