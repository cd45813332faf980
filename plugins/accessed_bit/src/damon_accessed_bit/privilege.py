"""Which capabilities this process has."""

from __future__ import annotations

# linux/capability.h
_NUMBERS = {
    "CAP_DAC_OVERRIDE": 1,
    "CAP_SYS_PTRACE": 19,
    "CAP_SYS_ADMIN": 21,
    "CAP_PERFMON": 38,
    "CAP_BPF": 39,
}
_IN_SYS_ADMIN = {"CAP_PERFMON", "CAP_BPF"}


def missing_capabilities(*names: str) -> list[str]:
    """Those of ``names`` that are not effective; CAP_SYS_ADMIN includes those once part of it."""
    effective = effective_capabilities()
    has_admin = effective >> _NUMBERS["CAP_SYS_ADMIN"] & 1
    return [
        name
        for name in names
        if not effective >> _NUMBERS[name] & 1 and not (has_admin and name in _IN_SYS_ADMIN)
    ]


def effective_capabilities() -> int:
    """The effective ones, a bit each."""
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith("CapEff:"):
                return int(line.split()[1], 16)
    return 0
