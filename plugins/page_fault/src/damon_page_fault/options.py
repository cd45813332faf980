"""The options of the primitive in YAML."""

from __future__ import annotations

from enum import Enum

from attrs import field, frozen

from damon_core.errors import ConfigError

from .fault_options import FaultEvent, Scope, parse_ring_size


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


def yes_or_no(value: object) -> bool:
    """A switch: true and false, or, as people write to give leave, yes and no; ConfigError."""
    if isinstance(value, bool):
        return value
    if value in ("yes", "no"):
        return value == "yes"
    raise ConfigError(f"got {value!r}, expected yes or no")


@frozen
class Options:
    """The primitive's options in YAML.

    ``inject``: a thread of each target may be stopped for a moment, to open a userfaultfd in it.
    ``enable_numa_balancing``: kernel.numa_balancing may be switched on while monitoring.
    ``fault_event``, ``scope``: which faults are sampled by perf, and whose.  ``ring_size``: bytes
    per processor, doubled after a loss up to ``max_ring_size``.
    """

    mechanism: Choice = Choice.AUTO
    inject: bool = field(default=False, converter=yes_or_no)
    thp: Thp = Thp.SPLIT
    enable_numa_balancing: bool = field(default=False, converter=yes_or_no)
    fault_event: FaultEvent = FaultEvent.AUTO
    scope: Scope = Scope.AUTO
    ring_size: int = field(default=256 << 10, converter=parse_ring_size)
    max_ring_size: int = field(default=4 << 20, converter=parse_ring_size)
