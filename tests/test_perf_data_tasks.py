"""Names of processes and of mappings, as records tell them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from damon_core.model import AddrRange
from damon_core.perf_data.tasks import MAX_MAPPINGS_OF_ONE, Tasks
from damon_core.testing.made_perf_file import comm, fork, mmap
from damon_core.testing.perf_records import HEADER

PAGE = 4096


def told(*records: bytes) -> Tasks:
    tasks = Tasks()
    for record in records:
        kind, misc, _ = HEADER.unpack_from(record)
        tasks.tell(kind, misc, record[HEADER.size :])
    return tasks


def names(tasks: Tasks, pid: int) -> list[tuple[int, int, str]]:
    return [(one.range.start, one.range.end, one.name) for one in tasks.mappings_of(pid)]


def test_a_process_has_its_last_name_and_a_child_that_of_its_parent() -> None:
    tasks = told(comm(1, "sh"), fork(2, 1), comm(1, "a b/c 1/2"), fork(3, 2))
    assert [tasks.comm_of(pid) for pid in (1, 2, 3, 4)] == ["a b/c 1/2", "sh", "sh", ""]


def test_a_child_has_what_its_parent_had_mapped_and_nothing_after_an_exec() -> None:
    tasks = told(mmap(1, PAGE, PAGE, "/bin/sh"), fork(2, 1), comm(1, "ls", exec=True))
    assert names(tasks, 2) == [(PAGE, 2 * PAGE, "/bin/sh")]
    assert names(tasks, 1) == []


def test_both_kinds_of_records_of_mappings_are_read() -> None:
    tasks = told(
        mmap(1, PAGE, PAGE, "[heap]", mmap2=False), mmap(1, 9 * PAGE, PAGE, "//anon"), fork(1, 1)
    )
    assert names(tasks, 1) == [(PAGE, 2 * PAGE, "[heap]"), (9 * PAGE, 10 * PAGE, "")]


def test_what_the_kernel_maps_and_what_is_cut_short_is_left_out() -> None:
    tasks = told(mmap(0xFFFFFFFF, 1 << 63, PAGE, "[kernel]"), mmap(1, 2**64 - 1, PAGE, "x"))
    tasks.tell(10, 0, b"\1\0\0\0")
    tasks.tell(3, 0, b"")
    tasks.tell(7, 0, b"123")
    assert names(tasks, 1) == []


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 12), st.sampled_from("abc"))))
def test_in_each_place_the_last_mapping_counts(drawn: list[tuple[int, int, str]]) -> None:
    tasks = told(*(mmap(1, (1 + at) * PAGE, size * PAGE, name) for at, size, name in drawn))
    expected: dict[int, str] = {}
    for at, size, name in drawn:
        expected |= dict.fromkeys(range(1 + at, 1 + at + size), name)
    found = tasks.mappings_of(1)
    assert {
        page: one.name
        for one in found
        for page in range(one.range.start // PAGE, one.range.end // PAGE)
    } == expected
    ranges = [one.range for one in found]
    assert ranges == sorted(ranges, key=lambda one: one.start)
    assert all(one.size > 0 for one in ranges)


def test_of_endlessly_many_mappings_no_more_are_kept_than_is_good() -> None:
    tasks = told(*(mmap(1, i * PAGE, PAGE, "x") for i in range(1, MAX_MAPPINGS_OF_ONE + 100)))
    assert len(tasks.mappings_of(1)) == MAX_MAPPINGS_OF_ONE
    assert tasks.mappings_of(1)[0].range == AddrRange(PAGE, 2 * PAGE)
