"""What cannot be sampled here is refused at the start, with the reason and what to do instead."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from damon_core.errors import PrimitiveError
from damon_core.host import PrimitiveChoice, PrimitiveHost
from damon_core.model import Ops
from damon_core.testing import ByHand
from damon_core.testing.open_files import no_more_files, open_files
from damon_perf_pmu.machine import Machine

from .conftest import Accesses

pytestmark = pytest.mark.live

Start = Callable[..., Accesses]
Watched = Callable[..., ByHand]

PARANOID = Path("/proc/sys/kernel/perf_event_paranoid")


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("minor-fautls", "did you mean 'minor-faults'"),
        ("nosuchpmu/event=1/", "this machine has no PMU nosuchpmu"),
        ("foo:bar", "the kernel has no tracepoint foo:bar"),
        ("sched:sched_switch", "gives no addresses"),
        ("cpu-clock", "gives no addresses: it is no access to memory; what gives them here: "),
        ({"event": "minor-faults", "freq": 10**9}, "above this kernel's limit of"),
        ({"type": 77, "config": 1}, "this machine has no such PMU"),
    ],
)
def test_what_tells_no_addresses_is_refused(
    start: Start, watch: Watched, event: object, said: str
) -> None:
    before = open_files()
    with pytest.raises(PrimitiveError, match=said) as caught:
        watch(start(), events=event).begin()
    assert "\n" not in str(caught.value)
    assert len(open_files()) - len(before) <= 3  # the target's pipes and pidfd


@pytest.mark.skipif(bool(Machine().memory_pmus), reason="needs a machine without memory sampling")
@pytest.mark.parametrize("event", ["auto", "cpu/mem-loads/P", "ibs_op//", "r20d1:pp", "cycles:pp"])
def test_without_a_pmu_that_is_said_with_what_works_instead(
    start: Start, watch: Watched, event: str
) -> None:
    with pytest.raises(PrimitiveError, match="no hardware memory sampling here"):
        watch(start(), events=event).begin()


def test_without_files_nothing_is_opened_and_the_limit_is_named(
    start: Start, watch: Watched
) -> None:
    watched = watch(start(), events="minor-faults")
    host = PrimitiveHost([PrimitiveChoice("perf_pmu", {"events": "minor-faults"})], Ops.VADDR)
    before = open_files()
    with no_more_files(), pytest.raises(PrimitiveError, match="oo many open files"):
        host.init([watched.ctx])
    assert open_files() == before


@pytest.mark.skipif(
    PARANOID.read_text().strip() != "2",
    reason="needs sysctl kernel.perf_event_paranoid=2, the kernel's default",
)
def test_everybody_may_sample_processes_of_their_own_in_user_mode_and_no_more(
    program: Path,
) -> None:
    source = Path(__file__).with_name("unprivileged.py")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        copied = shutil.copy(program, folder)
        run = subprocess.run(
            [sys.executable, source, copied], stdout=subprocess.PIPE, text=True, check=False
        )
    assert run.returncode == 0, run.stdout
    told, seen, of_machine, physical, tracepoint, tested = run.stdout.splitlines()
    assert "only accesses in user mode are sampled" in told
    assert seen == "True"
    for refusal in (of_machine, physical):
        assert "event 'minor-faults' cannot be opened: not permitted: run as root" in refusal
        assert "sysctl kernel.perf_event_paranoid=0 (it is 2)" in refusal
    assert "root" in tracepoint
    assert "only accesses in user mode are sampled" in tested
    assert "sampled all the same" not in tested


def test_privileges_are_not_asked_for_where_they_are_not_needed(
    start: Start, watch: Watched
) -> None:
    watched = watch(start(), events="minor-faults")
    watched.begin()
    assert watched.told == []
    assert watched.primitive.provides.disturbs.startswith("each sample of all processes")
    with pytest.raises(PrimitiveError, match="gives no physical addresses"):
        watch(ops=Ops.PADDR, events="page-faults").begin()
