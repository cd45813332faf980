"""The mappings of a process that are registered with its userfaultfd, and those that cannot be."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field

from damon_core.spans import Spans

from .mappings import overlapping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .mappings import Mappings
    from .userfaultfd import Userfaultfd

NOTHING = Spans.of(())

Failure = tuple[tuple[int, int], int]
"""Start and end of a mapping, and the error number."""


@define(eq=False)
class Registered:
    """Follows the mappings of a process.

    ``spans`` are registered.  ``busy``: another userfaultfd watches there.  ``refused``: the kernel
    does not let these be watched.
    """

    uffd: Userfaultfd
    spans: Spans = field(default=NOTHING)
    busy: Spans = field(default=NOTHING)
    refused: Spans = field(default=NOTHING)

    def follow(self, mappings: Mappings, *, again: bool = False) -> Mappings:
        """Register what is new of these, with ``again`` everything; those now registered.

        TargetGone if the process has ended, or executes another program.
        """
        known = NOTHING if again else self.spans | self.busy | self.refused
        wanted = mappings.spans
        failing = (self.busy | self.refused) & known
        tried = mappings.without(failing) if len(failing) else mappings
        failures = [
            failure
            for start, end in _stretches(tried if len(tried.spans) else mappings, known)
            for failure in self._register(mappings, start, end)
        ]
        busy = Spans.of(bounds for bounds, number in failures if number == errno.EBUSY)
        refused = Spans.of(bounds for bounds, number in failures if number != errno.EBUSY)
        self.busy = busy | (self.busy & known & wanted)
        self.refused = refused | (self.refused & known & wanted)
        mappings = mappings.without(self.busy | self.refused)
        self.spans = mappings.spans
        return mappings

    def _register(self, mappings: Mappings, start: int, end: int) -> Iterator[Failure]:
        """All there at once or, if one of them fails, one by one."""
        try:
            self.uffd.register(start, end)
        except OSError:
            pass
        else:
            return
        for bounds in mappings.within(start, end):
            try:
                self.uffd.register(*bounds)
            except OSError as error:
                yield bounds, error.errno or 0


def _stretches(mappings: Mappings, known: Spans) -> Iterator[tuple[int, int]]:
    """From one of the other mappings to the next, where not all is known, holes included.

    The process goes on mapping meanwhile.  A range that ends where a mapping ended when it was read
    may by now end within one, which makes it two; mremap() then fails in the process.  So ranges
    end where nothing comes and goes: at code, not at memory that merely is not wanted.
    One at least: only registering tells whether this is still the program that it was.
    """
    wanted, others = mappings.spans, mappings.others
    has_new = overlapping(wanted.starts, wanted.ends, wanted - known)
    if not has_new.any():
        has_new[:1] = True
    nr_before = np.searchsorted(others.starts, wanted.starts)
    for nr in np.unique(nr_before[has_new]):
        inside = np.flatnonzero(nr_before == nr)
        low = others.ends[nr - 1] if nr else wanted.starts[inside[0]]
        high = others.starts[nr] if nr < len(others) else wanted.ends[inside[-1]]
        yield int(low), int(high)
