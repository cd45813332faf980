"""What the live view remembers of one context: its last snapshot, and how it came to that."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from ..report.text import printable
from ..target_sizes import TargetSizes

if TYPE_CHECKING:
    from ..model import Intervals
    from ..monitored_context import MonitoredContext
    from ..record_names import TargetNames
    from ..snapshot import Snapshot

_NR_REMEMBERED = 120
_NR_NOTES = 50


@frozen(eq=False)
class Seen:
    """A snapshot as it is handed over by the monitoring thread, with what was true then."""

    context: MonitoredContext
    snapshot: Snapshot
    names: tuple[TargetNames, ...]
    intervals: Intervals
    pace_reason: str

    @classmethod
    def of(cls, context: MonitoredContext, snapshot: Snapshot) -> Seen:
        """To be called by the monitoring thread."""
        return cls(context, snapshot, context.names, context.intervals, context.pace_reason)


@frozen(eq=False)
class Sizes:
    """The sizes of one target, in bytes, of the last windows."""

    working_set: deque[float] = field(factory=lambda: deque(maxlen=_NR_REMEMBERED))
    rss: deque[float] = field(factory=lambda: deque(maxlen=_NR_REMEMBERED))


@define(eq=False)
class Watch:
    """One context: ``seen`` last, ``sizes`` by target index, ``notes``, the newest last.

    ``nr_new``: snapshots since somebody set it to 0.
    """

    context: MonitoredContext
    seen: Seen | None = None
    sizes: dict[int, Sizes] = field(factory=dict)
    notes: deque[str] = field(factory=lambda: deque(maxlen=_NR_NOTES))
    nr_new: int = 0

    def take(self, seen: Seen) -> None:
        """Remember one more snapshot."""
        self.seen = seen
        self.nr_new += 1
        number = seen.snapshot.index
        self.notes.extend(f"note in #{number}: {printable(one)}" for one in seen.snapshot.notes)
        working_set = TargetSizes(seen.snapshot).working_set
        for slot, target in enumerate(seen.snapshot.targets):
            sizes = self.sizes.setdefault(target.index, Sizes())
            sizes.working_set.append(float(working_set[slot]))
            if target.rss is not None:
                sizes.rss.append(float(target.rss))
        for gone in self.sizes.keys() - {target.index for target in seen.snapshot.targets}:
            del self.sizes[gone]

    @property
    def ending(self) -> str | None:
        """Why the context has ended, None while it is monitored."""
        context = self.context
        if context.error is not None:
            return f"failed: {context.error}"
        return None if context.ending is None else context.ending.value
