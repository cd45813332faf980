"""The text of perf script: fields are found by their shapes, whatever names say."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damon_core.access import REPORT_DTYPE, ReportFlag
from damon_core.errors import RecordError
from damon_core.perf_data.file import PerfFile
from damon_core.perf_data.line import ScriptLine, read_line
from damon_core.perf_data.text import open_text

L1_LOAD = "68100142 |OP LOAD|LVL L1 hit|SNP None|TLB L1 or L2 hit|LCK No|BLK  N/A"
SOURCE = 0x68100142


def opened(text: str, *, physical: bool = False) -> PerfFile:
    return open_text(physical=physical, lines=io.BytesIO(text.encode()))


def rows_of(text: str) -> np.ndarray:
    with opened(text) as file:
        return np.concatenate([np.empty(0, REPORT_DTYPE), *file.by_time()])


PLAIN = ScriptLine(pid=100, tid=101, time_ns=2_000, addr=0x7F0000001008)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("100/101 0.000002: 7f0000001008", {}),
        ("100/101 0.000002000: 7f0000001008\n", {}),
        ("  100/101   [002]     0.000002000:     7f0000001008", {"cpu": 2}),
        ("  100/101   [002]     0.000002000:       2003     7f0000001008",
         {"cpu": 2, "period": 2003}),
        ("100/101 0.000002: 2003 7f0000001008", {"period": 2003}),
        ("100/101 0.000002000:     7f0000001008          5000", {"phys": 0x5000}),
        ("100/101 0.000002000:       2003     7f0000001008     123456008",
         {"period": 2003, "phys": 0x123456008}),
        ("100/101 0.000002000:       2003         raw 0x1cd:pp:     7f0000001008",
         {"period": 2003, "event": "raw 0x1cd:pp"}),
        ("100/101 0.000002000: cpu/mem-loads/pp:     7f0000001008     123456008",
         {"event": "cpu/mem-loads/pp", "phys": 0x123456008}),
        (f"100/101 0.000002000:     7f0000001008     {L1_LOAD}", {"data_src": SOURCE}),
        (f"100/101 0.000002000:     7f0000001008     {L1_LOAD}       123456008",
         {"data_src": SOURCE, "phys": 0x123456008}),
        (f"100/101 0.000002000:       2003 unknown attr type: 9:     7f0000001008     {L1_LOAD}  0",
         {"data_src": SOURCE, "phys": 0, "period": 2003, "event": "unknown attr type: 9"}),
        ("100/101 0.000002000: 7f0000001008 68100142 |OP LOAD beef", {"data_src": SOURCE}),
        (f"x 100/101 0.000002000:     7f0000001008     {L1_LOAD}       123456008",
         {"data_src": SOURCE, "phys": 0x123456008, "comm": "x"}),
        ("x 100/101 0.000002: 7f0000001008", {"comm": "x"}),
        ("     my prog 1/2   100/101   [002]     0.000002000:     7f0000001008",
         {"cpu": 2, "comm": "my prog 1/2"}),
        ("7/8 9.000001: ff 100/101 [002] 0.000002000:     7f0000001008",
         {"cpu": 2, "comm": "7/8 9.000001: ff"}),
    ],
)  # fmt: skip
def test_a_line_is_read_whatever_fields_it_has(text: str, expected: dict[str, object]) -> None:
    from attrs import evolve

    assert read_line(text.encode()) == evolve(PLAIN, **expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "100 0.000002: 7f0000001008",
        "100/101 7f0000001008",
        "100/101 0.000002000:",
        "100/101 0.02: 7f0000001008",
        "100/101 0.000002000: ffffffff81143526 native_write_msr (/lib/modules/vmlinux)",
        "100/101 0.000002000: 7f0000001008 1 2 3",
        "100/101 0.000002000: 17f00000000010080",
        "\t    7f0000001008 main+0x10 (/bin/x)",
    ],
)
def test_what_is_no_sample_is_none(text: str) -> None:
    assert read_line(text.encode()) is None


@given(st.binary(max_size=200))
def test_any_line_is_survived(line: bytes) -> None:
    read_line(line)
    read_line(b"1/2 0.000002: " + line)
    read_line(line + b" 1/2 0.000002: 7f00 ")


def test_lines_that_are_no_samples_are_counted_and_the_first_is_told() -> None:
    text = "# a comment\n\n100/101 0.000002: 7f00\nnonsense \x1b[31m\n100/101 0.000003: 7f01\n??\n"
    with opened(text) as file:
        assert [len(rows) for rows in file.by_time()] == [2]
        assert file.layout.notes == (
            "2 of 6 lines are no samples and were left out, the first is line 4: "
            "'nonsense \\x1b[31m'",
        )


def test_text_becomes_reports_of_all_that_it_tells() -> None:
    rows = rows_of(
        f"100/101 [003] 1.000000000: 2003 mem-loads: 7f00 {L1_LOAD}  5000\n"
        "100/102 2.000000: cpu/mem-stores/: 7f08\n"
    )
    assert rows["vaddr"].tolist() == [0x7F00, 0x7F08]
    assert rows["time_ns"].tolist() == [10**9, 2 * 10**9]
    assert (rows["weight"].tolist(), rows["paddr"].tolist()) == ([2003, 1], [0x5000, 0])
    assert (rows["flags"] & 3).tolist() == [ReportFlag.READ, ReportFlag.WRITE]
    assert [bool(flags & ReportFlag.HAS_CPU) for flags in rows["flags"]] == [True, False]


def test_a_direction_that_no_field_tells_stays_unknown() -> None:
    assert (rows_of("100/101 1.000000: arm_spe_0: 7f00\n")["flags"] & 3).tolist() == [0]


def test_lines_in_any_order_come_by_time() -> None:
    times = [5, 1, 4, 2, 3]
    rows = rows_of("".join(f"1/1 {time}.000000: 7f00\n" for time in times))
    assert rows["time_ns"].tolist() == [time * 10**9 for time in sorted(times)]


def test_names_of_processes_are_those_in_front_of_the_line() -> None:
    text = "a b 1/2 100/101 1.000000: 7f00\nmain 100/100 2.000000: 7f00\n:7 7/8 3.000000: 7f00\n"
    with opened(text) as file:
        tasks = file.survey().tasks
    assert [tasks.comm_of(pid) for pid in (100, 7)] == ["main", ":7"]


def test_physical_addresses_are_wanted_only_where_they_are_asked_for() -> None:
    text = f"100/101 1.000000: 7f00 {L1_LOAD}  5000\n100/101 1.000000: 7f00 {L1_LOAD}  0\n"
    with opened(text, physical=True) as file:
        (rows,) = file.by_time()
        assert rows["paddr"].tolist() == [0x5000]
        assert file.counters()["no_address"] == 1
    with pytest.raises(RecordError, match="physical addresses"):
        opened("100/101 1.000000: 7f00\n", physical=True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("hello\n", "line 1 is 'hello'.*perf script -F"),
        ("PERFILE2\0\0\0", "give its name instead of -"),
        ("2ELIFREP\0\0\0", "give its name instead of -"),
        ("x" * 100_000, "no line with a sample"),
    ],
)
def test_text_without_samples_is_refused(text: str, says: str) -> None:
    with pytest.raises(RecordError, match=says):
        opened(text)


def test_events_without_end_are_counted_as_wrong_lines() -> None:
    nr = 5000
    text = "".join(f"1/1 1.000000: event-{i}: 7f00\n" for i in range(nr))
    with opened(text) as file:
        nr_read = sum(len(rows) for rows in file.by_time())
        assert 0 < nr_read < nr
        assert f"{nr - nr_read:,} of {nr:,} lines are no samples" in file.layout.notes[0]
