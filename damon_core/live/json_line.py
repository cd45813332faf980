"""A snapshot of a running context as one line of JSON, for programs."""

from __future__ import annotations

import io
import json

import attrs

from ..report.access import AccessTable
from ..target_sizes import TargetSizes
from .watch import Seen


def json_line(seen: Seen) -> str:
    """One object; ``access`` is what ``damon report access --json`` says of a snapshot."""
    context, snapshot = seen.context, seen.snapshot
    sizes = TargetSizes(snapshot)
    access = io.StringIO()
    AccessTable(snapshot, names=seen.names).render_json(access)
    about = {
        "context": context.config.name,
        "ops": context.config.spec.ops.value,
        "sample_us": seen.intervals.sample_us,
        "aggr_us": seen.intervals.aggr_us,
        "pace_reason": seen.pace_reason,
        "cpu_ns": snapshot.cpu_ns,
        "target_cpu_ns": snapshot.target_cpu_ns,
        "nr_late": snapshot.nr_late,
        "working_set": {
            str(target.index): float(sizes.working_set[slot])
            for slot, target in enumerate(snapshot.targets)
        },
        "rss": {str(target.index): target.rss for target in snapshot.targets},
        "sources": [attrs.asdict(source) for source in snapshot.sources],
        "notes": list(snapshot.notes),
    }
    return f'{json.dumps(about)[:-1]}, "access": {access.getvalue().strip()}}}\n'
