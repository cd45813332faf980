"""Mappings are parsed in C as a slow reading of the same text has them, however it arrives."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damon_core._native import ffi
from damon_core.maps import (
    MAPPING_DTYPE,
    MappingFlag,
    MappingKind,
    named_mappings,
    parse_maps,
    read_maps,
)

Process = subprocess.Popen[bytes]
Running = Callable[..., Process]

LINE = re.compile(
    rb"([0-9a-f]+)-([0-9a-f]+) ([r-][w-][x-][sp]) [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ (\d+)"
)
DEVICES = (b"/dev/", b"anon_inode:", b"socket:", b"/dmabuf:", b"/[aio]")
MANY_MAPPINGS = """
import mmap
kept = [
    mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | (mmap.PROT_WRITE if i % 2 else 0))
    for i in range(10_000)
]
print("ready", flush=True)
input()
"""

NAMES = st.one_of(
    st.sampled_from(
        [
            b"",
            b"[heap]",
            b"[stack]",
            b"[stack:123]",
            b"[vdso]",
            b"[vvar]",
            b"[vvar_vclock]",
            b"[vsyscall]",
            b"[anon:jemalloc]",
            b"[uprobes]",
            b"/anon_hugepage (deleted)",
            b"/dev/zero (deleted)",
            b"/dev/shm/name",
            b"/dev/hugepages/name",
            b"/dev/dri/card0",
            b"/[aio] (deleted)",
            b"anon_inode:[io_uring]",
            b"socket:[1234]",
            b"/a file with spaces (deleted)",
            rb"/with\012newline",
        ]
    ),
    st.binary(max_size=200).map(lambda name: b"/" + name.replace(b"\n", rb"\012")),
    st.integers(1000, 100_000).map(lambda size: b"/" + b"x" * size),
)
LINES = st.builds(
    lambda start, size, perms, offset, device, inode, name: (
        b"%x-%x %s %08x %s %d" % (start, start + size, perms, offset, device, inode)
        + (b" " * 17 + name if name else b" ")
        + b"\n"
    ),
    st.integers(0, 2**63),
    st.integers(1, 2**62),
    st.tuples(*(st.sampled_from(pair) for pair in ("r-", "w-", "x-", "sp"))).map(
        lambda bits: "".join(bits).encode()
    ),
    st.integers(0, 2**64 - 1),
    st.sampled_from([b"00:00", b"fe:00", b"103:00005"]),
    st.integers(0, 2**64 - 1),
    NAMES,
)


@given(st.lists(LINES, max_size=40))
def test_mappings_are_those_of_a_slow_reading(lines: list[bytes]) -> None:
    assert _parse(b"".join(lines)).tolist() == [row for row in map(_slow, lines) if row]


@given(st.lists(LINES, min_size=1, max_size=20), st.lists(st.integers(1, 20_000), max_size=8))
def test_it_does_not_matter_where_the_reads_cut_the_text(
    lines: list[bytes], cuts: list[int]
) -> None:
    lines = [line for line in lines if len(line) < 1000]
    text = b"".join(lines)
    bounds = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:  # each read takes one packet
        for start, end in pairwise(bounds):
            theirs.send(text[start:end])
        theirs.close()
        parsed = parse_maps(ours.fileno())
    assert parsed.tolist() == [row for row in map(_slow, lines) if row]


@given(st.binary(max_size=300) | st.lists(LINES, min_size=1).map(lambda ls: b"".join(ls)[:-3]))
def test_other_text_is_an_error_or_some_mappings_but_never_a_crash(text: bytes) -> None:
    with suppress(OSError):
        rows = _parse(text)
        assert (rows["start"] < rows["end"]).all()


@pytest.mark.parametrize(
    "line",
    [
        b"hello",
        b"1000",
        b"1000-",
        b"1000-2000",
        b"1000-2000 rwx",
        b"1000-2000 rwxq 0 0:0 0",
        b"1000-2000 rw-p 0 00 0",
        b"1000-2000 rw-p 0 0:0 ",
        b"1000-2000 rw-p 0 0:0 7x",
        b"2000-1000 rw-p 0 0:0 0",
        b"1000-10000000000000000 rw-p 0 0:0 0",
        b"1000-2000 rw-p 0 0:0 18446744073709551616",
        b"",
    ],
)
def test_a_line_that_is_no_mapping_is_refused(line: bytes) -> None:
    good = b"1000-2000 rw-p 0 0:0 0 \n"
    with pytest.raises(OSError, match="mappings of a process: Bad message"):
        _parse(good + line + b"\n" + good)


def test_a_last_line_without_newline_counts() -> None:
    assert _parse(b"1000-2000 rw-p 0 0:0 0").tolist() == [(0x1000, 0x2000, 0, 3, 0)]


def test_no_text_is_no_mapping() -> None:
    assert _parse(b"").tolist() == []


def test_a_descriptor_that_cannot_be_read_is_an_error() -> None:
    with open("/dev/null", "wb") as file, pytest.raises(OSError, match="Bad file descriptor"):
        parse_maps(file.fileno())


def test_the_struct_in_c_is_the_dtype() -> None:
    assert ffi.sizeof("struct damon_mapping") == MAPPING_DTYPE.itemsize
    for name in MAPPING_DTYPE.names or ():
        fields = MAPPING_DTYPE.fields
        assert fields is not None
        assert ffi.offsetof("struct damon_mapping", name) == fields[name][1]


def test_ten_thousand_mappings_of_a_process_are_all_read(running: Running) -> None:
    process = running(MANY_MAPPINGS)
    process.send_signal(signal.SIGSTOP)  # its heap must not grow between two readings
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)
    rows = read_maps(process.pid)
    names = named_mappings(process.pid)
    assert len(rows) >= 10_000
    assert list(zip(rows["start"], rows["end"], strict=True)) == [
        (mapping.range.start, mapping.range.end) for mapping in names
    ]
    assert (rows["start"][1:] >= rows["end"][:-1]).all()


def test_kinds_and_names_of_a_live_process(bystander: Process) -> None:
    rows = read_maps(bystander.pid)
    by_name = {mapping.name: mapping for mapping in named_mappings(bystander.pid)}
    assert "[stack]" in by_name
    assert "[vsyscall]" not in by_name
    (stack,) = rows[rows["kind"] == MappingKind.STACK]
    assert stack["start"] == by_name["[stack]"].range.start
    assert stack["flags"] == MappingFlag.READ | MappingFlag.WRITE
    assert by_name["[stack]"].perms == "rw-p"
    assert (rows["end"] <= 1 << 56).all()
    files = rows[rows["kind"] == MappingKind.FILE]
    assert (files["inode"] > 0).all()


def test_mappings_of_nobody_are_an_error(bystander: Process) -> None:
    with pytest.raises(FileNotFoundError):
        read_maps(2**31 - 1)
    bystander.kill()
    os.waitid(os.P_PID, bystander.pid, os.WEXITED | os.WNOWAIT)
    with suppress(ProcessLookupError):  # kernels differ in how they say that it has no memory
        assert len(read_maps(bystander.pid)) == 0


def test_reading_leaves_no_descriptor_open() -> None:
    before = os.listdir("/proc/self/fd")
    read_maps(os.getpid())
    named_mappings(os.getpid())
    assert os.listdir("/proc/self/fd") == before


def _parse(text: bytes) -> np.ndarray:
    fd = os.memfd_create("maps")
    try:
        os.write(fd, text)
        os.lseek(fd, 0, os.SEEK_SET)
        return parse_maps(fd)
    finally:
        os.close(fd)


def _slow(line: bytes) -> tuple[int, int, int, int, int] | None:
    """What the C parser must make of a line, in plain Python."""
    match = LINE.match(line)
    assert match
    name = line[match.end() :].rstrip(b"\n").lstrip(b" ")
    if name.startswith(b"[vsyscall]"):
        return None
    perms = match[3]
    flags = MappingFlag(0)
    for letter, flag in zip(b"rwxs", MappingFlag, strict=True):
        if letter in perms:
            flags |= flag
    return int(match[1], 16), int(match[2], 16), int(match[4]), int(flags), _slow_kind(name)


def _slow_kind(name: bytes) -> MappingKind:
    if not name.startswith(b"["):
        memory = (b"/dev/zero", b"/dev/shm/", b"/dev/hugepages/")
        if name.startswith(DEVICES) and not name.startswith(memory):
            return MappingKind.DEVICE
        return MappingKind.FILE if name else MappingKind.ANON
    kinds = {
        b"[heap]": MappingKind.HEAP,
        b"[stack": MappingKind.STACK,
        b"[vdso]": MappingKind.VDSO,
        b"[vvar": MappingKind.VVAR,
    }
    return next((kind for word, kind in kinds.items() if name.startswith(word)), MappingKind.OTHER)
