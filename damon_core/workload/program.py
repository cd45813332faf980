"""A workload as the lines that the toucher reads (program.h)."""

from __future__ import annotations

import json

from .plan import TURN_TOUCHES, Pattern, Workload


def program_text(workload: Workload) -> str:
    """The whole program."""
    lines = [
        f"quantum_ns {workload.quantum_us * 1000}",
        f"seed {workload.seed}",
        f"repeat {workload.repeat}",
    ]
    for region in workload.regions:
        name = _json_text(region.name)
        lines += [
            f"area {region.memory} {region.size} {int(region.populate)} {name}",
            f"file {workload.folder}",
        ]
        if region.load is not None:
            lines.append(f"load {region.load}")
    for phases in workload.threads:
        lines.append("thread")
        for phase in phases:
            lines.append(f"phase {phase.duration_us * 1000} {_json_text(phase.name)}")
            lines += [_pattern_line(workload, pattern) for pattern in phase.patterns]
    return "\n".join(lines) + "\n"


def _pattern_line(workload: Workload, pattern: Pattern) -> str:
    numbers = (
        pattern.region,
        pattern.offset,
        workload.length_of(pattern),
        pattern.stride,
        int(pattern.random),
        pattern.mode,
        pattern.weight,
        TURN_TOUCHES,
        pattern.pause_us * 1000,
    )
    return "pattern " + " ".join(str(number) for number in numbers)


def _json_text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]
