"""One event, resolved: what is opened, and what is known of its samples beforehand."""

from __future__ import annotations

from typing import Literal, TypeAlias

from attrs import field, frozen

from damon_core.access import ReportFlag
from damon_core.perf_attr import AttrFlag, PerfType

Precise: TypeAlias = int | Literal["max"] | None
"""``precise_ip`` from 0 to 3, "max" for the highest that opens, None if it was not said."""

_NO_FLAGS = AttrFlag(0)
_UNKNOWN = ReportFlag(0)


@frozen
class RawAddress:
    """Where the raw data of a tracepoint hold the address, 8 bytes; offsets in bytes.

    The access was a write if any bit of ``write_mask`` is set in the 8 bytes at ``write_offset``.
    """

    offset: int
    write_offset: int
    write_mask: int


@frozen(kw_only=True)
class PmuEvent:
    """An event to be opened on each of ``cpus`` (None: on all that run).

    ``text``: as the user wrote it.  ``name``: in perf's words, of one PMU; no two events of a
    resolved list have the same.  ``config1`` and ``config2`` are address and length of a
    breakpoint, its accesses are ``bp_type``.

    A sample is taken every ``period`` events, or ``freq`` times a second; if both are 0 the event
    only counts, as leaders may.  ``pace_asked``: the user chose that, it is no default.
    ``flags``: EXCLUDE_* and PINNED, as they were asked for.  ``physical``: physical addresses
    were asked for.  ``leader`` is opened before it, on the same processors, and leads its group;
    it may or may not be one of the resolved events too.

    ``is_auxiliary``: only leads, and is never sampled.  ``by_ibs``: sampled by AMD's IBS, which
    a processor has once.

    ``direction``: READ or WRITE where the event itself tells it, for samples that do not.
    ``raw``: where the address is, if not in ADDR.  ``notes``: what the user should know of how
    the event was understood, one sentence each.
    """

    text: str
    name: str
    pmu: str
    type: int
    config: int = 0
    config1: int = 0
    config2: int = 0
    config3: int = 0
    bp_type: int = 0
    period: int = 0
    freq: int = 0
    pace_asked: bool = False
    precise: Precise = None
    flags: AttrFlag = _NO_FLAGS
    physical: bool = False
    cpus: frozenset[int] | None = None
    leader: PmuEvent | None = None
    direction: ReportFlag = _UNKNOWN
    raw: RawAddress | None = None
    is_auxiliary: bool = False
    by_ibs: bool = False
    notes: tuple[str, ...] = field(default=(), eq=False)

    @property
    def is_kernel_made(self) -> bool:
        """Whether the kernel makes it (faults, breakpoints, tracepoints), and no PMU."""
        return self.type in (PerfType.SOFTWARE, PerfType.TRACEPOINT, PerfType.BREAKPOINT)

    @property
    def config_words(self) -> tuple[int, int, int, int]:
        return (self.config, self.config1, self.config2, self.config3)
