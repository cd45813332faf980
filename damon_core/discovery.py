"""Finds the targets that a configuration names: pids, commands, matches, and their children."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice

from attrs import define, field

from .command import Command
from .errors import ConfigError, TargetError
from .file_limit import FILES_PER_TARGET, room_for_targets
from .model import Ops
from .process import Identity, ProcessStat, list_processes
from .target import PAGE_SIZE, NoSuchProcess, Target
from .wanted import TargetFields, WantedTarget

MAX_TARGETS = 4096
"""Most processes one context monitors at a time: each costs a descriptor, regions, and a scan."""

_TOO_MANY = ((0, 0), "")


@define(eq=False)
class ConfiguredTargets:
    """The targets of one context, looked for at each poll; a process is never two targets.

    The first :meth:`poll` opens the pids, starts the commands (held) and looks for matches:
    TargetError if a pid or command is not to be had, or there is no target at all.  Later polls
    find processes that have started since.  Whoever takes a target may close it once it has ended.
    Ops paddr has one target, the physical memory.  ConfigError for targets that do not fit the ops.
    """

    configured: Iterable[TargetFields]
    ops: Ops = Ops.VADDR
    min_region_sz: int = PAGE_SIZE
    max_targets: int = MAX_TARGETS
    commands: list[Command] = field(factory=list, init=False)
    _wanted: tuple[WantedTarget, ...] = field(init=False)
    _live: dict[Identity, tuple[Target, WantedTarget]] = field(factory=dict, init=False)
    _refused: dict[tuple[Identity, str], str] = field(factory=dict, init=False)
    _polled: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._wanted = tuple(
            WantedTarget.of(fields, self.ops, self.min_region_sz) for fields in self.configured
        )
        if self.ops is Ops.PADDR and len(self._wanted) > 1:
            raise ConfigError(
                f"ops paddr has one target, the physical memory, got {len(self._wanted)}: "
                "list all regions under one"
            )
        if self.ops is not Ops.PADDR and not self._wanted:
            raise ConfigError(f"ops {self.ops} has no target: give a pid, a command or a match")

    def poll(self) -> Sequence[Target]:
        """Targets found since the last call."""
        if not self._polled:
            self._polled = True
            return self._open_all()
        self._forget_closed()
        known = len(self._live)
        self._search()
        return [target for target, _ in islice(self._live.values(), known, None)]

    def release(self) -> None:
        """Let the commands execute; TargetError if one cannot, or becomes one we may not read."""
        for command in self.commands:
            command.release()
        for target, wanted in self._live.values():
            if wanted.command:
                target.reread_comm()
                with suppress(NoSuchProcess):  # how it ended is said in endings
                    target.check_readable()

    @property
    def endings(self) -> tuple[str, ...]:
        """How each command ended, or that it still runs: one sentence each."""
        return tuple(command.ending for command in self.commands)

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why processes that match are not monitored: one sentence each."""
        return tuple(self._refused.values())

    def close(self) -> None:
        """Let go of all targets, end the commands that still run, and wait for these."""
        self._wanted = ()
        for target, _ in self._live.values():
            target.close()
        self._live.clear()
        for command in self.commands:
            command.close()

    def _open_all(self) -> list[Target]:
        if self.ops is Ops.PADDR:
            return [self._open_physical()]
        try:
            self._open_named()
            self._search()
            if not self._live or _TOO_MANY in self._refused:
                raise TargetError(self._why_not())
        except BaseException:
            self.close()
            raise
        return [target for target, _ in self._live.values()]

    def _open_physical(self) -> Target:
        if self._wanted:
            return self._wanted[0].open_physical()
        return Target.physical(min_region_sz=self.min_region_sz)

    def _open_named(self) -> None:
        for wanted in self._wanted:
            if wanted.pid is not None:
                self._add(wanted.open(wanted.pid), wanted)
            elif wanted.command:
                command = Command.start(wanted.command)
                self.commands.append(command)
                self._add(wanted.open(command.pid), wanted)

    def _why_not(self) -> str:
        if self._refused:
            return next(reversed(self._refused.values()))
        sought = " or ".join(f"({wanted.selector})" for wanted in self._wanted)
        return f"no process matches {sought}: start it first, or give it as a command"

    def _search(self) -> None:
        """Look through all processes for matches, then for children of what is known by then."""
        if not any(wanted.searches for wanted in self._wanted):
            return
        processes = {stat.pid: stat for stat in list_processes()}
        processes.pop(os.getpid(), None)  # the monitor's own command line says what it looks for
        self._forget_refused(processes.values())
        for stat in processes.values():
            self._consider(stat, self._matching(stat))
        for stat in processes.values():
            self._consider(stat, self._family_of(stat, processes))

    def _matching(self, stat: ProcessStat) -> WantedTarget | None:
        return next((wanted for wanted in self._wanted if wanted.selector.matches(stat)), None)

    def _family_of(
        self, stat: ProcessStat, processes: dict[int, ProcessStat]
    ) -> WantedTarget | None:
        """The wanted target that has this process among its descendants, and asks for them."""
        while (parent := processes.get(stat.parent)) and parent.start_time <= stat.start_time:
            held = self._live.get(parent.identity)
            if held and held[1].children:
                return held[1]
            stat = parent
        return None

    def _consider(self, stat: ProcessStat, wanted: WantedTarget | None) -> None:
        # A refusal stands until the process becomes another program.
        key = (stat.identity, stat.comm)
        if wanted is None or stat.identity in self._live or key in self._refused:
            return
        if len(self._live) >= min(self.max_targets, room_for_targets()):
            self._refused[_TOO_MANY] = self._why_too_many()
            return
        try:
            self._add(wanted.open(stat.pid), wanted)
        except NoSuchProcess:
            return  # it has ended since it was listed
        except TargetError as error:
            self._refused[key] = str(error)

    def _why_too_many(self) -> str:
        most = room_for_targets()
        if most >= self.max_targets:
            return (
                f"more than {self.max_targets} processes match, the most that are monitored at "
                "once: narrow the match"
            )
        return (
            f"more than {most} processes match, and the limit of open files is enough for no more: "
            f"raise it (ulimit -n, {FILES_PER_TARGET} for each process), or narrow the match"
        )

    def _add(self, target: Target, wanted: WantedTarget) -> None:
        if target.identity in self._live:
            target.close()
        else:
            self._live[target.identity] = target, wanted

    def _forget_closed(self) -> None:
        # Whoever took a target closes it once it has ended: until then its pidfd is watched there.
        self._live = {key: held for key, held in self._live.items() if held[0].pidfd >= 0}

    def _forget_refused(self, processes: Iterable[ProcessStat]) -> None:
        here = {stat.identity for stat in processes}
        self._refused = {key: why for key, why in self._refused.items() if key[0] in here}
