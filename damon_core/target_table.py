"""The targets of a running context: which there are, which live, and what of them is watched."""

from __future__ import annotations

import select

from .ops import AddressSpace
from .regions import RegionMap
from .target import Target


class TargetTable:
    """Targets in the order of the region map: ``targets[i]`` has the regions of slot i.

    Each target gets an index of its own, never used again, and keeps it.  ``space`` says what of a
    target is watched; another one may take its place.
    """

    def __init__(self, regions: RegionMap, space: AddressSpace) -> None:
        self.targets: list[Target] = []
        self.ended: set[int] = set()
        self._regions = regions
        self.space = space
        self._next_index = 0
        self._nr_alive = 0
        self._by_pidfd: dict[int, Target] = {}
        self._exits = select.epoll()

    def add(self, target: Target) -> None:
        """Take a target in; its regions come with :meth:`update_ranges`."""
        target.index = self._next_index
        self._next_index += 1
        self._regions.add_target(target.pid, target.min_region_sz)
        self.targets.append(target)
        self._nr_alive += 1
        if target.pidfd >= 0:
            self._by_pidfd[target.pidfd] = target
            self._exits.register(target.pidfd, select.EPOLLIN)

    def update_ranges(self) -> list[str]:
        """Ask the operations set what to watch now; what could not be followed, in words."""
        faults = []
        for slot, target in enumerate(self.targets):
            if target.index in self.ended:
                continue
            target.reread_comm()
            ranges = self.space.ranges(target)
            if ranges is None or ranges == target.ranges:
                continue
            try:
                self._regions.set_ranges(slot, ranges, target.min_region_sz)
            except ValueError as error:
                faults.append(f"target {target.pid} ({target.comm}): {error}")
                continue
            target.ranges = ranges
        return faults

    def note_ended(self) -> None:
        """Learn which targets have ended."""
        for pidfd, _ in self._exits.poll(0):
            target = self._by_pidfd.pop(pidfd)
            self._exits.unregister(pidfd)
            self.ended.add(target.index)
            self._nr_alive -= 1

    def drop_ended(self) -> bool:
        """Forget the ended, once a snapshot has shown them; whether there were any."""
        gone = [slot for slot, target in enumerate(self.targets) if target.index in self.ended]
        for slot in reversed(gone):
            self._regions.remove_target(slot)
            target = self.targets.pop(slot)
            self.ended.discard(target.index)
            target.close()
        return bool(gone)

    @property
    def any_alive(self) -> bool:
        return self._nr_alive > 0

    @property
    def slots(self) -> dict[int, int]:
        """Slot by target index."""
        return {target.index: slot for slot, target in enumerate(self.targets)}

    def draw_sampling_addrs(self) -> None:
        """Draw a sampling address for every region, and show them to the primitives."""
        self._regions.prepare()
        for slot, target in enumerate(self.targets):
            target.sampling_addrs = self._regions.sampling_addrs(slot)

    def close(self) -> None:
        """Let go of the exit watch; the targets belong to their source."""
        self._exits.close()
