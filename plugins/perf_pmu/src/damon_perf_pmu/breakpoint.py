"""Breakpoints: ``mem:ADDR[/LEN][:rwx]`` as perf writes them, or ``mem:ADDR:LEN:rw``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from damon_core.access import ReportFlag
from damon_core.errors import ConfigError
from damon_core.perf_attr import PerfType

from .modifiers import LETTERS
from .pmu_event import PmuEvent

READ, WRITE, EXECUTE = 1, 2, 4  # HW_BREAKPOINT_*
LENGTHS = (1, 2, 4, 8)

_PARTS = re.compile(r"mem:(0[xX][0-9a-fA-F]+|[0-9]+)(?:/([^:]*))?(.*)")
_NUMBER = re.compile(r"[0-9]+")
_ACCESSES = {"r": READ, "w": WRITE, "x": EXECUTE}
_DEFAULT_LENGTH = 4
_EXPECTED = "expected mem:ADDR[/LEN][:rw], such as mem:0x7f0012345678/8:rw"


def parse_breakpoint(word: str) -> tuple[PmuEvent, str]:
    """The event, and the letters of its modifiers; ConfigError if the kernel cannot take it."""
    found = _PARTS.fullmatch(word)
    if found is None:
        raise ConfigError(f"not a breakpoint: {_EXPECTED}")
    address = int(found[1], 0) if found[1].startswith(("0x", "0X")) else int(found[1])
    parts = list(found[3].split(":"))[1:]
    length = found[2]
    if length is None and parts and _NUMBER.fullmatch(parts[0]):
        length = parts.pop(0)
    access = parts.pop(0) if parts and parts[0] and set(parts[0]) <= _ACCESSES.keys() else "rw"
    letters = parts.pop(0) if parts and parts[0] and set(parts[0]) <= LETTERS else ""
    if parts or (length is not None and not _NUMBER.fullmatch(length)):
        raise ConfigError(f"not a breakpoint: {_EXPECTED}")
    bp_type = 0
    for letter in access:
        bp_type |= _ACCESSES[letter]
    return breakpoint_event(word, address, int(length or _DEFAULT_LENGTH), bp_type), letters


def breakpoint_event(text: str, address: int, length: int, bp_type: int) -> PmuEvent:
    """The event for accesses of kind ``bp_type`` to ``length`` bytes; ConfigError says why not."""
    for fault in _faults(address, length, bp_type):
        raise ConfigError(fault)
    letters = "".join(letter for letter, bit in _ACCESSES.items() if bp_type & bit)
    return PmuEvent(
        text=text,
        name=f"mem:{address:#x}/{length}:{letters}",
        pmu="breakpoint",
        type=PerfType.BREAKPOINT,
        config1=address,
        config2=length,
        bp_type=bp_type,
        direction=ReportFlag.WRITE if bp_type == WRITE else ReportFlag(0),
    )


def _faults(address: int, length: int, bp_type: int) -> Iterator[str]:
    if bp_type & EXECUTE:
        yield "breakpoints on execution (x) see code, not data: expected r, w or rw"
    if not 0 < bp_type <= READ | WRITE:
        yield f"a breakpoint on accesses of kind {bp_type}: expected 1 (r), 2 (w) or 3 (rw)"
    if length not in LENGTHS:
        yield f"a breakpoint of {length} bytes: expected {', '.join(map(str, LENGTHS))}"
    if address >= 1 << 64:
        yield f"address {address:#x} has more than 64 bits"
    if address % length:
        yield f"address {address:#x} is not a multiple of the breakpoint's length {length}"
