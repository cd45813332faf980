"""One context that is being monitored, by a thread of its own."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from .catalogue import declarations
from .config import Config, ContextConfig
from .config.text import config_text
from .discovery import ConfiguredTargets
from .engine import Ending, Monitor
from .host import PrimitiveHost
from .hosted import Hook
from .maps import named_mappings
from .model import Intervals, Ops
from .ops import AddressSpace
from .paddr import Paddr
from .record_format import PrimitiveInfo, RecordHeader
from .record_names import NameWatch, TargetNames
from .snapshot import Snapshot
from .spec import ContextSpec
from .tally import Tally
from .target import Target
from .vaddr import FixedVaddr, Vaddr


class MonitoredContext:
    """A context with its monitor; what becomes of its snapshots is for subclasses and observers.

    ``ending`` says why it ended, ``error`` what went wrong; ``tally`` sums its snapshots up;
    ``cpu_ns`` and ``cpu_share`` are what its thread took, the handling of snapshots included.
    """

    def __init__(
        self,
        config: ContextConfig,
        *,
        on_snapshot: Callable[[MonitoredContext, Snapshot], None],
        command_line: Sequence[str] = (),
    ) -> None:
        self.config = config
        self.tally = Tally()
        self.ending: Ending | None = None
        self.error: BaseException | None = None
        self.started = False
        self.cpu_ns = 0
        self.cpu_share = 0.0
        self.targets = ConfiguredTargets(config.targets, config.spec.ops, config.spec.min_region_sz)
        self._began_ns = (0, 0)
        self._on_snapshot = on_snapshot
        self._command_line = tuple(command_line)
        self._names = NameWatch(named_mappings)
        self._host = PrimitiveHost(config.primitives, config.spec.ops)
        self._monitor = Monitor(
            config.spec,
            _BeginsFirst(self.targets, self._begin),
            self._host,
            self._take,
            space=address_space(config.spec),
        )

    @property
    def clearing(self) -> set[str]:
        """Its primitives that clear what they look at."""
        pairs = zip(self._host.names, self._host.provides(), strict=True)
        return {name for name, provides in pairs if provides.clears}

    @property
    def intervals(self) -> Intervals:
        """The intervals in force."""
        return self._monitor.intervals

    @property
    def pace_reason(self) -> str:
        """Why the intervals are what they are, in one line; of the monitoring thread."""
        return self._monitor.pace_reason

    @property
    def names(self) -> tuple[TargetNames, ...]:
        """What is mapped where, as last looked at; of the monitoring thread."""
        return self._names.known

    def wrap_hooks(self, wrapper: Callable[[str, Hook], Hook]) -> None:
        """Before it runs: call what ``wrapper`` makes of each hook of its primitives instead."""
        self._host.wrap_hooks(wrapper)

    def note(self, text: str) -> None:
        """Tell the user, and keep it in the recording."""
        self._monitor.note(text)

    def run(self, duration_us: int | None) -> None:
        """Monitor to the end; never raises, see ``ending`` and ``error``."""
        try:
            self.ending = self._monitor.run(duration_us)
        except BaseException as error:
            self.error = error
        if self.started:
            self._finish()
            self.cpu_ns = time.thread_time_ns() - self._began_ns[0]
            self.cpu_share = self.cpu_ns / max(1, time.monotonic_ns() - self._began_ns[1])

    def stop(self) -> None:
        """End it after the present wait."""
        self._monitor.stop()

    def abandon(self) -> None:
        """Kill the commands that were started, and wait for nothing."""
        for command in self.targets.commands:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(command.pid, signal.SIGKILL)

    def header(self) -> RecordHeader:
        """What a recording of this context begins with."""
        config = self.config
        versions = {declared.name: declared.version for declared in declarations()}
        return RecordHeader.of_this_machine(
            config.spec.ops,
            [PrimitiveInfo(one.name, versions.get(one.name, "")) for one in config.primitives],
            intervals=config.spec.intervals,
            config=config_text(Config((config,))),
            command_line=self._command_line,
            context=config.name,
        )

    def _begin(self) -> None:
        """Last step before the first sample; what it raises ends the context."""
        self.started = True
        self._began_ns = (time.thread_time_ns(), time.monotonic_ns())

    def _take(self, snapshot: Snapshot) -> None:
        self._keep(snapshot)
        self.tally.add(snapshot)
        self._on_snapshot(self, snapshot)

    def _keep(self, snapshot: Snapshot) -> None:
        """Do with a snapshot what must not fail; here only the names are looked at."""
        self._names.changed(snapshot)

    def _finish(self) -> None:
        """After the last snapshot; also where monitoring failed."""


class _BeginsFirst:
    """Targets that are let go only once ``begin`` has returned: nothing runs unseen."""

    def __init__(self, targets: ConfiguredTargets, begin: Callable[[], None]) -> None:
        self._targets = targets
        self._begin = begin

    def poll(self) -> Sequence[Target]:
        return self._targets.poll()

    def release(self) -> None:
        self._begin()
        self._targets.release()

    def close(self) -> None:
        self._targets.close()


def address_space(spec: ContextSpec) -> AddressSpace:
    """The operations set of a context."""
    if spec.ops is Ops.VADDR:
        return Vaddr()
    return FixedVaddr(spec.ranges) if spec.ops is Ops.FVADDR else Paddr(spec.ranges)
