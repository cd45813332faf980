"""The reader of perf.data files against ``perf script``, line by line."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from damon_core.access import REPORT_DTYPE, ReportFlag
from damon_core.perf_attr import SampleType
from damon_core.perf_data.file import PerfFile
from damon_core.perf_data.text import open_text
from damon_core.testing.made_perf_file import COMM, END_OF_ROUND, MadeEvent, MadeFile, comm
from damon_core.testing.perf_records import (
    IN_ORDER,
    LOST,
    THROTTLE,
    UNTHROTTLE,
    raw_field,
    record,
    sample,
    words,
)

pytestmark = pytest.mark.skipif(
    shutil.which("perf") is None, reason="needs perf: apt-get install linux-perf"
)

# A program that is not ours needs no sanitizer.
ALONE = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}

S = SampleType
ALWAYS = S.TID | S.TIME | S.ADDR
OPTIONAL = (S.CPU, S.PERIOD, S.DATA_SRC, S.PHYS_ADDR)
# Not READ: perf makes a period of its own out of it.
BALLAST = (
    *(S.CALLCHAIN, S.RAW, S.REGS_USER, S.STACK_USER, S.WEIGHT),
    *(S.WEIGHT_STRUCT, S.TRANSACTION, S.REGS_INTR, S.CGROUP, S.DATA_PAGE_SIZE, S.CODE_PAGE_SIZE),
)
FIELD_OF = {
    S.CPU: "cpu",
    S.PERIOD: "period",
    S.DATA_SRC: "data_src",
    S.PHYS_ADDR: "phys_addr",
}
# NA, loads, stores, a prefetch, an execution
SOURCES = (0x5080021, 0x68100142, 0x10668100842, 0x229080144, 0x1E29080024, 8, 16)
LINE = re.compile(
    r"(?:.*\s)?\s*(?P<pid>-?\d+)/(?P<tid>-?\d+)\s+(?:\[(?P<cpu>\d+)\]\s+)?(?P<sec>\d+)\.(?P<ns>\d{9}):\s+"
    r"(?P<rest>.*)"
)


@frozen
class Line:
    """A sample as ``perf script`` prints it; None for what it was not asked for."""

    pid: int
    tid: int
    time_ns: int
    addr: int
    cpu: int | None = None
    period: int | None = None
    data_src: int | None = None
    phys: int | None = None


def script(path: Path, optional: SampleType) -> bytes:
    """What perf prints of all samples, by time."""
    fields = ["pid", "tid", "time", "addr"]
    fields += [name for bit, name in FIELD_OF.items() if bit in optional]
    run = subprocess.run(
        ["perf", "script", "-G", "-f", "--ns", "-i", str(path), "-F", ",".join(fields)],
        capture_output=True,
        check=False,
        env=ALONE,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def line_of(text: str, optional: SampleType) -> Line:
    found = LINE.fullmatch(text)
    assert found, text
    # the words of data_src end before two blanks, if the physical address follows
    fields, bar, words = found["rest"].partition("|")
    rest = fields.split() + (
        words.rstrip().split("  ")[-1:] if S.PHYS_ADDR in optional and bar else []
    )
    period = int(rest.pop(0)) if S.PERIOD in optional else None
    return Line(
        pid=int(found["pid"]),
        tid=int(found["tid"]),
        time_ns=int(found["sec"]) * 10**9 + int(found["ns"]),
        cpu=int(found["cpu"]) if S.CPU in optional else None,
        period=period,
        addr=int(rest.pop(0), 16),
        data_src=int(rest.pop(0), 16) if S.DATA_SRC in optional else None,
        phys=int(rest.pop(0), 16) if S.PHYS_ADDR in optional else None,
    )


def expected_of(text: bytes, optional: SampleType) -> list[Line]:
    """The accesses to memory of processes among the lines."""
    lines = [line_of(line, optional) for line in text.decode().splitlines()]
    return [line for line in lines if wanted(line)]


def wanted(line: Line) -> bool:
    """Whether a sample is an access to memory of a process."""
    op = None if line.data_src is None else line.data_src & 31
    if op is not None and not op & 6 and op & 24:
        return False  # a prefetch or an execution
    return 0 < line.addr < 1 << 63


def lines_of(rows: np.ndarray, optional: SampleType) -> list[Line]:
    """Reports in the form of lines."""
    return [
        Line(
            pid=int(row["pid"]),
            tid=int(row["tid"]),
            time_ns=int(row["time_ns"]),
            cpu=int(row["cpu"]) if S.CPU in optional else None,
            period=int(row["weight"]) if S.PERIOD in optional else None,
            addr=int(row["vaddr"]),
            data_src=int(row["data_src"]) if S.DATA_SRC in optional else None,
            phys=int(row["paddr"]) if S.PHYS_ADDR in optional else None,
        )
        for row in rows
    ]


def read(file: PerfFile) -> np.ndarray:
    with file:
        return np.concatenate([np.empty(0, REPORT_DTYPE), *file.by_time()])


def assert_agree(path: Path, optional: SampleType) -> list[Line]:
    """The reader of the file, and that of perf's text, find what perf finds, in its order."""
    text = script(path, optional)
    expected = expected_of(text, optional)
    found = lines_of(read(PerfFile.open(str(path), physical=False)), optional)
    assert found == expected
    if text:
        of_text = lines_of(read(open_text(physical=False, lines=BytesIO(text))), optional)
        assert of_text == expected
    return found


def field_of(bit: SampleType, event: MadeEvent, dice: random.Random) -> bytes:
    """Some field of a sample, as the kernel would write it."""
    if bit == S.CALLCHAIN:
        nr = dice.randrange(4)
        return words(nr, *(dice.randrange(2**47) for _ in range(nr)))
    if bit == S.RAW:
        return raw_field(dice.randbytes(dice.randrange(40)))
    if bit in (S.REGS_USER, S.REGS_INTR):
        mask = event.regs_user if bit == S.REGS_USER else event.regs_intr
        return words(2, *range(mask.bit_count())) if dice.random() < 0.7 else words(0)
    if bit == S.STACK_USER:
        return words(16) + bytes(16) + words(16) if dice.random() < 0.7 else words(0)
    return words(dice.randrange(2**32))


def sample_of(event: MadeEvent, id_: int, time_ns: int, cpu: int, dice: random.Random) -> bytes:
    fields = {
        S.IDENTIFIER: words(id_),
        S.ID: words(id_),
        S.TID: words(dice.choice((100, 200)) | dice.choice((100, 101, 200)) << 32),
        S.TIME: words(time_ns),
        S.ADDR: words(dice.choice((0, dice.randrange(2**47), 2**64 - dice.randrange(1, 2**40)))),
        S.CPU: words(cpu),
        S.PERIOD: words(dice.randrange(1, 2**31)),
        S.DATA_SRC: words(dice.choice(SOURCES)),
        S.PHYS_ADDR: words(dice.randrange(2**46)),
    }
    asked = [bit for bit in IN_ORDER if bit in event.sample_type]
    return sample({bit: fields.get(bit) or field_of(bit, event, dice) for bit in asked})


@st.composite
def shapes(draw: st.DrawFn) -> tuple[SampleType, list[MadeEvent]]:
    """What all events of a file have, and the events, each with some ballast."""
    optional = S(sum(draw(st.sets(st.sampled_from(OPTIONAL)))))
    nr = draw(st.integers(1, 3))
    places = [S.IDENTIFIER, S.ID, S.IDENTIFIER | S.ID] + ([S(0)] if nr == 1 else [])
    id_fields = draw(st.sampled_from(places))
    # these change where the id is, in front or from behind
    common = S(sum(draw(st.sets(st.sampled_from([S.IP, S.STREAM_ID])))))
    events = []
    for index in range(nr):
        ballast = S(sum(draw(st.sets(st.sampled_from(BALLAST), max_size=5))))
        ballast &= ~S.WEIGHT if S.WEIGHT_STRUCT in ballast else ~S(0)
        events.append(
            MadeEvent(
                sample_type=ALWAYS | optional | id_fields | common | ballast,
                config=0x1CD + index,
                regs_user=draw(st.sampled_from([1, 0xFF])),
                regs_intr=draw(st.sampled_from([1, 0xFF])),
                ids=tuple(range(10 * index + 1, 10 * index + 4)),
            )
        )
    return optional, events


def records_of(events: list[MadeEvent], dice: random.Random) -> bytes:
    """Rounds, in each what every processor has had since the last one, by itself."""
    now_ns = dice.randrange(10**12)
    names = (comm(100, "a/b 1/2"), comm(200, "200/200 [0]"))
    parts = [trailed(COMM, name[8:], events[0], now_ns) for name in names]
    for _ in range(dice.randrange(1, 5)):
        length_ns = dice.randrange(150, 2000)
        for cpu in range(3):
            # the first look at a ring is the latest: later ones see a little of the next round
            end_ns = now_ns + length_ns + cpu * 50
            start_ns = now_ns + cpu * 50
            times = sorted(dice.randrange(start_ns, end_ns) for _ in range(dice.randrange(12)))
            for time_ns in times:
                event = dice.choice(events)
                parts.append(sample_of(event, dice.choice(event.ids), time_ns, cpu, dice))
            if dice.random() < 0.3:
                parts.append(trailed(LOST, words(events[0].ids[0], 3), events[0], end_ns))
            if dice.random() < 0.3:
                kind = dice.choice((THROTTLE, UNTHROTTLE))
                body = words(end_ns, events[0].ids[0], events[0].ids[0])
                parts.append(trailed(kind, body, events[0], end_ns))
        parts.append(END_OF_ROUND)
        now_ns += length_ns
    return b"".join(parts)


def trailed(kind: int, body: bytes, event: MadeEvent, time_ns: int) -> bytes:
    """A record of the kernel that is no sample: who, when and where stand at its end."""
    trailer = {
        S.TID: words(0),
        S.TIME: words(time_ns),
        S.ID: words(event.ids[0]),
        S.STREAM_ID: words(event.ids[0]),
        S.CPU: words(0),
        S.IDENTIFIER: words(event.ids[0]),
    }
    return record(
        kind, body + b"".join(v for bit, v in trailer.items() if bit in event.sample_type)
    )


@pytest.mark.parametrize("piped", [False, True], ids=["file", "pipe"])
@settings(max_examples=20)
@given(shape=shapes(), seed=st.integers(0, 2**32))
def test_samples_of_any_layout_are_those_that_perf_script_prints(
    tmp_path_factory: pytest.TempPathFactory,
    shape: tuple[SampleType, list[MadeEvent]],
    seed: int,
    piped: bool,
) -> None:
    optional, events = shape
    made = MadeFile(events=events, records=records_of(events, random.Random(seed)))
    path = tmp_path_factory.mktemp("made") / "perf.data"
    path.write_bytes(made.piped() if piped else made.seekable())
    assert_agree(path, optional)


def recorded(path: Path, event: str, program: str) -> None:
    """Let perf record a Python program, every single event, with addresses."""
    command = ["perf", "record", "-q", "-d", "-e", event, "-c", "1", "-o", str(path)]
    run = subprocess.run(
        [*command, sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env=ALONE,
    )
    if run.returncode:
        pytest.skip(f"perf cannot record {event} here: {run.stderr.strip()}")


@pytest.mark.live
def test_page_faults_of_a_real_program_are_those_that_perf_script_prints(tmp_path: Path) -> None:
    path = tmp_path / "perf.data"
    recorded(path, "page-faults", "b = bytearray(4 << 20)")
    found = assert_agree(path, S(0))
    assert len(found) > 1000  # each page of the array is touched for the first time


ADDRESS, NR_WRITES = 0x100000000, 300
WRITER = f"""
import ctypes
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
assert libc.mmap({ADDRESS}, 4096, 3, 0x32, -1, 0) == {ADDRESS}
word = ctypes.c_uint64.from_address({ADDRESS})
for i in range({NR_WRITES}):
    word.value = i
"""


@pytest.mark.live
def test_each_write_that_a_breakpoint_has_seen_is_a_write_at_its_address(tmp_path: Path) -> None:
    path = tmp_path / "perf.data"
    recorded(path, f"mem:{ADDRESS:#x}/8:w", WRITER)
    found = assert_agree(path, S(0))
    assert Counter(line.addr for line in found) == {ADDRESS: NR_WRITES}
    rows = read(PerfFile.open(str(path), physical=False))
    assert (rows["flags"] & ReportFlag.WRITE).all()
