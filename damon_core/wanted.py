"""One target as a configuration names it, checked and ready to be looked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from attrs import frozen

from .errors import ConfigError
from .model import AddrRange, Ops
from .selector import MatchFields, Selector
from .target import Target, check_min_region_sz


class TargetFields(Protocol):
    """What a configuration says of a target: one of pid, command and match; none for paddr."""

    @property
    def pid(self) -> int | None:
        """A process that runs."""

    @property
    def command(self) -> Sequence[str] | None:
        """A program and its arguments, to be started."""

    @property
    def match(self) -> MatchFields | None:
        """What processes are looked for; beside a pid or command it says only ``children``."""

    @property
    def regions(self) -> Sequence[AddrRange]:
        """Fixed ranges, for fvaddr and paddr."""

    @property
    def min_region_sz(self) -> int | None:
        """Bytes; None for the context's."""


@frozen(eq=False)
class WantedTarget:
    """What to look for, and how the processes found are to be monitored.

    ``min_region_sz`` in bytes: the larger one of the context's and the target's own.
    """

    pid: int | None
    command: tuple[str, ...]
    selector: Selector
    children: bool
    given_ranges: tuple[AddrRange, ...]
    min_region_sz: int

    @classmethod
    def of(cls, fields: TargetFields, ops: Ops, min_region_sz: int) -> WantedTarget:
        """ConfigError unless it names its processes in one way, or none for paddr."""
        match = fields.match
        wanted = cls(
            pid=fields.pid,
            command=tuple(fields.command or ()),
            selector=Selector.of(match) if match else Selector(),
            children=bool(match and match.children),
            given_ranges=tuple(fields.regions),
            min_region_sz=check_min_region_sz(max(min_region_sz, fields.min_region_sz or 0)),
        )
        wanted._check_ways(ops)
        return wanted

    @property
    def searches(self) -> bool:
        """Whether its processes have to be looked for among all."""
        return self.selector.selects or self.children

    def open(self, pid: int) -> Target:
        """Hold one of its processes; TargetError."""
        return Target.open(pid, min_region_sz=self.min_region_sz, given_ranges=self.given_ranges)

    def open_physical(self) -> Target:
        """The physical memory, as this target wants it monitored."""
        return Target.physical(min_region_sz=self.min_region_sz, given_ranges=self.given_ranges)

    def _check_ways(self, ops: Ops) -> None:
        said = {
            "pid": self.pid is not None,
            "command": self.command,
            "match": self.selector.selects,
        }
        ways = [name for name, value in said.items() if value]
        if ops is Ops.PADDR:
            ways += ["children"] if self.children else []
            if ways:
                raise ConfigError(
                    f"ops paddr monitors the machine, no process: got {ways[0]}, give only regions"
                )
        elif len(ways) != 1:
            got = " and ".join(ways) or "none"
            raise ConfigError(f"a target needs exactly one of pid, command and match: got {got}")
