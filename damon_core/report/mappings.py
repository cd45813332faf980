"""How much of each mapping was in use: [heap], libc.so.6, anonymous memory."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING

from attrs import asdict, frozen

from ..model import AddrRange
from ..units import about_size
from .range_heat import RangeHeat
from .text import fitting_columns, mapping_text, shortened, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..record_names import TargetNames
    from ..snapshot import Snapshot

_LEGEND = (
    "in use: bytes accessed in a sampling interval, mean over the time; share: of all that was in "
    "use; size: mapped at the end"
)


@frozen
class Mapping:
    """All mappings of one name in one target; ``in_use`` bytes, mean over the time."""

    target: int
    name: str
    size: int
    in_use: float


class Mappings:
    """The mappings of all targets, by name, those of most bytes in use first."""

    def __init__(
        self,
        names: Sequence[TargetNames],
        snapshots: Iterable[Snapshot] = (),
        *,
        limit: int = 8,
        width: int = 80,
    ) -> None:
        self.names, self.limit, self.width = names, limit, width
        self._heats = [
            RangeHeat(known.target, [AddrRange(one.start, one.end) for one in known.ranges])
            for known in names
        ]
        for snapshot in snapshots:
            self.add(snapshot)

    def add(self, snapshot: Snapshot) -> None:
        """Sum up one snapshot."""
        for heat in self._heats:
            heat.add(snapshot)

    def hottest(self) -> list[Mapping]:
        """Those of which anything was in use."""
        sums: dict[tuple[int, str], tuple[int, float]] = {}
        for known, heat in zip(self.names, self._heats, strict=True):
            for one, in_use in zip(known.ranges, heat.in_use().tolist(), strict=True):
                key = known.target, mapping_text(one.name)
                size, so_far = sums.get(key, (0, 0.0))
                sums[key] = size + one.end - one.start, so_far + in_use
        mappings = [Mapping(*key, *sizes) for key, sizes in sums.items() if sizes[1] > 0]
        return sorted(mappings, key=lambda one: -one.in_use)

    def render(self, file: IO[str]) -> None:
        """Write a line a mapping; one line if nothing is known."""
        hottest = self.hottest()
        if not hottest:
            print("no mapping is known of which anything was in use", file=file)
            return
        everything = sum(one.in_use for one in hottest)
        several = len(self.names) > 1
        rows = [["in use", "share", "size"]]
        names = ["mapping"]
        for one in hottest[: self.limit]:
            share = f"{100 * one.in_use / everything:.1f} %"
            rows.append([about_size(one.in_use), share, about_size(one.size)])
            names.append(f"{one.target}: {one.name}" if several else one.name)
        lines = fitting_columns(rows, max(12, self.width - 14), (2, 1), left=0)
        room = max(10, self.width - len(lines[0]) - 2)
        for line, name in zip(lines, names, strict=True):
            print(f"{line}  {shortened(name, room)}", file=file)
        for line in wrapped(_LEGEND, self.width):
            print(line, file=file)

    def render_json(self, file: IO[str]) -> None:
        """Write a list, all of them."""
        json.dump([asdict(one) for one in self.hottest()], file)
        file.write("\n")
