"""A recording as a selection shows it; it knows if nothing is left, and why."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from attrs import define, evolve, field

from ..errors import RecordError
from ..units import about_size
from .outline import begin_ns
from .selection import Selection, middle_ns
from .text import about_time, clock_time, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ..snapshot import Snapshot
    from .outline import Snapshots

# Fields of a selection by the option that sets them, in the order in which blame is sought.
_OPTIONS = {
    "time": "--time",
    "targets": "--target",
    "primitive": "--primitive",
    "addresses": "--address",
    "sizes": "--size",
    "rates": "--rate",
    "ages": "--age",
}


@define(eq=False)
class Selected:
    """The selected snapshots: to iterate, to index, to count, as a recording can be.

    Counting and indexing read the recording once more if a time is selected, as clocks may jump.
    ``watch`` is handed what is read, and gives it on.
    """

    snapshots: Snapshots
    selection: Selection = field(factory=Selection)
    watch: Callable[[Iterable[Snapshot]], Iterable[Snapshot]] = iter
    _nr_regions: int = 0

    def __iter__(self) -> Iterator[Snapshot]:
        if self.selection == Selection():
            yield from self.watch(self.snapshots)
            return
        for snapshot in self.selection.apply(self.watch(self.snapshots)):
            yield self._counted(snapshot)

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, number: int, /) -> Snapshot:
        position = number + len(self) if number < 0 else number
        if not 0 <= position < len(self):
            raise IndexError(f"no snapshot {number} among {len(self)}")
        snapshot = self.snapshots[self._numbers[position]]
        return self._counted(self.selection.regions_of(snapshot))

    def number_of(self, position: int) -> int:
        """The number in the recording of a selected snapshot; -1 is the last."""
        return self._numbers[position]

    def check(self, path: str) -> None:
        """RecordError that names the option to blame, if what was read had no region left."""
        if self.selection == Selection() or self._nr_regions:
            return
        blamed = Selection()
        for name, option in _OPTIONS.items():
            blamed = evolve(blamed, **{name: getattr(self.selection, name)})
            if blamed == Selection():
                continue
            if not any(len(snapshot.regions) for snapshot in blamed.apply(self.snapshots)):
                raise RecordError(f"{path}: {option} leaves nothing to show{self._why(name)}")

    def _counted(self, snapshot: Snapshot) -> Snapshot:
        self._nr_regions += len(snapshot.regions)
        return snapshot

    @cached_property
    def _numbers(self) -> Sequence[int]:
        span = self.selection.time
        if not span or not len(self.snapshots):
            return range(len(self.snapshots))
        low, high = span.bounds_ns(begin_ns(self.snapshots[0]))
        return [
            number
            for number, snapshot in enumerate(self.watch(self.snapshots))
            if low <= middle_ns(snapshot) < high
        ]

    def _why(self, name: str) -> str:
        """What there would be to select."""
        if not len(self.snapshots):
            return ""
        first, last = self.snapshots[0], self.snapshots[-1]
        if name == "time":
            start_ns = begin_ns(first)
            length = about_time((last.end_ns - start_ns) / 1000)
            return f": the recording has {length} from {clock_time(start_ns)}"
        if name == "targets":
            known = sorted({target.index for one in (first, last) for target in one.targets})
            return f": the recording has {', '.join(map(str, known[:10]))}"
        if name == "primitive":
            names = ", ".join(printable(source.name) for source in last.sources)
            return f": the recording has {names}"
        return _found(name, last)


def _found(name: str, snapshot: Snapshot) -> str:
    """Between which bounds the regions of a snapshot are, in what a criterion is about."""
    regions = snapshot.regions
    if not len(regions):
        return ""
    if name == "addresses":
        low, high = f"{regions.start.min():x}", f"{regions.end.max():x}"
    elif name == "sizes":
        sizes = regions.end - regions.start
        low, high = about_size(int(sizes.min())), about_size(int(sizes.max()))
    elif name == "rates":
        rates = regions.nr_accesses * 100.0 / snapshot.nr_samples
        low, high = f"{rates.min():.3g} %", f"{rates.max():.3g} %"
    else:
        ages = regions.age * float(snapshot.intervals.aggr_us)
        low, high = about_time(float(ages.min())), about_time(float(ages.max()))
    return f": regions of the last snapshot have {low} to {high}"
