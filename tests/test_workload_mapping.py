"""Workloads of several processes, and those whose memory comes and goes, really run here."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

import numpy as np
import pytest

from damon_core.errors import RunError
from damon_core.maps import read_maps
from damon_core.truth import Truth
from damon_core.truth_log import read_truth_log
from damon_core.workload.masim import parse_masim
from damon_core.workload.plan import Mode
from damon_core.workload.toucher import Toucher, log_paths

PAGE = os.sysconf("SC_PAGESIZE")

SHARED = """
#damon memory {kind}
first, 64K
both, 64K
#damon memory anon_4k
own, 64K

#damon process one
write
20
first, 0, 4096, 1, wo
both, 0, 4096, 1, wo
own, 0, 4096, 1, wo

#damon process two
read
20
both, 0, 4096, 1, ro
"""


def pages_in_page_tables(pid: int, start: int, end: int) -> int:
    with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as file:
        file.seek(start // PAGE * 8)
        entries = np.frombuffer(file.read((end - start) // PAGE * 8), np.uint64)
    return int((entries >> np.uint64(63)).sum())


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("kind", ["shmem", "memfd", "file_shared"])
def test_each_process_logs_and_has_in_its_page_tables_what_it_touched_itself(kind, tmp_path):
    workload = parse_masim(SHARED.format(kind=kind))
    paths = log_paths(workload, tmp_path / "log")
    assert [path.name for path in paths] == ["log", "log.two"]
    with Toucher(workload, tmp_path / "log", control=True) as toucher:
        assert len(set(toucher.pids)) == 2
        toucher.start()
        toucher.finish()
        for pid, truth in zip(toucher.pids, map(Truth.read, paths), strict=True):
            assert truth.pid == pid
            sure = truth.touched(0, 2**62).sure
            assert sum(pages_in_page_tables(pid, one.start, one.end) for one in sure) == (
                sure.size // PAGE
            )
            mine = {"first", "both", "own"} if pid == toucher.pid else {"both"}
            for area in truth.areas:
                nr = pages_in_page_tables(pid, area.range.start, area.range.end)
                assert area.name in mine or nr == 0
        areas = [read_truth_log(path).areas for path in paths]
        assert areas[0][1].range == areas[1][1].range, "they map the same memory"
    assert not any(map(runs, toucher.pids))


def test_what_one_process_writes_to_shared_memory_the_other_reads_and_private_memory_is_its_own(
    tmp_path,
):
    workload = parse_masim(SHARED.format(kind="memfd"))
    with Toucher(workload, tmp_path / "log", control=True) as toucher:
        toucher.touch(seed=1, permille=1000, mode=Mode.WRITE, region=1)
        toucher.touch(seed=1, permille=1000, mode=Mode.WRITE, region=2)
        _, both, own = read_truth_log(tmp_path / "log").areas
        read = []
        with open(f"/proc/{toucher.pids[1]}/mem", "rb", buffering=0) as memory:
            for area in (both, own):
                memory.seek(area.range.start)
                read.append(memory.read(1))
    assert read == [b"\1", b"\0"]


def test_all_processes_run_their_phases_and_end_with_whole_logs(tmp_path):
    workload = parse_masim(SHARED.format(kind="shmem"))
    with Toucher(workload, tmp_path / "log") as toucher:
        toucher.wait()
    for path in log_paths(workload, tmp_path / "log"):
        log = read_truth_log(path)
        assert log.ended
        assert len(log.phases) == 1


def test_a_signal_to_the_first_process_ends_all_with_their_logs_whole(tmp_path):
    workload = parse_masim("#damon repeat 0\n" + SHARED.format(kind="shmem"))
    with Toucher(workload, tmp_path / "log") as toucher:
        os.kill(toucher.pid, signal.SIGTERM)
        toucher.wait()
    assert all(read_truth_log(path).ended for path in log_paths(workload, tmp_path / "log"))
    assert not any(map(runs, toucher.pids))


def test_a_process_that_is_killed_is_named_and_the_others_end(tmp_path):
    workload = parse_masim("#damon repeat 0\n" + SHARED.format(kind="shmem"))
    with Toucher(workload, tmp_path / "log", control=True) as toucher:
        os.kill(toucher.pids[1], signal.SIGKILL)
        with pytest.raises(RunError, match=r"process two was ended by signal 9 \(Killed\)"):
            toucher.stop()
    assert not any(map(runs, toucher.pids))


def test_a_process_that_has_ended_before_it_is_told_to_run_is_named(tmp_path):
    workload = parse_masim("#damon repeat 0\n" + SHARED.format(kind="shmem"))
    with (
        Toucher(workload, tmp_path / "log", control=True) as toucher,
        open(os.pidfd_open(toucher.pids[1])) as pidfd,
    ):
        os.kill(toucher.pids[1], signal.SIGKILL)
        select.select([pidfd], [], [])
        toucher.start()
        with pytest.raises(RunError, match=r"process two was ended by signal 9 \(Killed\)"):
            toucher.finish()


def test_a_signal_that_ends_a_rest_of_the_first_process_ends_the_others_too(tmp_path):
    resting = SHARED.replace("{kind}", "shmem\n#damon pause 1 d")
    workload = parse_masim("#damon repeat 0\n" + resting)
    with Toucher(workload, tmp_path / "log") as toucher:
        while not (log := read_truth_log(tmp_path / "log")).touchings:
            assert not log.ended
        os.kill(toucher.pid, signal.SIGTERM)
        toucher.wait()
    assert all(read_truth_log(path).ended for path in log_paths(workload, tmp_path / "log"))


def test_the_further_processes_end_when_the_first_one_is_killed(tmp_path):
    workload = parse_masim("#damon repeat 0\n" + SHARED.format(kind="shmem"))
    with (
        Toucher(workload, tmp_path / "log") as toucher,
        open(os.pidfd_open(toucher.pids[1])) as pidfd,
    ):
        os.kill(toucher.pid, signal.SIGKILL)
        with pytest.raises(RunError, match=r"ended with -9"):
            toucher.wait()
        assert select.select([pidfd], [], [], 60)[0]
    assert read_truth_log(tmp_path / "log.two").ended


def test_the_command_says_the_pids_of_further_processes(tmp_path):
    (tmp_path / "two.cfg").write_text(SHARED.format(kind="shmem"))
    ended = subprocess.run(
        [sys.executable, "-m", "damon_core", "workload", "two.cfg", "--log", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    word, pid = ended.stdout.split()
    assert word == "ready"
    assert read_truth_log(tmp_path / "out.two").pid == int(pid)


RESIZED = """
#damon memory {kind}
heap, 8 MiB

small
10
#damon resize heap 2 MiB
heap, 0, 4096, 1, wo

grown
10
#damon resize heap 8 MiB
heap, 0, 4096, 1, wo

shrunk
10
#damon resize heap {last}
heap, 0, 4096, 1, wo
"""


def mapped(pid: int, start: int, end: int) -> int:
    """Bytes of the range that a process has mappings for."""
    ranges = [(int(one["start"]), int(one["end"])) for one in read_maps(pid)]
    return sum(max(0, min(end, one[1]) - max(start, one[0])) for one in ranges)


@pytest.mark.parametrize("kind", ["anon", "anon_4k", "anon_thp"])
def test_memory_is_mapped_and_unmapped_for_real_and_the_log_says_so(kind, tmp_path):
    workload = parse_masim(RESIZED.format(kind=kind, last="4 MiB"))
    with Toucher(workload, tmp_path / "log", control=True) as toucher:
        area = read_truth_log(tmp_path / "log").areas[0].range
        assert mapped(toucher.pid, area.start, area.end) == 8 << 20
        toucher.start()
        toucher.finish()
        assert mapped(toucher.pid, area.start, area.end) == 4 << 20
    log = read_truth_log(tmp_path / "log")
    assert [(one.range.start - area.start, one.range.size) for one in log.unmapped] == [
        (2 << 20, 6 << 20),
        (4 << 20, 4 << 20),
    ]
    starts = [phase.time_ns for phase in log.phases]
    for touching in log.touchings:
        number = sum(start <= touching.t0 for start in starts) - 1
        assert touching.range.end - area.start <= (2 << 20, 8 << 20, 4 << 20)[number]


def test_populated_memory_is_present_again_when_it_has_grown_again(tmp_path):
    text = "#damon populate yes\n" + RESIZED.format(kind="anon_4k", last="8 MiB")
    with Toucher(parse_masim(text), tmp_path / "log", control=True) as toucher:
        toucher.start()
        toucher.finish()
        area = read_truth_log(tmp_path / "log").areas[0].range
        assert pages_in_page_tables(toucher.pid, area.start, area.end) == (8 << 20) // PAGE


def test_a_phase_that_unmaps_all_of_a_region_may_touch_another(tmp_path):
    workload = parse_masim(
        "#damon memory anon_4k\na, 64K\nb, 64K\n\np\n10\n#damon resize a 0\nb, 0, 4096, 1\n"
    )
    with Toucher(workload, tmp_path / "log", control=True) as toucher:
        toucher.start()
        toucher.finish()
        area = read_truth_log(tmp_path / "log").areas[0].range
        assert mapped(toucher.pid, area.start, area.end) == 0
