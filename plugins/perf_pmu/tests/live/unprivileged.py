"""Run by a test: samples faults of a process of its own as an unprivileged user; prints it all."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from damon_core.errors import PrimitiveError
from damon_core.model import Ops
from damon_core.options import structure_options
from damon_core.target import Target
from damon_core.testing import ByHand
from damon_perf_pmu.plugin import PerfPmu

sys.path.insert(0, str(Path(__file__).parent.parent))
from live.conftest import Accesses


def primitive(**options: object) -> PerfPmu:
    return PerfPmu(structure_options(PerfPmu.Options, options))


def refused(primitive: PerfPmu, target: Target, ops: Ops) -> str:
    try:
        ByHand(primitive, target, ops=ops, name="perf_pmu").begin()
    except PrimitiveError as error:
        return str(error)
    return "nothing was refused"


def main() -> None:
    os.setgid(65534)
    os.setuid(65534)
    process = Accesses(Path(sys.argv[1]), 256)
    target = Target.open(process.pid)
    watched = ByHand(primitive(events="minor-faults"), target, name="perf_pmu")
    watched.begin()
    print(" ".join(watched.told))
    print(process.pages(watched.interval(lambda: process.tell("write", 0, 20))) == list(range(20)))
    watched.primitive.damon_cleanup(watched.ctx)
    print(refused(primitive(events="minor-faults", scope="machine"), target, Ops.VADDR))
    print(refused(primitive(events="minor-faults"), Target.physical(), Ops.PADDR))
    print(refused(primitive(events="exceptions:page_fault_user"), target, Ops.VADDR))
    tested = ByHand(primitive(events="page-faults", self_test="yes"), target, name="perf_pmu")
    tested.begin()
    print(" ".join(tested.told))
    tested.primitive.damon_cleanup(tested.ctx)
    process.kill()


main()
