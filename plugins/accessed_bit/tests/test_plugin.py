"""The primitive as the host sees it, and its choice among the mechanisms."""

from __future__ import annotations

import os
import subprocess
from importlib.metadata import entry_points
from typing import Any, ClassVar

import pytest

from damon_accessed_bit import probe
from damon_accessed_bit._native import ffi, lib
from damon_accessed_bit.options import Choice, Options
from damon_accessed_bit.plugin import AccessedBit
from damon_accessed_bit.smaps import Smaps
from damon_core.errors import ConfigError, PrimitiveError
from damon_core.host import PrimitiveChoice, PrimitiveHost
from damon_core.mechanism import MechanismTable
from damon_core.model import Ops
from damon_core.target import Target
from damon_core.testing import PrimitiveContract


class Contract(PrimitiveContract):
    """Reclaim, or DAMON in the kernel, may clear a bit before it is read: recall is not asked.

    The cost of physical memory follows its size, whatever machine this is.
    """

    pytestmark = pytest.mark.live
    primitive = AccessedBit
    sees_every_access = False
    max_cpu_ms = 1000.0


class OfProcesses(AccessedBit):
    """Without physical memory, which not every mechanism has."""

    ops = frozenset({Ops.VADDR, Ops.FVADDR})


class TestContractOfTheDefault(Contract):
    """With the mechanism that works here."""


class TestContractOfCold(Contract):
    primitive = OfProcesses
    options: ClassVar = {"mechanism": "cold"}


class TestContractOfSmaps(Contract):
    primitive = OfProcesses
    options: ClassVar = {"mechanism": "smaps"}


def test_it_is_found_under_its_name() -> None:
    (entry_point,) = entry_points(group="damon.primitives", name="accessed_bit")
    assert entry_point.load() is AccessedBit


def test_it_is_built_for_this_layout_of_reports() -> None:
    from damon_core._native import lib as core

    assert AccessedBit.report_abi == core.DAMON_REPORT_ABI


def test_every_struct_that_python_reads_is_declared_as_c_has_it() -> None:
    for struct in ("young_run", "young_range", "young_bits", "machine_counts"):
        assert ffi.sizeof(f"struct {struct}") > 0


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes mechanisms unusable."""

    def lack(**lacks: str) -> None:
        def missing(self: MechanismTable, name: str, ops: Ops, targets: Any = ()) -> str:
            return lacks.get(name, "")

        monkeypatch.setattr(MechanismTable, "missing", missing)

    return lack


@pytest.mark.parametrize(
    ("lacks", "taken"),
    [
        ({}, "bpf"),
        ({"bpf": "x"}, "page_idle"),
        ({"bpf": "x", "page_idle": "y"}, "smaps"),
    ],
)
def test_the_first_mechanism_that_works_is_taken(
    lacking: Any, lacks: dict[str, str], taken: str
) -> None:
    lacking(**lacks)
    assert probe.choose(Options(), Ops.VADDR, [Target(pid=os.getpid())]).name == taken
    answer = AccessedBit.probe(Ops.VADDR)
    assert (answer.usable, answer.mechanism) == (True, taken)


def test_the_mechanism_with_side_effects_is_never_taken_unasked(lacking: Any) -> None:
    lacking(bpf="a", page_idle="b", smaps="c")
    with pytest.raises(PrimitiveError, match="bpf: a; page_idle: b; smaps: c"):
        probe.choose(Options(), Ops.VADDR, [])
    answer = AccessedBit.probe(Ops.VADDR)
    assert not answer.usable
    assert answer.mechanisms == {"bpf": "a", "page_idle": "b", "cold": "", "smaps": "c"}
    assert probe.choose(Options(mechanism=Choice.COLD), Ops.VADDR, []).name == "cold"


def test_a_mechanism_asked_for_that_lacks_something_is_an_error_not_another(lacking: Any) -> None:
    lacking(bpf="no CAP_BPF")
    with pytest.raises(PrimitiveError, match="mechanism bpf is not usable for vaddr: no CAP_BPF"):
        probe.choose(Options(mechanism=Choice.BPF), Ops.VADDR, [])


def test_what_is_missing_for_a_target_that_has_ended_meanwhile_is_no_lack() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as cat, Target.open(cat.pid) as it:
        cat.communicate()
        assert Smaps.probe(Ops.VADDR, it.pid)
        assert probe.choose(Options(mechanism=Choice.SMAPS), Ops.VADDR, [it]).name == "smaps"


def test_smaps_is_never_taken_for_physical_memory() -> None:
    assert "vaddr" in probe.MECHANISMS.missing("smaps", Ops.PADDR)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"mechanism": "page_table"}, "page_table"),
        ({"flush": "sometimes"}, "sometimes"),
        ({"flsh": "auto"}, "flsh"),
    ],
)
def test_wrong_options_are_named(options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        PrimitiveHost([PrimitiveChoice("accessed_bit", options)], Ops.VADDR)


def test_a_hook_before_init_is_an_error_that_says_so() -> None:
    with pytest.raises(PrimitiveError, match="before damon_init"):
        AccessedBit().damon_prepare_access_checks(ctx=None)  # type: ignore[arg-type]


def test_the_c_code_knows_that_bits_of_absent_pages_are_nothing() -> None:
    table, words = ffi.new("uint64_t[512]"), ffi.new("uint64_t[8]")
    lib.young_bits_of_table(table, words)
    assert list(words) == [0] * 8
