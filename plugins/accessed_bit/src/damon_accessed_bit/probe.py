"""Which mechanisms work on this machine: each is tried, in the order of preference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from damon_core.mechanism import MechanismTable

from .options import Choice, Options

if TYPE_CHECKING:
    from damon_core import Availability
    from damon_core.mechanism import Mechanism
    from damon_core.model import Ops
    from damon_core.target import Target

MECHANISMS = MechanismTable(
    "damon_accessed_bit",
    {
        Choice.BPF.value: "PageTableWalk",
        Choice.PAGE_IDLE.value: "PageIdle",
        Choice.COLD.value: "Cold",
        Choice.SMAPS.value: "Smaps",
    },
)
PREFERENCE = (Choice.BPF.value, Choice.PAGE_IDLE.value, Choice.SMAPS.value)
"""The order in which ``auto`` tries; ``cold`` disturbs the target and must be asked for."""


def probe_all(ops: Ops) -> Availability:
    """The answer of the primitive's ``probe``: what ``auto`` would take, and each one's lack."""
    return MECHANISMS.probe(PREFERENCE, ops, Options())


def choose(options: Options, ops: Ops, targets: Sequence[Target]) -> Mechanism:
    """The mechanism asked for, or the first that works; PrimitiveError says what each lacks."""
    return MECHANISMS.choose(options.mechanism.value, PREFERENCE, options, ops, targets)
