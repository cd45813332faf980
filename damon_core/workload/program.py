"""A workload as the lines that the toucher reads (program.h)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from .plan import TURN_TOUCHES, Pattern, Phase, Workload


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
    lines += _thread_lines(workload, workload.threads)
    for process in workload.processes:
        lines.append(f"process {process.name}")
        lines += _thread_lines(workload, process.threads)
    return "\n".join(lines) + "\n"


def _thread_lines(workload: Workload, threads: Sequence[Sequence[Phase]]) -> Iterator[str]:
    for phases in threads:
        yield "thread"
        for phase in phases:
            yield f"phase {phase.duration_us * 1000} {_json_text(phase.name)}"
            for resize in phase.resizes:
                yield f"resize {resize.region} {resize.size}"
            for pattern in phase.patterns:
                yield _pattern_line(workload, pattern)


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
