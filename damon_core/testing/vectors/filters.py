"""Vectors of filters: which reports pass, and which addresses are watched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...access import AccessReport
from ...model import SampleFilter
from . import kernel_rules
from .crediting import tick
from .rows import addr_ranges, borders, ranged
from .vector import Vector, evaluates, same


def _filter(given: Mapping[str, Any]) -> SampleFilter:
    return SampleFilter(
        given["type"],
        given["matching"],
        given["allow"],
        cpus=given.get("cpus", ()),
        tids=given.get("tids", ()),
    )


@evaluates("damon_sample_filter_out", inputs=("filters", "reports"))
def _sample_filter(vector: Vector) -> None:
    filters = [_filter(each) for each in vector.inputs["filters"]]
    reports = [
        AccessReport(paddr=0, cpu=each["cpu"], tid=each["tid"], is_write=each["write"])
        for each in vector.inputs["reports"]
    ]
    passed = []
    for report in reports:
        counters = tick(ranged([[0, 1]]), [report], filters=filters).counters
        same("credited or filtered", counters.credited + counters.filtered, 1)
        passed.append(counters.credited == 1)
    vector.expect("pass", passed)
    if vector.expects("rfc_v3_code"):
        code = [kernel_rules.rfc_v3_filters_pass(filters, report) for report in reports]
        vector.expect("rfc_v3_code", code)


@evaluates("damos_filter_match (addr)", inputs=("range", "regions"))
def _addr_filter(vector: Vector) -> None:
    """Difference: without schemes, fixed ranges say what is watched, whatever the regions were."""
    inputs = vector.inputs
    wanted, unit = inputs["range"], inputs["min_region_sz"]
    judged = [kernel_rules.addr_filter(region, wanted, unit) for region in inputs["regions"]]
    vector.expect("match", [match for match, _ in judged])
    vector.expect("regions_after", [parts for _, parts in judged])
    for region in inputs["regions"]:
        region_map = ranged([region], unit)
        region_map.set_ranges(0, addr_ranges([wanted]), unit)
        same(f"watched of {wanted}", borders(region_map), [wanted])
