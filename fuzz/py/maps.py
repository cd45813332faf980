"""Texts of /proc/PID/maps: any bytes are mappings, in order and none empty, or an error.

python fuzz/py/maps.py [SECONDS [FILE]]
"""

from __future__ import annotations

import errno
from contextlib import suppress
from pathlib import Path

from _harness import as_file, fuzz

from damon_core.maps import _parse_named, parse_maps

ODD = b"""\
00400000-00452000 r-xp 00000000 08:02 173521 /usr/bin/a b\\012c (deleted)
7ffc0000-7ffd0000 rw-p 00000000 00:00 0                                  [stack]
7fff0000-7fff2000 r-xp 00000000 00:00 0                          [vdso]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
"""


def check(content: bytes) -> None:
    with as_file(content) as (fd, _):
        try:
            rows = parse_maps(fd)
        except OSError as error:
            assert error.errno in (errno.EBADMSG, errno.E2BIG, errno.ENOMEM), error
            return
    assert (rows["start"] < rows["end"]).all()
    with suppress(ValueError, IndexError):
        named = [_parse_named(line) for line in content.split(b"\n") if line]
        named = [m for m in named if m.range.size and not m.name.startswith("[vsyscall]")]
        bounds = [(m.range.start, m.range.end) for m in named]
        assert bounds == rows[["start", "end"]].tolist(), "the two parsers disagree"


def seeds() -> list[bytes]:
    return [ODD, Path("/proc/self/maps").read_bytes(), b""]


if __name__ == "__main__":
    fuzz("maps", check, seeds())
