"""The toucher really runs here, and what it says is compared with its page tables."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from attrs import evolve

from damon_core.cli import main
from damon_core.draws import subset
from damon_core.errors import RunError, WorkloadError
from damon_core.truth import Truth
from damon_core.truth_log import read_truth_log
from damon_core.workload.masim import parse_masim
from damon_core.workload.plan import MemoryKind, Mode, Pattern, Phase, Workload, WorkloadRegion
from damon_core.workload.program import program_text
from damon_core.workload.toucher import Toucher, toucher_path

PAGE = os.sysconf("SC_PAGESIZE")
PRESENT = np.uint64(1 << 63)
ENOUGH_MS = 600
"""For a phase in which something must happen, also if the toucher has to wait for a processor."""


def one_region(nr_pages: int = 64, memory: MemoryKind = MemoryKind.ANON_4K) -> Workload:
    return Workload((WorkloadRegion("a", nr_pages * PAGE, memory),), quantum_us=1000)


def phases(workload: Workload, *patterns: Pattern, ms: int = 20) -> Workload:
    return evolve(workload, threads=((Phase("p", ms * 1000, patterns),),))


def present_pages(pid: int, start: int, end: int) -> set[int]:
    """Page numbers, from ``start``, that the page tables of a process have."""
    with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as file:
        file.seek(start // PAGE * 8)
        entries = np.frombuffer(file.read((end - start) // PAGE * 8), np.uint64)
    return set(np.nonzero(entries & PRESENT)[0].tolist())


def run(workload: Workload, log: Path) -> Truth:
    with Toucher(workload, log) as toucher:
        toucher.wait()
    return Truth.read(log)


def sure_pages(truth: Truth) -> set[int]:
    touches = truth.touched(0, 2**62)
    start = truth.areas[0].range.start
    return {
        (address - start) // PAGE
        for span in touches.sure
        for address in range(span.start, span.end, PAGE)
    }


def test_a_touch_reaches_exactly_the_pages_that_the_seed_chooses(tmp_path):
    log = tmp_path / "log"
    with Toucher(one_region(1000), log, control=True) as toucher:
        touched = toucher.touch(seed=42, permille=100)
        truth = Truth.read(log)
        area = truth.areas[0].range
        expected = set(subset(42, 100, 1000).tolist())
        assert present_pages(toucher.pid, area.start, area.end) == expected
        assert touched.nr == len(expected) > 50
        touches = truth.touched(touched.start_ns, touched.end_ns)
        assert touches.sure.size == len(expected) * PAGE
        assert sure_pages(truth) == expected


def test_a_touch_before_or_after_the_window_is_not_in_it(tmp_path):
    log = tmp_path / "log"
    with Toucher(one_region(), log, control=True) as toucher:
        first = toucher.touch(seed=1, permille=1000)
        second = toucher.touch(seed=2, permille=0)
        third = toucher.touch(seed=3, permille=1000)
        truth = Truth.read(log)
    assert truth.touched(first.end_ns, third.start_ns).sure.size == 0
    assert truth.touched(second.start_ns, third.end_ns).sure.size == 64 * PAGE


def test_a_loop_touches_the_subset_again_and_again(tmp_path):
    log = tmp_path / "log"
    with Toucher(one_region(), log, control=True) as toucher:
        looped = toucher.loop(seed=7, permille=500, ms=ENOUGH_MS, mode=Mode.READ)
        truth = Truth.read(log)
    assert looped.nr > 1
    nr_bytes = len(subset(7, 500, 64)) * PAGE
    whole = truth.touched(looped.start_ns, looped.end_ns)
    assert whole.sure.size == nr_bytes
    middle = (looped.start_ns + looped.end_ns) // 2
    half = truth.touched(middle, looped.end_ns)
    assert (half.sure | (half.maybe & whole.sure)).size == nr_bytes
    assert not len(truth.touched(looped.start_ns, looped.end_ns, writes=True).sure)


@pytest.mark.parametrize("memory", MemoryKind)
def test_every_kind_of_memory_can_be_touched(memory, tmp_path):
    workload = evolve(one_region(memory=memory), folder=tmp_path)
    truth = run(phases(workload, Pattern(0), ms=ENOUGH_MS), tmp_path / "log")
    assert truth.areas[0].kind == str(memory)
    assert sure_pages(truth) == set(range(64))
    assert not list(tmp_path.glob("damon-toucher*"))


@pytest.mark.parametrize(
    ("stride", "random"), [(64, False), (PAGE, False), (3 * PAGE, False), (PAGE, True)]
)
def test_the_log_says_which_pages_a_pattern_made_present(stride, random, tmp_path):
    log = tmp_path / "log"
    part = Pattern(0, offset=5 * PAGE, length=40 * PAGE, stride=stride, random=random)
    with Toucher(phases(one_region(), part), log, control=True) as toucher:
        toucher.start()
        toucher.finish()
        truth = Truth.read(log)
        area = truth.areas[0].range
        assert sure_pages(truth) == present_pages(toucher.pid, area.start, area.end)


def test_random_draws_that_miss_pages_are_drawn_again_by_the_reader(tmp_path):
    log = tmp_path / "log"
    workload = phases(evolve(one_region(100_000), quantum_us=1), Pattern(0, random=True), ms=1)
    with Toucher(workload, log, control=True) as toucher:
        for _ in range(100):  # it may be over before the first draw
            toucher.start()
            toucher.finish()
            truth = Truth.read(log)
            if truth.touched(0, 2**62).sure.size:
                break
        area = truth.areas[0].range
        present = present_pages(toucher.pid, area.start, area.end)
    assert 0 < len(present) < 100_000
    assert sure_pages(truth) == present


def test_a_pass_longer_than_the_quantum_is_logged_in_stretches(tmp_path):
    region = WorkloadRegion("a", 20_000 * PAGE, MemoryKind.ANON_4K, populate=True)
    workload = Workload((region,), quantum_us=100)
    run(phases(workload, Pattern(0), ms=ENOUGH_MS), tmp_path / "log")
    log = read_truth_log(tmp_path / "log")
    area = log.areas[0].range
    stretches = [touching.range for touching in log.touchings[1:]]  # the first one populates
    assert any(stretch.size < area.size for stretch in stretches)
    for before, after in pairwise(stretches):
        assert after.start == (area.start if before.end == area.end else before.end)


def test_populate_makes_all_of_a_region_present_and_says_so(tmp_path):
    region = WorkloadRegion("a", 64 * PAGE, MemoryKind.ANON_4K, populate=True)
    with Toucher(Workload((region,)), tmp_path / "log", control=True) as toucher:
        truth = Truth.read(tmp_path / "log")
        area = truth.areas[0].range
        assert len(present_pages(toucher.pid, area.start, area.end)) == 64
    assert sure_pages(truth) == set(range(64))


def test_a_region_starts_with_the_content_of_its_file(tmp_path):
    (tmp_path / "content").write_bytes(b"initial")
    region = WorkloadRegion("a", PAGE, MemoryKind.ANON_4K, load=tmp_path / "content")
    with Toucher(Workload((region,)), tmp_path / "log", control=True) as toucher:
        start = Truth.read(tmp_path / "log").areas[0].range.start
        with open(f"/proc/{toucher.pid}/mem", "rb", buffering=0) as memory:
            memory.seek(start)
            assert memory.read(8) == b"initial\0"


def test_threads_run_at_the_same_time_and_each_says_who_it_is(tmp_path):
    two = parse_masim(
        f"a, 64K\nb, 64K\n\np\n{ENOUGH_MS}\na, 0, 4096, 1\n\n"
        f"#damon thread other\nq\n{ENOUGH_MS}\nb, 0, 4096, 1\n"
    )
    truth = run(two, tmp_path / "log")
    first, second = sorted(truth.phases, key=lambda phase: phase.name)
    assert (first.name, second.name) == ("p", "q")
    assert first.tid != second.tid
    log = read_truth_log(tmp_path / "log")
    ends = {touching.tid: touching.t1 for touching in log.touchings}
    assert min(ends.values()) > max(first.time_ns, second.time_ns)


def test_patterns_take_turns_by_their_weight(tmp_path):
    workload = parse_masim(
        f"a, 64K\nb, 64K\nc, 64K\n\np\n{ENOUGH_MS}\na, 0, 64, 9\nb, 0, 64, 1\nc, 0, 64, 0\n"
    )
    run(workload, tmp_path / "log")
    log = read_truth_log(tmp_path / "log")
    nr_passes = {area.name: 0 for area in log.areas}
    for touching in log.touchings:
        for area in log.areas:
            if area.range.start <= touching.range.start < area.range.end:
                nr_passes[area.name] += touching.nr
    assert nr_passes["a"] > nr_passes["b"] > nr_passes["c"] == 0


def test_phases_are_repeated(tmp_path):
    workload = evolve(phases(one_region(), Pattern(0), ms=1), repeat=3)
    assert [phase.name for phase in run(workload, tmp_path / "log").phases] == ["p"] * 3


def test_a_pause_leaves_the_memory_alone(tmp_path):
    pausing = Pattern(0, pause_us=5000)
    truth = run(phases(one_region(), pausing, ms=ENOUGH_MS), tmp_path / "log")
    log = read_truth_log(tmp_path / "log")
    first, second = log.touchings[:2]
    assert second.t0 - first.t1 >= 4_000_000
    assert not len(truth.touched(first.t1, second.t0).sure)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_with_its_log_whole(number, tmp_path):
    workload = evolve(phases(one_region(), Pattern(0, pause_us=2**40)), repeat=0)
    with Toucher(workload, tmp_path / "log") as toucher:
        os.kill(toucher.pid, number)
        toucher.wait()
    assert read_truth_log(tmp_path / "log").ended


def test_a_killed_toucher_leaves_a_log_that_says_until_when_it_is_true(tmp_path):
    with Toucher(one_region(), tmp_path / "log", control=True) as toucher:
        touched = toucher.touch(seed=1, permille=1000)
        os.kill(toucher.pid, signal.SIGKILL)
        with pytest.raises(RunError, match="the toucher ended with -9"):
            toucher.wait()
    log = read_truth_log(tmp_path / "log")
    assert log.known_until_ns == touched.end_ns
    assert Truth.of(log).touched(touched.end_ns, touched.end_ns + 1).maybe.size >= 64 * PAGE


def test_it_ends_when_nobody_commands_it_any_more(tmp_path):
    with Toucher(one_region(), tmp_path / "log", control=True) as toucher:
        toucher.wait()
    assert read_truth_log(tmp_path / "log").ended


def test_a_log_that_cannot_be_written_is_an_error():
    with pytest.raises(RunError, match="cannot write /no/such/log: No such file or directory"):
        Toucher(one_region(), Path("/no/such/log"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is missing")
def test_a_full_disk_is_an_error_at_the_end():
    with (
        Toucher(phases(one_region(), Pattern(0), ms=1), Path("/dev/full")) as toucher,
        pytest.raises(RunError, match="cannot write the log, which ends too early"),
    ):
        toucher.wait()


def test_a_region_that_cannot_be_had_is_an_error(tmp_path):
    workload = evolve(one_region(memory=MemoryKind.FILE_SHARED), folder=tmp_path / "none")
    with pytest.raises(RunError, match=r"region a of .* cannot make the file behind it: No such"):
        Toucher(workload)


@pytest.mark.parametrize(("permille", "region"), [(1001, 0), (1, 1)])
def test_a_command_that_makes_no_sense_is_refused(permille, region):
    with (
        Toucher(one_region(), control=True) as toucher,
        pytest.raises(RunError, match=r"permille is 0 to 1000, the mode .*, the area one of"),
    ):
        toucher.touch(seed=1, permille=permille, region=region)


@pytest.mark.parametrize(
    "text",
    ["bogus 1", "area ram 1 0 x", "area anon 0 0 x", "phase 1 x", "thread\npattern 0", "load x"],
)
def test_a_program_that_makes_no_sense_is_refused_at_its_line(text, tmp_path):
    (tmp_path / "program").write_text(f"seed 1\n{text}\n")
    with open(tmp_path / "program") as program:
        ended = subprocess.run(
            [toucher_path(), str(program.fileno()), "-"],
            pass_fds=(program.fileno(),),
            capture_output=True,
            text=True,
        )
    assert ended.returncode == 1
    assert f"line {1 + len(text.splitlines())} of the program: Invalid argument" in ended.stderr


def test_names_are_json_in_the_log(tmp_path):
    region = WorkloadRegion('quo"te\\ ü', PAGE)
    run(Workload((region,)), tmp_path / "log")
    assert read_truth_log(tmp_path / "log").areas[0].name == 'quo"te\\ ü'


@pytest.mark.skipif("DAMON_SANITIZE" in os.environ, reason="sanitizers take memory of their own")
def test_the_program_is_small(tmp_path):
    with Toucher(one_region(), tmp_path / "log", control=True) as toucher:
        fields = Path(f"/proc/{toucher.pid}/statm").read_text().split()
        assert int(fields[1]) * PAGE < 4 << 20
        assert Path(f"/proc/{toucher.pid}/comm").read_text() == "damon-toucher\n"


def test_plans_that_cannot_work_are_refused():
    with pytest.raises(WorkloadError, match=r"touches bytes 0 to 9 of region a, which has 8"):
        phases(Workload((WorkloadRegion("a", 8),)), Pattern(0, length=9))
    with pytest.raises(WorkloadError, match=r"region number 1 of 1"):
        phases(Workload((WorkloadRegion("a", 8),)), Pattern(1))
    with pytest.raises(WorkloadError, match=r"without regions"):
        Workload(())


def test_the_command_becomes_the_toucher(tmp_path):
    (tmp_path / "short.cfg").write_text("a, 64K\n\np\n10\na, 0, 4096, 1\n")
    ended = subprocess.run(
        [sys.executable, "-m", "damon_core", "workload", "short.cfg"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == "ready\n"
    pid = int(ended.stderr.split("pid ")[1].split(",")[0])
    assert read_truth_log(tmp_path / "workload.truth").pid == pid


def test_the_command_says_what_a_file_amounts_to(tmp_path, capsys):
    (tmp_path / "x.cfg").write_text("a, 64K\n\np\n10\na, 1, 4096, 3, ro\n")
    assert main(["workload", str(tmp_path / "x.cfg"), "--check", "--memory", "shmem"]) == 0
    assert capsys.readouterr().out == (
        "region a: 64 KiB of shmem\nthread 0, p, 10 ms:\n  r a[0:65536] at random, weight 3\n"
    )


def test_the_command_refuses_bad_input_with_exit_code_2(tmp_path, capsys):
    (tmp_path / "x.cfg").write_text("a, 64K\n\np\n10\na, 1, 4096, 3, ro\n")
    file = str(tmp_path / "x.cfg")
    assert main(["workload", str(tmp_path)]) == 2
    assert main(["workload", file, "--log", "/no/such"]) == 2
    assert main(["workload", file, "--pause", "long"]) == 2
    assert main(["workload", file, "--memory", "ram"]) == 2
    assert "Is a directory" in capsys.readouterr().err


def test_the_program_text_is_the_same_for_the_same_plan():
    workload = phases(one_region(), Pattern(0, pause_us=3))
    assert program_text(workload).splitlines() == [
        "quantum_ns 1000000",
        "seed 1",
        "repeat 1",
        f"area anon_4k {64 * PAGE} 0 a",
        "file /var/tmp",
        "thread",
        "phase 20000000 p",
        f"pattern 0 0 {64 * PAGE} 4096 0 w 1 131072 3000",
    ]


def test_every_line_of_a_log_is_json(tmp_path):
    run(phases(one_region(), Pattern(0), Pattern(0, random=True)), tmp_path / "log")
    for line in (tmp_path / "log").read_text().splitlines():
        json.loads(line)
