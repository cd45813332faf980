"""The targets of a context: what is known of them while they live, and after."""

from __future__ import annotations

import subprocess

from damon_core.model import AddrRange
from damon_core.regions import RegionMap
from damon_core.target import Target
from damon_core.target_table import TargetTable
from damon_core.vaddr import FixedVaddr


def test_nothing_is_kept_of_a_target_that_has_been_dropped() -> None:
    regions = RegionMap(1)
    table = TargetTable(regions, FixedVaddr((AddrRange(0x1000, 0x9000),)))
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        table.add(Target.open(process.pid))
        table.update_ranges()
        assert regions.nr_regions
        table.note_ended()
        assert not table.drop_ended()
        process.communicate()
    table.note_ended()
    assert table.drop_ended()
    assert (table.targets, table.ended, table.slots, regions.nr_regions) == ([], set(), {}, 0)
    table.close()
