"""Tracepoints: where their fields lie is what the kernel says, never what we remember."""

from __future__ import annotations

import subprocess
import sys

import pytest

from damon_core.errors import PrimitiveError
from damon_core.testing.open_files import no_more_files, open_files
from damon_core.tracepoint import TraceField, parse_format, read_tracepoint

FORMAT = """name: page_fault_user
ID: 190
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:unsigned long address;\toffset:8;\tsize:8;\tsigned:0;
\tfield:char comm[16];\toffset:16;\tsize:16;\tsigned:0;
\tfield:__data_loc char[] name;\toffset:32;\tsize:4;\tsigned:0;
\tfield:unsigned long * ip;\toffset:40;\tsize:8;

print fmt: "address=%ps ip=%ps", (void *)REC->address, (void *)REC->ip
"""


def test_a_format_gives_number_and_fields() -> None:
    tracepoint = parse_format(FORMAT)
    assert (tracepoint.name, tracepoint.id) == ("page_fault_user", 190)
    assert list(tracepoint.fields) == ["common_type", "common_pid", "address", "comm", "name", "ip"]
    assert tracepoint.field("common_pid", 4) == TraceField(4, 4, True)
    assert tracepoint.field("ip", 8).offset == 40


def test_a_field_of_another_size_than_expected_is_an_error_that_says_what_there_is() -> None:
    tracepoint = parse_format(FORMAT)
    with pytest.raises(PrimitiveError, match=r"no field address of 4 bytes.*address \(8 bytes\)"):
        tracepoint.field("address", 4)
    with pytest.raises(PrimitiveError, match="no field error_code"):
        tracepoint.field("error_code", 8)


@pytest.mark.parametrize("text", ["", "name: x\n", "ID: 5\n", "name: x\nID: five\n"])
def test_what_is_no_format_is_refused(text: str) -> None:
    with pytest.raises(PrimitiveError, match="no name and no ID"):
        parse_format(text)


@pytest.mark.live
def test_tracepoints_are_read_without_mounting_anything() -> None:
    with open("/proc/self/mounts") as file:
        before = file.read()
    read_tracepoint("sched", "sched_switch")
    opened = open_files()
    switch = read_tracepoint("sched", "sched_switch")
    assert switch.field("prev_pid", 4).signed
    assert open_files() == opened
    with open("/proc/self/mounts") as file:
        assert file.read() == before


@pytest.mark.live
def test_what_is_not_there_or_not_allowed_is_said() -> None:
    with pytest.raises(PrimitiveError, match="the kernel has no tracepoint exceptions:none"):
        read_tracepoint("exceptions", "none")
    with no_more_files(), pytest.raises(PrimitiveError, match="too many open files"):
        read_tracepoint("sched", "sched_switch")
    source = (
        "import os\n"
        "from damon_core.tracepoint import PrimitiveError, read_tracepoint\n"
        "os.setuid(65534)\n"
        "try:\n"
        "    read_tracepoint('sched', 'sched_switch')\n"
        "except PrimitiveError as error:\n"
        "    print(error)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", source], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    assert "run as root" in said
