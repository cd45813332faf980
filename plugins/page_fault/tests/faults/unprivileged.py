"""Run by a test: watches a process of its own as an unprivileged user; prints what it saw."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from damon_core.access import ReportFlag
from damon_core.target import Target
from damon_page_fault.first_touch import FirstTouch
from damon_page_fault.options import Options

sys.path.insert(0, str(Path(__file__).parent.parent))
from faults.conftest import Faulter, Only, Watch


def main() -> None:
    os.setgid(65534)
    os.setuid(65534)
    process = Faulter(Path(sys.argv[1]), 256)
    watched = Watch(Only(FirstTouch(Options())), Target.open(process.pid), name="page_fault")
    watched.begin()
    print(" ".join(watched.told))
    for verb, first in (("write", 0), ("syscall", 100)):
        rows = process.of_area(watched.interval(lambda v=verb, f=first: process.tell(v, f, f + 20)))
        directions = rows["flags"] & (ReportFlag.READ | ReportFlag.WRITE)
        print(len(rows), "pages,", "a direction" if directions.any() else "no direction")
    watched.mechanism.cleanup()
    process.kill()


main()
