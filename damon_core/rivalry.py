"""Contexts that look at the same memory by clearing what the other has not seen yet."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from .config import ContextConfig
from .model import Ops
from .monitored_context import MonitoredContext


def note_rivals(contexts: Sequence[MonitoredContext]) -> None:
    """Tell in both recordings which contexts may make each other see less than there is."""
    for one, other in combinations(contexts, 2):
        shared = one.clearing & other.clearing
        if not shared or not may_overlap(one.config, other.config):
            continue
        names = ", ".join(sorted(shared))
        for context, rival in ((one, other), (other, one)):
            context.note(
                f"context {rival.config.name} uses {names} on the same memory: each clears what "
                "the other has not seen yet, and both may see less than there is; "
                "put them into one context, or give them other targets"
            )


def may_overlap(one: ContextConfig, other: ContextConfig) -> bool:
    """Whether two contexts may watch the same memory, as far as their configuration tells."""
    if Ops.PADDR in (one.spec.ops, other.spec.ops):
        return True
    if any(target.match for target in (*one.targets, *other.targets)):
        return True
    pids = {target.pid for target in one.targets if target.pid is not None}
    return any(target.pid in pids for target in other.targets)
