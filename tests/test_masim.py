from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from damon_core.errors import WorkloadError
from damon_core.workload.directives import Directives
from damon_core.workload.masim import load_masim, parse_masim
from damon_core.workload.plan import MemoryKind, Mode, Pattern, Phase

ZIGZAG = """\
#regions
a, 100000000
b, 100000000

#phases
initial phase
10000
a, 0, 4096, 1
b, 0, 4096, 1

low phase 0
5000
a, 0, 4096, 50

high phase 0
5000
b, 0, 4096, 50
"""


def test_the_regions_and_phases_of_a_masim_file_are_read():
    workload = parse_masim(ZIGZAG)
    assert [(region.name, region.size) for region in workload.regions] == [
        ("a", 100_000_000),
        ("b", 100_000_000),
    ]
    (phases,) = workload.threads
    assert [phase.name for phase in phases] == ["initial phase", "low phase 0", "high phase 0"]
    assert phases[2] == Phase("high phase 0", 5_000_000, (Pattern(1, weight=50),))
    assert workload.duration_us == 20_000_000


def test_the_initial_content_and_the_mode_may_be_left_out(tmp_path):
    content = tmp_path / "content"
    content.write_text("abc")
    workload = parse_masim(
        f"a, 256, none\nb, 64, {content}\n\np\n1\na, 1, 64, 80, ro\nb, 0, 8, 1, rw\na, 0, 1, 1\n"
    )
    assert [region.load for region in workload.regions] == [None, content]
    patterns = workload.threads[0][0].patterns
    assert [(pattern.random, pattern.mode) for pattern in patterns] == [
        (True, Mode.READ),
        (False, Mode.BOTH),
        (False, Mode.WRITE),
    ]


def test_comments_blank_lines_spaces_and_line_ends_do_not_matter():
    tidy = parse_masim("a, 4096\n\np\n5\na, 0, 64, 1\n")
    assert parse_masim("# x\n\n#\na ,4096 \r\n\r\n\r\n# y\np\n# z\n5\n  a,0, 64 ,1") == tidy


def test_sizes_may_have_units():
    workload = parse_masim("a, 2 MiB\n\np\n5\na, 0, 4 KiB, 1\n")
    assert workload.regions[0].size == 2 << 20
    assert workload.threads[0][0].patterns[0].stride == 4096


def test_what_the_file_leaves_open_is_for_the_caller_to_say():
    said = Directives(memory=MemoryKind.SHMEM, populate=True, mode=Mode.READ, pause_us=7)
    workload = parse_masim("a, 4096\n\np\n5\na, 0, 64, 1\n", defaults=said)
    region, pattern = workload.regions[0], workload.threads[0][0].patterns[0]
    assert (region.memory, region.populate) == (MemoryKind.SHMEM, True)
    assert (pattern.mode, pattern.pause_us) == (Mode.READ, 7)


def test_directives_hold_for_what_comes_after_them():
    workload = parse_masim(
        "a, 4096\n#damon memory file_shared\n#damon populate yes\nb, 4096\n\n"
        "#damon repeat 3\n#damon seed 9\np\n5\na, 0, 64, 1\n#damon pause 2 ms\n#damon mode rw\n"
        "b, 0, 64, 1\n"
    )
    assert [region.memory for region in workload.regions] == [
        MemoryKind.ANON,
        MemoryKind.FILE_SHARED,
    ]
    assert [region.populate for region in workload.regions] == [False, True]
    patterns = workload.threads[0][0].patterns
    assert [(pattern.pause_us, pattern.mode) for pattern in patterns] == [
        (0, Mode.WRITE),
        (2000, Mode.BOTH),
    ]
    assert (workload.repeat, workload.seed) == (3, 9)


def test_threads_have_phases_of_their_own():
    workload = parse_masim(
        "a, 4096\n\np\n5\na, 0, 64, 1\n\n#damon thread other\nq\n6\na, 0, 64, 1\n\n"
        "#damon thread main\nr\n7\na, 0, 64, 1\n"
    )
    assert [[phase.name for phase in phases] for phases in workload.threads] == [["p", "r"], ["q"]]


def test_processes_have_threads_of_their_own():
    workload = parse_masim(
        "a, 4096\n\n#damon process one\np\n5\na, 0, 64, 1\n\n#damon process two\nq\n6\n"
        "a, 0, 64, 1\n\n#damon thread other\nr\n9\na, 0, 64, 1\n"
    )
    (two,) = workload.processes
    assert [phase.name for phases in workload.threads for phase in phases] == ["p"]
    assert two.name == "two"
    assert [phase.name for phases in two.threads for phase in phases] == ["q", "r"]
    assert workload.duration_us == 9000


def test_a_pattern_reaches_to_the_end_of_what_is_mapped_in_its_phase():
    workload = parse_masim(
        "my heap, 9000\n\np\n5\n#damon resize my heap 4 KiB\nmy heap, 0, 64, 1\n\n"
        "q\n5\nmy heap, 0, 64, 1\n\nr\n5\n#damon resize my heap 9000\nmy heap, 0, 64, 1\n"
    )
    (phases,) = workload.threads
    assert [phase.patterns[0].length for phase in phases] == [4096, 4096, None]
    assert [[one.size for one in phase.resizes] for phase in phases] == [[4096], [], [9000]]


def test_a_window_moves_on_and_starts_over_at_the_end():
    workload = parse_masim(
        "a, 10000\n\np\n50\n#damon window 4000 every 10 ms step 3000\na, 0, 64, 1\na, 1, 64, 1\n"
    )
    (phases,) = workload.threads
    assert [phase.duration_us for phase in phases] == [10_000] * 5
    assert [phase.patterns[0].offset for phase in phases] == [0, 3000, 6000, 0, 3000]
    assert {phase.patterns[0].length for phase in phases} == {4000}
    assert {phase.patterns[1].length for phase in phases} == {None}


BAD = {
    "": "<text>:0: no regions, expected lines such as 'a, 10000000'",
    "a, 4096\n": "<text>:1: no phases, expected a blank line, a name, milliseconds, and patterns",
    "a\n\np\n1\na, 0, 1, 1": "<text>:1: got 'a', expected 'NAME, SIZE' or 'NAME, SIZE, FILE'",
    "a, x\n": "<text>:1: got 'x', expected a size such as 4096, '4K' or '2 MiB'",
    "a, 0\n": "<text>:1: region a: size is 0: 1 to 70368744177664 is needed",
    "a, 1\na, 1\n": "<text>:2: a second region named a",
    "a, 1, /no/such\n": "<text>:1: region a: no such file to load: /no/such",
    "\x01, 1\n": "<text>:1: region name '\\x01': 1 to 100 printable characters are needed",
    "a, 1\n\np\nsoon\n": "<text>:4: got 'soon', expected the phase's milliseconds, a whole number",
    "a, 1\n\np\n-1\n": "<text>:4: got '-1', expected the phase's milliseconds, a whole number",
    "a, 1\n\np\n1\n": (
        "<text>:4: phase p: no access pattern, expected 'REGION, RANDOM, STRIDE, PROBABILITY'"
    ),
    "a, 1\n\na, 0, 1, 1\n": "<text>:3: got 'a, 0, 1, 1', expected the name of a phase",
    "a, 1\n\np\n1\na, 0, 1\n": (
        "<text>:5: got 'a, 0, 1', expected 'REGION, RANDOM, STRIDE, PROBABILITY[, ro|wo|rw]'"
    ),
    "hot, 1\n\np\n1\nhit, 0, 1, 1\n": (
        "<text>:5: no region is named hit (there are hot); did you mean 'hot'?"
    ),
    "a, 1\n\np\n1\na, 2, 1, 1\n": "<text>:5: randomness is '2', expected 0 or 1",
    "a, 1\n\np\n1\na, 0, 0, 1\n": ("<text>:5: pattern: stride is 0: 1 to 70368744177664 is needed"),
    "a, 1\n\np\n1\na, 0, 1, -3\n": "<text>:5: got '-3', expected a probability, a whole number",
    "a, 1\n\np\n1\na, 0, 1, 0\n": (
        "<text>:5: phase p: no access pattern with a probability above 0, one is needed"
    ),
    "a, 1\n\np\n1\na, 0, 1, 1, xx\n": "<text>:5: mode is 'xx', expected ro, wo or rw",
    "#damon memry anon\n": (
        "<text>:1: #damon memry: expected one of "
        "memory, populate, mode, pause, thread, process, resize, repeat, seed, window; "
        "did you mean 'memory'?"
    ),
    "#damon memory ram\n": (
        "<text>:1: got 'ram', expected one of anon, anon_4k, anon_thp, shmem, memfd, "
        "file_private, file_shared"
    ),
    "#damon window\n": "<text>:1: #damon window: a value is missing",
    "#damon window 4K\n": (
        "<text>:1: got '4K', expected 'SIZE every TIME', such as '16 MiB every 6 s'"
    ),
    "#damon window 4K every 0 ms\n": "<text>:1: window: every_us is 0, at least 1 is needed",
    "a, 1\n\np\n1\n#damon window 4K every 1 ms\na, 0, 1, 1\n": (
        "<text>:6: a window of 4096 bytes in a region of 1"
    ),
    "#damon process a b\n": "<text>:1: got 'a b', expected 1 to 32 letters, digits, _ and -",
    "#damon resize a\n": ("<text>:1: got 'a', expected 'REGION SIZE', such as 'heap 16 MiB'"),
    "heap, 9\n\np\n1\n#damon resize heep 4\nheap, 0, 1, 1\n": (
        "<text>:6: no region is named heep (there are heap); did you mean 'heap'?"
    ),
    "a, 9\n\np\n1\n#damon resize a 10\na, 0, 1, 1\n": (
        "<text>:6: phase p: size of region a is 10: 0 to 9 is needed"
    ),
    "a, 9\n\np\n1\na, 0, 1, 1\n#damon resize a 4\n": (
        "<text>:6: phase p: a resize stands before the patterns of its phase"
    ),
    "a, 9\n\np\n1\na, 0, 1, 1\n\n#damon resize a 4\n": (
        "<text>:7: a resize without a phase after it: it is done when a phase begins"
    ),
    "#damon memory memfd\na, 9\n\np\n1\n#damon resize a 4\na, 0, 1, 1\n": (
        "<text>:7: phase p: region a is of memfd, only anon, anon_4k, anon_thp can be resized"
    ),
    "a, 9\nb, 9\n\np\n1\n#damon resize a 0\nb, 0, 1, 1\na, 0, 1, 1\n": (
        "<text>:8: phase p: touches bytes 0 to 0 of region a, which has 0 mapped"
    ),
    "a, 9\n\np\n1\n#damon resize a 4\na, 0, 1, 1\n\n#damon thread b\nq\n1\na, 0, 1, 1\n": (
        "<text>:11: region a is resized by one thread and used by another: one thread alone may "
        "use it"
    ),
    "#damon repeat 2\na, 9\n\np\n1\na, 0, 1, 1\n\nq\n1\n#damon resize a 4\na, 0, 1, 1\n": (
        "<text>:11: phase p: touches bytes 0 to 9 of region a, which has 4 mapped"
    ),
    "a, 9\n\np\n1000\n#damon window 1 every 1 us\na, 0, 1, 1\n": (
        "<text>:6: a window that moves 1000000 times: at most 100000"
    ),
}


@pytest.mark.parametrize("text", BAD)
def test_a_file_that_makes_no_sense_is_an_error_at_its_line(text):
    with pytest.raises(WorkloadError) as caught:
        parse_masim(text)
    assert str(caught.value) == BAD[text]


def test_a_file_that_cannot_be_read_is_an_error_that_names_it(tmp_path):
    with pytest.raises(WorkloadError, match=r"cannot read the workload /no/such: No such file"):
        load_masim(Path("/no/such"))
    (tmp_path / "bytes.cfg").write_bytes(b"a, 1\xff")
    with pytest.raises(WorkloadError, match=r"bytes.cfg: byte 4 is no UTF-8 text"):
        load_masim(tmp_path / "bytes.cfg")
    (tmp_path / "long.cfg").write_bytes(b"#\n" * (3 << 20))
    with pytest.raises(WorkloadError, match=r"long.cfg: more than 4194304 bytes"):
        load_masim(tmp_path / "long.cfg")


@given(st.text(alphabet="a#,0 19\n.-%damonwi", max_size=80))
def test_any_text_is_a_workload_or_an_error_in_one_line(text):
    said = ""
    try:
        parse_masim(text)
    except WorkloadError as error:
        said = str(error)
    assert said == "" or re.fullmatch(r"<text>:\d+: .+", said)


def test_a_region_that_one_process_has_resized_is_whole_in_the_others():
    workload = parse_masim(
        "heap, 64K\n\np\n1\n#damon resize heap 4K\nheap, 0, 64, 1\n\n"
        "#damon process other\nq\n1\nheap, 0, 64, 1\n"
    )
    (other,) = workload.processes
    patterns = [threads[0][0].patterns[0] for threads in (workload.threads, other.threads)]
    assert [workload.length_of(one) for one in patterns] == [4096, 65536]
