"""The primitive as the host sees it, and its choice among the mechanisms."""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from typing import Any, ClassVar

import pytest

from damon_core import PrimitiveContext
from damon_core.errors import ConfigError, PrimitiveError
from damon_core.host import PrimitiveChoice, PrimitiveHost
from damon_core.mechanism import MechanismTable
from damon_core.model import Intervals, Ops, SampleFilter
from damon_core.testing import PrimitiveContract, RecordedReports
from damon_page_fault import probe
from damon_page_fault._native import ffi, lib
from damon_page_fault.numa_balancing import NumaBalancing
from damon_page_fault.options import Choice, Options
from damon_page_fault.plugin import PageFault


class OfProcesses(PageFault):
    """Without physical memory, which not every mechanism has."""

    ops = frozenset({Ops.VADDR, Ops.FVADDR})


class TestContractOfWpAsync(PrimitiveContract):
    pytestmark = pytest.mark.live
    primitive = OfProcesses
    options: ClassVar = {"mechanism": "wp_async", "inject": True}


def test_it_is_found_under_its_name() -> None:
    (entry_point,) = entry_points(group="damon.primitives", name="page_fault")
    assert entry_point.load() is PageFault


def test_it_is_built_for_this_layout_of_reports() -> None:
    from damon_core._native import lib as core

    assert PageFault.report_abi == core.DAMON_REPORT_ABI


def test_every_struct_that_python_reads_is_declared_as_c_has_it() -> None:
    for struct in ("page_run", "page_range", "page_bits", "page_scan"):
        assert ffi.sizeof(f"struct {struct}") > 0


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes mechanisms unusable."""

    def lack(**lacks: str) -> None:
        def missing(self: MechanismTable, name: str, ops: Ops, targets: Any = ()) -> str:
            return lacks.get(name, "")

        monkeypatch.setattr(MechanismTable, "missing", missing)

    return lack


@pytest.fixture
def balancing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the machine look as if NUMA balancing were on, or off."""

    def set_to(is_on: bool) -> None:
        monkeypatch.setattr(NumaBalancing, "is_on", is_on)

    return set_to


def context(ops: Ops = Ops.VADDR, *filters: str) -> PrimitiveContext:
    return PrimitiveContext(
        "page_fault",
        ops,
        Intervals(),
        4096,
        RecordedReports(),  # type: ignore[arg-type]  # never used
        filters=tuple(SampleFilter(type) for type in filters),
    )


@pytest.mark.parametrize(
    ("lacks", "filters", "taken"),
    [
        ({}, (), "rwp"),
        ({"rwp": "x"}, (), "wp_async"),
        ({}, ("write",), "wp_async"),
        ({}, ("threads",), "first_touch"),
        ({}, ("cpumask", "write"), "first_touch"),
    ],
)
def test_the_first_mechanism_that_works_and_can_say_what_filters_ask_is_taken(
    lacking: Any, balancing: Any, lacks: dict[str, str], filters: tuple[str, ...], taken: str
) -> None:
    lacking(**lacks)
    balancing(False)
    assert probe.choose(Options(), context(Ops.VADDR, *filters)).name == taken


def test_hint_faults_are_taken_where_they_are_on_or_may_be_made_so(
    lacking: Any, balancing: Any
) -> None:
    lacking()
    balancing(False)
    assert probe.choose(Options(), context(Ops.PADDR)).name == "first_touch"
    allowed = Options(enable_numa_balancing="yes")
    assert probe.choose(allowed, context(Ops.PADDR)).name == "hint_faults"
    balancing(True)
    assert probe.choose(Options(), context(Ops.VADDR, "threads")).name == "hint_faults"
    lacking(hint_faults="x")
    assert probe.choose(Options(), context(Ops.VADDR, "threads")).name == "first_touch"


def test_no_mechanism_that_sees_less_is_taken_unasked(lacking: Any) -> None:
    lacking(rwp="a", wp_async="b")
    with pytest.raises(PrimitiveError, match="rwp: a; wp_async: b"):
        probe.choose(Options(), context())
    with pytest.raises(PrimitiveError, match="wp_async: b"):
        probe.choose(Options(), context(Ops.VADDR, "write"))
    answer = PageFault.probe(Ops.VADDR)
    assert answer.usable
    assert answer.mechanisms["wp_async"] == "b"


def test_a_mechanism_asked_for_that_lacks_something_is_an_error_not_another(lacking: Any) -> None:
    lacking(wp_async="no such thing")
    with pytest.raises(PrimitiveError, match="mechanism wp_async is not usable for vaddr: no such"):
        probe.choose(Options(mechanism=Choice.WP_ASYNC), context())


@pytest.mark.parametrize("choice", [Choice.WP_ASYNC, Choice.RWP])
def test_pages_of_physical_memory_are_not_watched(choice: Choice) -> None:
    assert "first_touch" in probe.MECHANISMS.missing(choice.value, Ops.PADDR)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"mechanism": "wp"}, "wp_async"),
        ({"inject": "perhaps"}, "yes or no"),
        ({"thp": "keep"}, "keep"),
        ({"injct": True}, "injct"),
    ],
)
def test_wrong_options_are_named(options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        PrimitiveHost([PrimitiveChoice("page_fault", options)], Ops.VADDR)


def test_a_hook_before_init_is_an_error_that_says_so() -> None:
    with pytest.raises(PrimitiveError, match="before damon_init"):
        PageFault().damon_prepare_access_checks(ctx=context())


def test_a_userfaultfd_of_our_own_tells_what_the_kernel_has() -> None:
    fd = lib.uffd_open()
    if fd < 0:
        pytest.skip(
            "needs userfaultfd: a kernel with CONFIG_USERFAULTFD=y, and no seccomp against it"
        )
    os.close(fd)
    for choice in (Choice.WP_ASYNC, Choice.RWP):
        assert "\n" not in probe.MECHANISMS.missing(choice.value, Ops.VADDR)
