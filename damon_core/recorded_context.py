"""One context that is being monitored into a file."""

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
from .maps import named_mappings
from .model import Ops
from .ops import AddressSpace
from .paddr import Paddr
from .record_format import PrimitiveInfo, RecordHeader
from .record_names import NameWatch
from .record_writer import RecordWriter, remove_file
from .snapshot import Snapshot
from .spec import ContextSpec
from .tally import Tally
from .target import Target
from .vaddr import FixedVaddr, Vaddr


class RecordedContext:
    """A context with its monitor and its file; the file is made once monitoring can begin.

    ``ending`` says why it ended, ``error`` what went wrong; ``tally`` sums its snapshots up;
    ``cpu_ns`` and ``cpu_share`` are what its thread took, the writing included.
    """

    def __init__(
        self,
        config: ContextConfig,
        path: str,
        *,
        on_snapshot: Callable[[RecordedContext, Snapshot], None],
        command_line: Sequence[str],
    ) -> None:
        self.config = config
        self.path = path
        self.tally = Tally()
        self.ending: Ending | None = None
        self.error: BaseException | None = None
        self.cpu_ns = 0
        self.cpu_share = 0.0
        self._began_ns = (0, 0)
        self._on_snapshot = on_snapshot
        self._command_line = tuple(command_line)
        self._writer: RecordWriter | None = None
        self.targets = ConfiguredTargets(config.targets, config.spec.ops, config.spec.min_region_sz)
        self._host = PrimitiveHost(config.primitives, config.spec.ops)
        self._monitor = Monitor(
            config.spec,
            _OpensFirst(self.targets, self._open_file),
            self._host,
            self._take,
            space=address_space(config.spec),
        )

    @property
    def clearing(self) -> set[str]:
        """Its primitives that clear what they look at."""
        pairs = zip(self._host.names, self._host.provides(), strict=True)
        return {name for name, provides in pairs if provides.clears}

    def note(self, text: str) -> None:
        """Tell the user, and keep it in the recording."""
        self._monitor.note(text)

    @property
    def started(self) -> bool:
        """Whether monitoring has begun and the file has been made."""
        return self._writer is not None

    def run(self, duration_us: int | None) -> None:
        """Monitor to the end; never raises, see ``ending`` and ``error``."""
        try:
            self.ending = self._monitor.run(duration_us)
        except BaseException as error:
            self.error = error
        if self.started:
            self._close_file()
            self.cpu_ns = time.thread_time_ns() - self._began_ns[0]
            self.cpu_share = self.cpu_ns / max(1, time.monotonic_ns() - self._began_ns[1])

    def stop(self) -> None:
        """End it after the present wait."""
        self._monitor.stop()

    def abandon(self) -> None:
        """Complete the file now, and kill the commands that were started."""
        for command in self.targets.commands:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(command.pid, signal.SIGKILL)
        if self._writer is not None:
            self._writer.close()

    def _open_file(self) -> None:
        config = self.config
        versions = {declared.name: declared.version for declared in declarations()}
        header = RecordHeader.of_this_machine(
            config.spec.ops,
            [PrimitiveInfo(one.name, versions.get(one.name, "")) for one in config.primitives],
            intervals=config.spec.intervals,
            config=config_text(Config((config,))),
            command_line=self._command_line,
            context=config.name,
        )
        self._writer = RecordWriter(self.path, header, names=NameWatch(named_mappings))
        self._began_ns = (time.thread_time_ns(), time.monotonic_ns())

    def _take(self, snapshot: Snapshot) -> None:
        assert self._writer is not None  # made before the first sample
        self._writer.write(snapshot)
        self.tally.add(snapshot)
        self._on_snapshot(self, snapshot)

    def _close_file(self) -> None:
        assert self._writer is not None
        try:
            self._writer.close()
        except Exception as error:
            self.error = self.error or error
        if self.error is not None and not self._writer.nr_snapshots:
            remove_file(self.path)


class _OpensFirst:
    """Targets that are let go only once ``begin`` has returned: nothing runs unrecorded."""

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
