"""When each hook is called, what a fault in one does, and that each cleanup is called once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from damon_core import REPORT_DTYPE
from damon_core.errors import PrimitiveError
from damon_core.host import PrimitiveChoice, PrimitiveHost
from damon_core.model import Intervals, Ops
from damon_core.primitive import PrimitiveContext
from tests.noting import NOTING, Run

Install = Callable[..., None]


@pytest.fixture
def run(distribution: Install) -> Run:
    distribution(
        "damon-noting",
        {"first": "noting:First", "second": "noting:Second"},
        {"noting": NOTING},
    )
    return Run("second", "first")


def fail(error: BaseException) -> Callable[[], object]:
    def raise_it() -> object:
        raise error

    return raise_it


def test_the_hooks_of_a_run_are_called_in_this_order(run: Run):
    run.whole(nr_ticks=2)
    run.host.cleanup()
    assert run.calls == [
        "Second.probe",
        "First.probe",
        "Second.init",
        "First.init",
        "Second.update_targets",
        "First.update_targets",
        "Second.prepare",
        "First.prepare",
        "Second.check",
        "First.check",
        "Second.prepare",
        "First.prepare",
        "Second.check",
        "First.check",
        "First.cleanup",
        "Second.cleanup",
    ]


def test_the_probed_mechanism_is_the_one_shown_unless_the_primitive_says_otherwise(run: Run):
    def choose() -> None:
        run.ctxs[1].mechanism = "ears"

    run.faults["First", "init"] = choose
    run.whole()
    assert [ctx.mechanism for ctx in run.ctxs] == ["eyes", "ears"]


@pytest.mark.parametrize("hook", ["update_targets", "prepare", "check"])
def test_a_fault_in_a_hook_stops_that_primitive_only_and_cleans_it_up_at_once(run: Run, hook: str):
    run.faults["Second", hook] = fail(ValueError("no\nluck"))
    run.whole(nr_ticks=2)
    after = run.calls[run.calls.index(f"Second.{hook}") + 1 :]
    assert [call for call in after if call.startswith("Second")] == ["Second.cleanup"]
    assert after[0] == "Second.cleanup"
    assert run.calls.count("First.check") == 2
    assert run.calls[-1] == "First.cleanup"


def test_the_failure_is_one_line_with_hook_error_and_place(run: Run):
    run.faults["Second", "check"] = fail(ValueError("no\nluck"))
    run.whole()
    line = NOTING.split("\n").index("    return fault() if fault else None") + 1
    assert run.host.failures() == (
        f"hook damon_check_accesses raised ValueError: no luck (noting.py:{line})",
        None,
    )
    assert [ctx.counters for ctx in run.ctxs] == [{"failed_hooks": 1}, {}]


def test_a_hook_that_returns_something_stops_its_primitive(run: Run):
    run.faults["First", "check"] = lambda: [1, 2]
    run.whole()
    assert run.host.failures()[1] == (
        "hook damon_check_accesses returned a list: "
        "hooks return nothing, accesses go into `reports`"
    )


def test_a_fault_in_init_keeps_the_context_from_starting_and_cleans_up_in_reverse(run: Run):
    run.faults["First", "init"] = fail(OSError(24, "Too many open files"))
    with pytest.raises(
        PrimitiveError,
        match=r"^primitive first \(damon-noting 1\.0\) does not start: hook damon_init raised "
        r"OSError: \[Errno 24\] Too many open files \(noting\.py:\d+\)$",
    ):
        run.whole()
    assert run.calls[2:] == ["Second.init", "First.init", "First.cleanup", "Second.cleanup"]


def test_a_primitive_error_of_init_is_shown_as_it_is(run: Run):
    run.faults["First", "init"] = fail(PrimitiveError("no PMU: load the module"))
    with pytest.raises(
        PrimitiveError, match=r"^primitive first \(damon-noting 1\.0\): no PMU: load the module$"
    ):
        run.whole()


def test_a_primitive_that_is_not_usable_is_refused_before_any_init(distribution: Install):
    distribution(
        "damon-noting",
        {"first": "noting:First", "blind": "noting:Blind"},
        {
            "noting": NOTING
            + """
class Blind(First):
    @classmethod
    def probe(cls, ops):
        return Availability(False, missing="CONFIG_EYES is off", remedy="boot a kernel with it")
"""
        },
    )
    run = Run("first", "blind")
    with pytest.raises(
        PrimitiveError,
        match=r"blind \(damon-noting 1\.0\) is not usable here for vaddr: CONFIG_EYES is off "
        r"\(boot a kernel with it\)",
    ):
        run.whole()
    assert run.calls == ["First.probe"]


def test_a_fault_in_cleanup_is_noted_and_the_others_are_cleaned_up(run: Run):
    run.faults["First", "cleanup"] = fail(KeyError("gone"))
    run.whole()
    assert run.calls[-2:] == ["First.cleanup", "Second.cleanup"]
    assert str(run.host.failures()[1]).startswith("hook damon_cleanup raised KeyError: 'gone'")


def test_a_second_fault_is_told_and_does_not_replace_the_first(run: Run):
    run.faults["First", "check"] = fail(ValueError("first"))
    run.faults["First", "cleanup"] = fail(ValueError("second"))
    run.whole()
    assert "ValueError: first" in str(run.host.failures()[1])
    assert len(run.told) == 1
    assert run.told[0].startswith("first: hook damon_cleanup raised ValueError: second")


@pytest.mark.parametrize("hook", ["init", "check", "cleanup"])
@pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), SystemExit(3)])
def test_an_interrupt_gets_through_and_every_cleanup_is_called_once(
    run: Run, hook: str, interrupt: BaseException
):
    run.faults["First", hook] = fail(interrupt)
    with pytest.raises(type(interrupt)):
        run.whole()
    assert [call for call in run.calls if call.endswith("cleanup")] == [
        "First.cleanup",
        "Second.cleanup",
    ]


def test_no_hook_is_called_after_cleanup_or_for_a_context_that_never_began(run: Run):
    run.host.cleanup()
    assert run.calls == []


def test_an_error_that_cannot_be_shown_is_contained(run: Run):
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    run.faults["First", "check"] = fail(Mute())
    run.whole()
    assert "raised Mute: (its message cannot be shown)" in str(run.host.failures()[1])


def test_the_trace_switch_prints_each_call(
    distribution: Install, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    distribution("damon-noting", {"first": "noting:First"}, {"noting": NOTING})
    monkeypatch.setenv("DAMON_TRACE_HOOKS", "1")
    Run("first").whole()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[3] for line in lines] == [
        "damon_init",
        "damon_update_targets",
        "damon_prepare_access_checks",
        "damon_check_accesses",
        "damon_cleanup",
    ]
    assert all(line.startswith("damon hook: first ") and line.endswith(" us") for line in lines)


def test_check_is_given_the_reports_of_its_own_context(distribution: Install):
    source = """
import numpy as np
from damon_core import REPORT_DTYPE, Provides, hookimpl

class Eyes:
    ops = {"vaddr"}
    provides = Provides()

    @hookimpl
    def damon_init(self, ctx):
        self.provides = Provides(write=True)

    @hookimpl
    def damon_check_accesses(self, reports):
        reports.extend(np.zeros(3, REPORT_DTYPE))
"""
    distribution("damon-eyes", {"eyes": "eyes_plugin:Eyes"}, {"eyes_plugin": source})
    host = PrimitiveHost([PrimitiveChoice("eyes")], Ops.VADDR)
    taken: list[np.ndarray] = []

    class Reports:
        extend = staticmethod(taken.append)

    host.init([PrimitiveContext("eyes", Ops.VADDR, Intervals(), 4096, Reports())])
    host.check()
    host.cleanup()
    assert taken[0].dtype == REPORT_DTYPE
    assert host.provides()[0].write
