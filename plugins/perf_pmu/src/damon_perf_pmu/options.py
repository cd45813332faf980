"""The primitive's options in YAML."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from attrs import field, frozen

from damon_core.errors import ConfigError
from damon_core.perf_ring import parse_ring_size
from damon_core.perf_targets import Scope
from damon_core.units import parse_count, parse_switch

MIN_RING_SIZE = 256 << 10
MAX_RING_SIZE = 8 << 20


class Addresses(str, Enum):
    """Which addresses of samples are used where processes are monitored.

    ``virtual``: those of the samples.  ``physical``: virtual ones are looked up, in the page maps
    of the targets, for the physical ones of the samples.  ``auto``: ``virtual``, and ``physical``
    for an event of which the self-test shows that it tells no others.
    """

    AUTO = "auto"
    VIRTUAL = "virtual"
    PHYSICAL = "physical"

    def __str__(self) -> str:
        return self.value


class SelfTest(str, Enum):
    """Whether events have to show the addresses of our own accesses before they are used.

    ``auto``: events of a PMU have to, those that the kernel makes are known to.
    """

    AUTO = "auto"
    YES = "yes"
    NO = "no"

    def __str__(self) -> str:
        return self.value


def _events(value: object) -> tuple[Any, ...]:
    """One event or a list of them, each a text or a mapping."""
    items = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    for item in items:
        if not isinstance(item, (str, Mapping)) or not item:
            raise ConfigError(
                f"event {item!r}: expected a text such as minor-faults, "
                "or {event: minor-faults, period: 1}"
            )
    if not items:
        raise ConfigError("no events: expected at least one, such as auto or minor-faults")
    return items


def _self_test(value: object) -> SelfTest:
    if isinstance(value, bool):
        return SelfTest.YES if value else SelfTest.NO
    try:
        return SelfTest(value)
    except ValueError:
        raise ConfigError(f"got {value!r}, expected auto, yes or no") from None


def _max_period(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ConfigError(f"got {value!r}, expected a number of events")
    period = parse_count(value)
    if period < 1:
        raise ConfigError(f"got {value!r}, expected 1 or more")
    return period


@frozen
class Options:
    """``events``: what is sampled.  ``max_period``: no event is sampled more rarely than every so
    many, whatever it costs.  ``force``: also events that are not known to tell addresses.

    ``ring_size``: bytes per processor and event, doubled after a loss up to ``max_ring_size``.
    ``keep_prefetches``: report prefetches, as reads.
    """

    events: tuple[Any, ...] = field(default=("auto",), converter=_events)
    scope: Scope = Scope.AUTO
    addresses: Addresses = Addresses.AUTO
    self_test: SelfTest = field(default=SelfTest.AUTO, converter=_self_test)
    force: bool = field(default=False, converter=parse_switch)
    keep_prefetches: bool = field(default=False, converter=parse_switch)
    max_period: int | None = field(default=None, converter=_max_period)
    ring_size: int = field(default=MIN_RING_SIZE, converter=parse_ring_size)
    max_ring_size: int = field(default=MAX_RING_SIZE, converter=parse_ring_size)
