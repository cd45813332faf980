"""One process under watch: which of its pages have been touched, scan by scan."""

from __future__ import annotations

import errno
import os
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from attrs import frozen

from damon_core.spans import Spans

from .mappings import Mappings, huge_mappings
from .registered import NOTHING, Registered
from .userfaultfd import TargetGone, Userfaultfd

if TYPE_CHECKING:
    from damon_core.target import Target

    from .page_scan import PageScan

MAX_FILE_BYTES = 16 << 30
"""The largest file mapping whose absent pages are protected: page tables of 1/512 of its size."""

_LOOK_SHARE = 20  # looks at the mappings, between updates, may take a twentieth of the time


@frozen
class Look:
    """What a look at the mappings of a process has found, in bytes.

    ``nr_new``: watched from now on.  ``nr_busy``: another userfaultfd watches there.
    ``nr_refused``: the kernel does not let them be watched.  ``nr_unprotected``: files too large
    for their absent pages to be protected.  ``nr_huge``: in huge pages, where that was looked for.
    """

    nr_new: int = 0
    nr_busy: int = 0
    nr_refused: int = 0
    nr_unprotected: int = 0
    nr_huge: int = 0


class Watched:
    """Sees which pages of ``target`` are touched; owns ``uffd``, which was made in that process.

    ``nr_faults``: those that protections have caused, as far as the last scan has found them.
    TargetGone once it has ended, or executed another program since then.
    """

    def __init__(self, target: Target, uffd: Userfaultfd, skip_huge: bool = False) -> None:
        self.target = target
        self._uffd = uffd
        self._skip_huge = skip_huge
        self._looked = False
        self._registered = Registered(uffd)
        self._ranges = Spans.of(())
        self._sizes = b""
        self._nr_resident = 0
        self.nr_faults = 0
        self._look_ns = self._next_look_ns = 0
        with ExitStack() as files:
            files.callback(uffd.close)
            self._pagemap = _open(f"/proc/{target.pid}/pagemap", files)
            self._statm = _open(f"/proc/{target.pid}/statm", files)
            self._files = files.pop_all()

    @property
    def nr_bytes(self) -> int:
        """How much of the process is watched."""
        return self._ranges.size

    def has_changed(self) -> bool:
        """Whether its mappings have, as their sizes tell, and it is time to look at them again."""
        now_ns = time.monotonic_ns()
        if now_ns < self._next_look_ns or self._read_sizes() == self._sizes:
            return False
        self._next_look_ns = now_ns + self._look_ns * _LOOK_SHARE
        return True

    def look(self, scan: PageScan, *, again: bool = False) -> Look:
        """Watch the mappings that are new; with ``again`` all, as any may have been replaced.

        At the first look all pages begin as untouched.  Later, the anonymous pages of a new mapping
        are left for the next scan to find: they were touched since the mapping was made.
        """
        began_ns = time.monotonic_ns()
        first, self._looked = not self._looked, True
        self._sizes = self._read_sizes()
        mappings, nr_huge = self._read_mappings(first)
        spans, busy, refused = (
            self._registered.spans,
            self._registered.busy,
            self._registered.refused,
        )
        files = self._registered.follow(mappings, again=again).files
        if len(self._registered.spans - spans):
            # What came between reading and registering may be registered in part, which makes two
            # mappings of one, and mremap() fails for two: make it whole at once.
            files = self._registered.follow(self._read_mappings(False)[0]).files
        self._ranges = self._registered.spans & self._target_ranges()
        nr_unprotected = self._protect((files - spans) & self._ranges)
        if first:
            self.scan(scan)
        else:
            self._look_ns = time.monotonic_ns() - began_ns
        return Look(
            nr_new=(self._registered.spans - spans).size,
            nr_busy=(self._registered.busy - busy).size,
            nr_refused=(self._registered.refused - refused).size,
            nr_unprotected=nr_unprotected,
            nr_huge=nr_huge,
        )

    def scan(self, scan: PageScan) -> int:
        """Find the pages touched since the last scan; how many ranges have a foreign mapping."""
        nr_strange = scan.run(self._pagemap, self._uffd.fd, self._uffd.kind, self._ranges)
        before, self._nr_resident = self._nr_resident, self._read_resident()
        # A page that came to exist since then was not protected: its fault is not our doing.
        self.nr_faults = max(0, scan.nr_faults - max(0, self._nr_resident - before))
        return nr_strange

    def close(self) -> None:
        """Let go of the process, which removes every protection; idempotent."""
        self._files.close()

    def _target_ranges(self) -> Spans:
        return Spans.of((one.start, one.end) for one in self.target.ranges)

    def _read_sizes(self) -> bytes:
        """The sizes of all mappings, and of the private ones that can be written."""
        try:
            fields = os.pread(self._statm, 128, 0).split()
        except ProcessLookupError:
            return self._sizes
        return fields[0] + b" " + fields[5]

    def _read_resident(self) -> int:
        """Pages that it has in memory."""
        try:
            return int(os.pread(self._statm, 128, 0).split()[1])
        except ProcessLookupError:
            return self._nr_resident

    def _read_mappings(self, first: bool) -> tuple[Mappings, int]:
        """Those to watch; and how many bytes are in huge pages, at first and if these matter."""
        known, huge, nr_huge = self._registered.spans, NOTHING, 0
        try:
            if first or self._skip_huge:
                huge, nr_huge = huge_mappings(self.target.pid)
            # last, as they are to be registered before they change again
            mappings = Mappings.read(self.target.pid, self._uffd.kind, self.target.ranges, known)
        except (FileNotFoundError, ProcessLookupError):
            raise TargetGone from None
        return mappings.without(huge - known) if self._skip_huge else mappings, nr_huge

    def _protect(self, files: Spans) -> int:
        """Protect file pages, present and absent; how many bytes are too large for that."""
        nr_left = 0
        for one in files:
            if one.size > MAX_FILE_BYTES:
                nr_left += one.size
                continue
            with suppress(OSError):  # it has just been unmapped
                self._uffd.protect(one.start, one.end)
        return nr_left


def _open(path: str, files: ExitStack) -> int:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ESRCH):
            raise TargetGone from None
        raise
    files.callback(os.close, fd)
    return fd
