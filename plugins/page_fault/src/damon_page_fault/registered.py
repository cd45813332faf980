"""The mappings of a process that are registered with its userfaultfd, and those that cannot be."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

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
        failures = [
            failure
            for start, end in _extents(wanted, known)
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


def _extents(wanted: Spans, known: Spans) -> Iterator[tuple[int, int]]:
    """The ranges of ``wanted`` that are not all known.

    One at least: only registering tells whether this is still the program that it was.
    """
    has_new = overlapping(wanted.starts, wanted.ends, wanted - known)
    if not has_new.any():
        has_new[:1] = True
    yield from zip(wanted.starts[has_new].tolist(), wanted.ends[has_new].tolist(), strict=True)
