"""Events that the kernel names itself on every machine: software, hardware, caches."""

from __future__ import annotations

from itertools import product

from damon_core.perf_attr import PerfType

SOFTWARE = {
    "cpu-clock": 0,
    "task-clock": 1,
    "page-faults": 2,
    "faults": 2,
    "context-switches": 3,
    "cs": 3,
    "cpu-migrations": 4,
    "migrations": 4,
    "minor-faults": 5,
    "major-faults": 6,
    "alignment-faults": 7,
    "emulation-faults": 8,
    "dummy": 9,
    "bpf-output": 10,
    "cgroup-switches": 11,
}
"""Names of perf and their ``config``; the first name of a number is its canonical one."""

HARDWARE = {
    "cycles": 0,
    "cpu-cycles": 0,
    "instructions": 1,
    "cache-references": 2,
    "cache-misses": 3,
    "branches": 4,
    "branch-instructions": 4,
    "branch-misses": 5,
    "bus-cycles": 6,
    "stalled-cycles-frontend": 7,
    "idle-cycles-frontend": 7,
    "stalled-cycles-backend": 8,
    "idle-cycles-backend": 8,
    "ref-cycles": 9,
}

_CACHES = ("L1-dcache", "L1-icache", "LLC", "dTLB", "iTLB", "branch", "node")
_ACCESSES = (("load", "loads"), ("store", "stores"), ("prefetch", "prefetches"))


def _cache_events() -> dict[str, int]:
    configs = {}
    for (cache, name), (op, (one, many)) in product(enumerate(_CACHES), enumerate(_ACCESSES)):
        configs[f"{name}-{many}"] = cache | op << 8
        configs[f"{name}-{one}-misses"] = cache | op << 8 | 1 << 16
    return configs


CACHES = _cache_events()

NAMED = {
    **{name: (PerfType.HW_CACHE, config) for name, config in CACHES.items()},
    **{name: (PerfType.HARDWARE, config) for name, config in HARDWARE.items()},
    **{name: (PerfType.SOFTWARE, config) for name, config in SOFTWARE.items()},
}
"""Type and ``config`` by name."""


def canonical_name(kind: int, config: int) -> str | None:
    """The first name of an event; None if it has none."""
    return next((name for name, event in NAMED.items() if event == (kind, config)), None)
