"""The options of the primitive in YAML."""

from __future__ import annotations

from enum import Enum

from attrs import field, frozen

from damon_core.perf_ring import parse_ring_size
from damon_core.perf_targets import Scope
from damon_core.units import parse_switch

from .fault_options import FaultEvent


class Choice(str, Enum):
    """Which mechanism sees the accesses."""

    AUTO = "auto"
    WP_ASYNC = "wp_async"
    RWP = "rwp"
    HINT_FAULTS = "hint_faults"
    FIRST_TOUCH = "first_touch"

    def __str__(self) -> str:
        return self.value


class Thp(str, Enum):
    """What happens to memory in transparent huge pages under ``wp_async``.

    ``split``: it is monitored, and the first write to a huge page splits its mapping.
    ``skip``: mappings that have huge pages stay as they are, and their writes are not seen.
    """

    SPLIT = "split"
    SKIP = "skip"

    def __str__(self) -> str:
        return self.value


@frozen
class Options:
    """The primitive's options in YAML.

    ``inject``: a thread of each target may be stopped for a moment, to open a userfaultfd in it.
    ``enable_numa_balancing``: kernel.numa_balancing may be switched on while monitoring.
    ``fault_event``, ``scope``: which faults are sampled by perf, and whose.  ``ring_size``: bytes
    per processor, doubled after a loss up to ``max_ring_size``.
    """

    mechanism: Choice = Choice.AUTO
    inject: bool = field(default=False, converter=parse_switch)
    thp: Thp = Thp.SPLIT
    enable_numa_balancing: bool = field(default=False, converter=parse_switch)
    fault_event: FaultEvent = FaultEvent.AUTO
    scope: Scope = Scope.AUTO
    ring_size: int = field(default=256 << 10, converter=parse_ring_size)
    max_ring_size: int = field(default=4 << 20, converter=parse_ring_size)
