"""A real process that touches pages of its memory when told to, and only then."""

from __future__ import annotations

import subprocess
import sys
from types import TracebackType

from ..model import AddrRange

# Anonymous memory, not backed by huge pages, so that a touched page is one page.
_SOURCE = """
import ctypes, mmap, sys
size, page = int(sys.argv[1]), mmap.PAGESIZE
memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
memory.madvise(mmap.MADV_NOHUGEPAGE) if hasattr(mmap, "MADV_NOHUGEPAGE") else None
print(ctypes.addressof(ctypes.c_char.from_buffer(memory)), flush=True)
for line in sys.stdin:
    first, last = map(int, line.split())
    for index in range(first, last):
        memory[index * page] = 1
    print(flush=True)
"""


class Toucher:
    """A child process with ``size`` bytes of untouched memory at ``range``; ends on exit."""

    def __init__(self, size: int = 16 << 20, page_size: int = 4096) -> None:
        self._page_size = page_size
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-E", "-c", _SOURCE, str(size)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid
        start = int(self._answer())
        self.range = AddrRange(start, start + size)

    def touch(self, first: int, nr_pages: int) -> AddrRange:
        """Write to ``nr_pages`` pages from page ``first`` on; when it returns, that was done."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{first} {first + nr_pages}\n")
        self._process.stdin.flush()
        self._answer()
        start = self.range.start + first * self._page_size
        return AddrRange(start, start + nr_pages * self._page_size)

    def end(self) -> None:
        """Kill the process and wait for it."""
        self._process.kill()
        self._process.communicate()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the touching process ended with {self._process.wait()}")
        return line

    def __enter__(self) -> Toucher:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()
