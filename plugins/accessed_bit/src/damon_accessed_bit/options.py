"""The options of the primitive in YAML."""

from __future__ import annotations

from enum import Enum

from attrs import frozen


class Choice(str, Enum):
    """Which mechanism reads and clears accessed bits."""

    AUTO = "auto"
    BPF = "bpf"
    PAGE_IDLE = "page_idle"
    COLD = "cold"
    SMAPS = "smaps"

    def __str__(self) -> str:
        return self.value


class Flush(str, Enum):
    """Whether the TLB is flushed after accessed bits were cleared.

    Without a flush the hottest pages, whose translations stay in the TLB, look idle.  ``auto``
    flushes in the way that disturbs least; ``always`` through clear_refs whatever that costs.
    """

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"

    def __str__(self) -> str:
        return self.value


@frozen
class Options:
    """The primitive's options in YAML."""

    mechanism: Choice = Choice.AUTO
    flush: Flush = Flush.AUTO
