"""The primitive keeps the contract, and replays what is in the file, when it is due."""

import json
import subprocess
import sys

import damon_replay
import numpy as np
import pytest
from damon_replay import Options, Replay, read_trace

from damon_core import REPORT_DTYPE, ReportFlag
from damon_core.errors import PrimitiveError
from damon_core.model import AddrRange, Ops
from damon_core.target import Target
from damon_core.testing import ByHand, PrimitiveContract

TRACE = """time_ns,address,size,weight,is_write,tid,cpu
2000,0x1000,8,100,1,7,1
1000,4096,,,0,,
3000,0x2000,1,1,,,
"""
STEP = 1_000_000
TEN = "time_ns,address\n" + "".join(f"{number * STEP},{number}\n" for number in range(10))


class TestContract(PrimitiveContract):
    """With offsets into the memory of the target, some of them at once, and forever."""

    primitive = Replay
    sees_every_access = False

    @pytest.fixture(autouse=True)
    def _trace(self, tmp_path, monkeypatch):
        path = tmp_path / "trace.csv"
        path.write_text("time_ns,address\n0,0\n1,8\n2000000,16\n")
        monkeypatch.setattr(type(self), "options", {"path": str(path), "relative": True})


@pytest.fixture
def trace(tmp_path):
    """Writes a trace."""

    def write(text):
        path = tmp_path / "trace.csv"
        path.write_text(text)
        return path

    return write


def test_a_csv_file_is_read_by_time_with_what_it_tells(trace):
    """And no more: an empty cell is unknown."""
    rows = read_trace(trace(TRACE), Ops.VADDR)
    assert rows["time_ns"].tolist() == [0, 1000, 2000]
    assert rows["vaddr"].tolist() == [0x1000, 0x1000, 0x2000]
    assert rows["size"].tolist() == [1, 8, 1]
    assert rows["weight"].tolist() == [1, 100, 1]
    known = ReportFlag.HAS_VADDR | ReportFlag.EXACT_TIME
    told = ReportFlag.WRITE | ReportFlag.HAS_TID | ReportFlag.HAS_CPU
    assert rows["flags"].tolist() == [known | ReportFlag.READ, known | told, known]
    assert (rows["tid"][1], rows["cpu"][1]) == (7, 1)


def test_physical_memory_gets_physical_addresses(trace):
    """From the same column."""
    rows = read_trace(trace(TRACE), Ops.PADDR)
    assert rows["paddr"].tolist() == [0x1000, 0x1000, 0x2000]
    assert not rows["vaddr"].any()


def test_recorded_reports_are_read_too(tmp_path):
    """As NumPy has saved them."""
    rows = np.zeros(2, REPORT_DTYPE)
    rows["vaddr"], rows["size"], rows["weight"] = [5, 6], 1, 1
    rows["time_ns"], rows["flags"] = [90, 70], ReportFlag.HAS_VADDR
    np.save(tmp_path / "trace.npy", rows)
    found = read_trace(tmp_path / "trace.npy", Ops.FVADDR)
    assert found["vaddr"].tolist() == [6, 5]
    assert found["time_ns"].tolist() == [0, 20]
    with pytest.raises(PrimitiveError, match="without a paddr"):
        read_trace(tmp_path / "trace.npy", Ops.PADDR)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", ":1: no column time_ns"),
        ("time_ns,addres\n", ":1: no column address"),
        ("time_ns,address,heat\n1,2,3\n", ":1: unknown column 'heat'"),
        ("time_ns,address\n1,x\n", ":2: address is 'x'"),
        ("time_ns,address\n1,\n", ":2: address is ''"),
        ("time_ns,address\n1\n", ":2: address is None"),
        ("time_ns,address\n1,2,3\n", ":2: "),
        ("time_ns,address\n1,-2\n", ":2: address is '-2'"),
        ("time_ns,address\n1,0x10000000000000000\n", ":2: address is"),
        ("time_ns,address,is_write\n1,2,yes\n", ":2: is_write is 'yes'"),
        ("time_ns,address,size\n1,2,0\n", "size or weight 0"),
        ('time_ns,address\n"1,2\n', ".csv:1: unexpected end"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(trace, text, fault):
    """In one line."""
    with pytest.raises(PrimitiveError) as caught:
        read_trace(trace(text), Ops.VADDR)
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00", b"time_ns,address\n1,2\n"])
def test_what_is_no_numpy_file_is_refused(tmp_path, content):
    """Whatever its name says."""
    path = tmp_path / "trace.npy"
    path.write_bytes(content)
    with pytest.raises(PrimitiveError, match="trace"):
        read_trace(path, Ops.VADDR)


def test_a_file_that_is_not_there_is_named(tmp_path):
    """With the reason of the system."""
    with pytest.raises(PrimitiveError, match=r"none\.csv cannot be read: No such file"):
        read_trace(tmp_path / "none.csv", Ops.VADDR)


class Player(ByHand):
    """The primitive with a clock in the hand."""

    def __init__(self, path, monkeypatch, ranges=(), **options):
        self.now_ns = STEP
        monkeypatch.setattr(damon_replay.time, "monotonic_ns", lambda: self.now_ns)
        target = Target(pid=42, ranges=tuple(AddrRange(*one) for one in ranges))
        super().__init__(Replay(Options(str(path), **options)), target)
        self.begin()
        self.primitive.damon_prepare_access_checks(self.ctx)  # plays from now on

    def after(self, ns):
        """Addresses reported when so much time has passed."""
        self.now_ns += ns
        rows = self.interval()
        assert (rows["time_ns"] <= self.now_ns).all()
        assert (rows["time_ns"] > self.now_ns - ns).all() or self.now_ns == STEP + ns
        return rows["vaddr"].tolist()


def test_accesses_are_reported_once_when_their_time_has_come(trace, monkeypatch):
    """Each at the time that the trace says, counted from the start."""
    player = Player(trace(TEN), monkeypatch)
    assert player.after(0) == [0]
    assert player.after(2 * STEP + 5) == [1, 2]
    assert player.reports.rows()["time_ns"].tolist() == [2 * STEP, 3 * STEP]
    assert (player.reports.rows()["pid"] == 42).all()
    assert player.after(4) == []
    assert player.after(100 * STEP) == [3, 4, 5, 6, 7, 8, 9]
    assert player.after(100 * STEP) == []
    assert player.ctx.counters == {"accesses_in_trace": 10, "accesses_replayed": 10}


def test_a_trace_can_be_played_faster(trace, monkeypatch):
    """Ten times here."""
    player = Player(trace(TEN), monkeypatch, speed=10.0)
    assert player.after(4 * STEP // 10) == [0, 1, 2, 3, 4]


def test_a_trace_can_begin_anew(trace, monkeypatch):
    """Also several times in one interval, and nothing is left out."""
    player = Player(trace(TEN), monkeypatch, loop=True)
    assert player.after(9 * STEP + 5) == [*range(10), 0]
    assert player.after(9 * STEP + 1) == [*range(1, 10), 0]
    assert player.after(27 * STEP + 3) == [*range(1, 10), *range(10), *range(10), 0]


def test_a_trace_of_no_time_cannot_begin_anew(trace, monkeypatch):
    """It would have to be reported without end."""
    with pytest.raises(PrimitiveError, match="too short to loop"):
        Player(trace("time_ns,address\n1,2\n"), monkeypatch, loop=True)


def test_offsets_go_through_the_ranges_of_the_target(trace, monkeypatch):
    """Laid end to end, and round."""
    player = Player(trace(TEN), monkeypatch, [(100, 103), (200, 204)], relative=True)
    assert player.after(100 * STEP) == [100, 101, 102, 200, 201, 202, 203, 100, 101, 102]


def test_the_command_line_records_a_replayed_trace(trace, tmp_path):
    """The hot half of a range is found, through the whole monitor."""
    accesses = "".join(f"{n * 1000},{0x100000 + n % 64 * 4096},8,1\n" for n in range(200_000))
    path = trace("time_ns,address,size,weight\n" + accesses)
    damon = [sys.executable, "-m", "damon_core"]
    record = [
        *("record", "--ops", "fvaddr", "--region", "0x100000-0x180000", "-q"),
        *("--primitive", f"replay:path={path},loop=true", "--cpu-quota", "400 %", "-t", "2s"),
        *("-o", tmp_path / "out.damon", "--", "sleep", "100"),
    ]
    subprocess.run([*damon, *record], check=True)
    told = [*damon, "report", "access", "--json", tmp_path / "out.damon"]
    lines = subprocess.run(told, check=True, capture_output=True).stdout.splitlines()
    regions = json.loads(lines[0])["regions"]
    assert regions[0]["nr_accesses"] > 0
    assert not any(one["nr_accesses"] for one in regions if one["start"] >= 0x140000)
    assert regions[-1]["end"] == 0x180000
