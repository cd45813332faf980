"""Rules of some kernels, or patches, that we do not follow: what vectors expect of them.

Where we differ on purpose, an evaluator checks a vector twice: that the rule here gives what it
expects, so the difference is understood, and that the engine does what we do instead.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...access import AccessReport
from ...model import SampleFilter
from ..reference.reports import condition


def age_before_6_18(nr: int, last: int, age: int, threshold: int) -> int:
    """Without the reset where the rate comes from or to zero."""
    return 0 if abs(nr - last) > threshold else age + 1


def split_evenly(start: int, end: int, nr_pieces: int, unit: int) -> list[list[int]] | None:
    """Equal pieces, the last with the remainder; None if that leaves an empty one (before 7.1)."""
    size = (end - start) // nr_pieces // unit * unit if nr_pieces else 0
    if size == 0:
        return None
    starts = [start + i * size for i in range(nr_pieces)]
    return [list(pair) for pair in zip(starts, [*starts[1:], end], strict=True)]


def split_plan_to_7_1(nr: int, last_nr: int, max_nr: int) -> str:
    """No splitting at all above half of the highest number of regions."""
    if nr > max_nr // 2:
        return "none"
    return "all:3" if nr == last_nr and nr < max_nr // 3 else "all:2"


def moving_sum_bp(start_bp: int, last_bp: int, window: int, new_bp: Sequence[int]) -> list[int]:
    """The running form, in basis points (to 7.1): loses what the division leaves."""
    chain = []
    for new in new_bp:
        start_bp += new - last_bp // window
        chain.append(start_bp)
    return chain


def rfc_v3_filters_pass(filters: Sequence[SampleFilter], report: AccessReport) -> bool:
    """RFC v3: only rejecting filters decide early, else the last one's allow does."""
    for each in filters:
        if condition(each, report) is each.matching and not each.allow:
            return False
    return not filters or filters[-1].allow


def rfc_v3_array_length(cap: int, nr_stored: int) -> int:
    """RFC v3: storing the last slot of the array forgets everything in it."""
    return nr_stored % cap


def primitives_errno(page_table: bool, page_fault: bool) -> int | str:
    """RFC v3: exactly one of its two primitives."""
    return 0 if page_table != page_fault else "EINVAL"


def perf_open_result(per_cpu: Sequence[str]) -> tuple[int | str, list[int]]:
    """Seed: ENODEV skips a CPU, anything else fails the event; errno and CPUs that are open."""
    failed = [each for each in per_cpu if each not in ("ok", "ENODEV")]
    opened = [cpu for cpu, each in enumerate(per_cpu) if each == "ok"]
    if failed:
        return failed[0], []
    return (0, opened) if opened else ("ENODEV", [])


def seed_min_region_sz(value: int, page: int) -> int:
    """Seed: what is no power of two of at least a page is silently taken as unset."""
    return value if value >= page and value & (value - 1) == 0 else 0


def ops_registration(names: Sequence[str]) -> list[int | str]:
    """Errno of registering operations sets one after the other: each once."""
    return ["EINVAL" if name in names[:i] else 0 for i, name in enumerate(names)]


def probe_weights_valid(sample: int, aggr: int, weights: Sequence[int]) -> bool:
    """7.2: weighted probes fit 255 samples a window, and sums of 32 bits."""
    if not any(weights):
        return True
    nr = max(1, aggr // max(1, sample))
    return nr <= 255 and nr * sum(weights) < 2**32


def addr_filter(
    region: Sequence[int], wanted: Sequence[int], unit: int
) -> tuple[bool, list[list[int]]]:
    """DAMOS address filter: cuts at the range's border and judges the left piece."""
    start, end = region
    low, high = wanted[0] // unit * unit, wanted[1] // unit * unit
    if end <= low or high <= start:
        return False, [[start, end]]
    if start < low:
        return False, [[start, low], [low, end]]
    if high < end:
        return True, [[start, high], [high, end]]
    return True, [[start, end]]


UPDATE_US = 60_000_000
ADDR_UNIT = 1
PRIMITIVES = {"page_table": True, "page_fault": False}
SEED_COMMIT_ORDER = (
    "cleanup old events",
    "drop old list",
    "copy new list",
    "init on destination",
)
