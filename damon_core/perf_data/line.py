"""One line of ``perf script``: the fields that it has, found by their shapes.

Names of processes and of events may hold anything, also what looks like another field; they stand
before and between fields whose shapes are fixed.
"""

from __future__ import annotations

import re

from attrs import define

# The last place that looks so: what comes behind it is perf's own, what comes before may not be.
_HEAD = re.compile(
    rb"(?:(?P<comm>.*)\s)?\s*(?P<pid>-?\d+)/(?P<tid>-?\d+)\s+"
    rb"(?:\[(?P<cpu>\d+)\]\s+)?(?P<sec>\d+)\.(?P<frac>\d{6}|\d{9}):(?=\s)",
    re.DOTALL,
)
# Most lines: no names.  That of a process is too short to hold all this too.
_NAMELESS = re.compile(
    rb"\s*(\d+)/(\d+)\s+(?:\[(\d+)\]\s+)?(\d+)\.(\d{6}|\d{9}):\s+"
    rb"(?:(\d{1,20})\s+)?([0-9a-f]{1,16})\s+([0-9a-f]{1,16})\s+\|OP "
)
_WITH_SOURCE = re.compile(
    rb"(?P<before>.*?)\s*\b(?P<addr>[0-9a-f]{1,16})\s+(?P<source>[0-9a-f]{1,16})\s+\|(?P<words>.*)"
)
_ADDRESS = re.compile(rb"[0-9a-f]{1,16}")
_BEFORE = re.compile(rb"\s*(?:(?P<period>\d{1,20})(?:\s+|$))?(?:(?P<event>\S.*):)?\s*")
_ADDRESS_ENDS_AT = 17
"""Perf right-aligns an address in so many columns, and a period in fewer."""


@define
class ScriptLine:
    """A sample; None for what the line does not have, 0 for an address that is not known."""

    pid: int
    tid: int
    time_ns: int
    addr: int
    cpu: int | None = None
    period: int | None = None
    event: str = ""
    data_src: int | None = None
    phys: int | None = None
    comm: str = ""


def read_line(line: bytes) -> ScriptLine | None:
    """The sample of a line; None if the fields pid, tid, time and addr are not all there."""
    plain = _NAMELESS.match(line)
    if plain is None:
        return _read_with_names(line)
    pid, tid, cpu, sec, frac, period, addr, source = plain.groups()
    phys = _last_word(line[plain.end() :])
    return ScriptLine(
        int(pid),
        int(tid),
        int(sec) * 10**9 + int(frac.ljust(9, b"0")),
        int(addr, 16),
        None if cpu is None else int(cpu),
        None if period is None else int(period),
        "",
        int(source, 16),
        None if phys is None else int(phys, 16),
    )


def _read_with_names(line: bytes) -> ScriptLine | None:
    head = _HEAD.match(line)
    if head is None:
        return None
    rest = line[head.end() :].rstrip(b"\r\n")
    fields = _fields_with_source(rest) or _fields(rest)
    if fields is None:
        return None
    before, addr, source, phys = fields
    named = _BEFORE.fullmatch(before)
    if named is None:
        return None
    period = named["period"]
    return ScriptLine(
        pid=int(head["pid"]),
        tid=int(head["tid"]),
        time_ns=int(head["sec"]) * 10**9 + int(head["frac"].ljust(9, b"0")),
        addr=int(addr, 16),
        cpu=int(head["cpu"]) if head["cpu"] is not None else None,
        period=int(period) if period else None,
        event=named["event"].decode(errors="replace") if named["event"] else "",
        data_src=int(source, 16) if source is not None else None,
        phys=int(phys, 16) if phys else None,
        comm=head["comm"].strip().decode(errors="replace") if head["comm"] else "",
    )


def _last_word(words: bytes) -> bytes | None:
    """A number behind the words of data_src, two blanks from them: the physical address."""
    _, blanks, word = words.rstrip().rpartition(b"  ")
    return word if blanks and _ADDRESS.fullmatch(word) else None


_Fields = tuple[bytes, bytes, bytes | None, bytes | None]


def _fields_with_source(rest: bytes) -> _Fields | None:
    found = _WITH_SOURCE.fullmatch(rest)
    if found is None:
        return None
    return found["before"], found["addr"], found["source"], _last_word(found["words"])


def _fields(rest: bytes) -> _Fields | None:
    """Without data_src: period, event, addr and phys_addr, of which only addr must be there."""
    before, colon, after = rest.rpartition(b":")
    words = after.split()
    if not words or not all(map(_ADDRESS.fullmatch, words)):
        return None
    if not colon and words[0].isdigit() and _is_period(after, words):
        before = words.pop(0)
    if len(words) not in (1, 2):
        return None
    return before + colon, words[0], None, words[1] if len(words) == 2 else None


def _is_period(after: bytes, words: list[bytes]) -> bool:
    ends_at = len(after) - len(after.lstrip()) + len(words[0])
    return len(words) == 3 or (len(words) == 2 and ends_at != _ADDRESS_ENDS_AT)
