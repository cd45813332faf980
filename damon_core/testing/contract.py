"""What every primitive must do: subclass PrimitiveContract in the tests of a plugin.

::

    class TestContract(PrimitiveContract):
        primitive = MyPrimitive
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from statistics import median
from typing import Any, ClassVar

import pytest

from ..errors import PrimitiveError
from ..installed import probe
from ..model import Ops
from ..primitive import Availability
from ..registration import check_class, supported_ops
from ..target import PAGE_SIZE
from .contract_run import ContractRun, declaration
from .open_files import no_more_files, open_files, still_at_work
from .rule import Rule
from .toucher import Toucher

NR_OPENED = (0, 1, 3)
"""After how many files opened an init is made to fail."""

NR_TIMED = 5
"""Intervals of which the median cost counts."""


class PrimitiveContract:
    """Proves the contract of the class ``primitive``, against a real process that it starts.

    Override ``primitive``, and ``options`` to choose a mechanism.  ``sees_every_access`` says
    whether a page that is touched between the hooks must be reported; set it to False for
    mechanisms that sample.  ``max_cpu_ms`` is what an interval may cost: 25 ms of CPU time mean a
    sample each half second at the default quota.  Ops for which ``probe`` says "not usable" here
    are skipped, with what it says is missing.  A test that fails names the :class:`Rule`.
    """

    primitive: ClassVar[type[Any]]
    options: ClassVar[Mapping[str, object]] = {}
    sees_every_access: ClassVar[bool] = True
    max_cpu_ms: ClassVar[float] = 25.0

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Each test that takes ``ops`` is run for each of those that the primitive has."""
        if "ops" in metafunc.fixturenames:
            has: frozenset[Ops] = frozenset()
            with suppress(PrimitiveError):  # which test_the_class_can_be_registered will show
                has = supported_ops(declaration(self.primitive), self.primitive)
            metafunc.parametrize("ops", [ops for ops in Ops if ops in has], ids=str)

    @pytest.fixture
    def toucher(self) -> Iterator[Toucher]:
        """The process to be monitored."""
        with Toucher(page_size=PAGE_SIZE) as toucher:
            yield toucher

    @pytest.fixture
    def run(self, ops: Ops, toucher: Toucher) -> Iterator[ContractRun]:
        """A primitive of its own, hosted for ``ops``, with the process as its target."""
        answer = probe(self.primitive, ops)
        if not answer.usable:
            pytest.skip(f"not usable here for {ops}: {answer.missing} {answer.remedy}")
        if lacks := answer.mechanisms.get(str(self.options.get("mechanism")), ""):
            pytest.skip(f"not usable here for {ops}: {lacks}")
        run = ContractRun(self.primitive, self.options, ops, toucher)
        yield run
        run.close()

    def test_the_class_can_be_registered(self) -> None:
        with Rule.CLASS.kept():
            check_class(declaration(self.primitive), self.primitive)

    def test_the_probe_says_what_is_missing(self, ops: Ops) -> None:
        with Rule.PROBE.kept():
            answer = probe(self.primitive, ops)
        Rule.PROBE.must(isinstance(answer, Availability), f"it answered {answer!r}")
        Rule.PROBE.must(answer.usable or answer.missing, "not usable, and nothing is missing")
        Rule.PROBE.must("\n" not in answer.missing + answer.remedy, "it takes several lines")

    def test_reports_stay_in_the_buffer_and_in_the_target(self, run: ContractRun) -> None:
        run.start()
        touched = run.tick()
        run.check_reports()
        if self.sees_every_access:
            run.check_seen(touched)

    def test_a_second_interval_reports_anew(self, run: ContractRun) -> None:
        run.start()
        run.tick()
        run.reports.clear()
        touched = run.tick()
        run.check_reports()
        if self.sees_every_access:
            run.check_seen(touched)

    def test_an_interval_costs_what_it_may(
        self, run: ContractRun, record_property: Callable[[str, object], None]
    ) -> None:
        run.start()
        cost_ms = median(run.cpu_ns() for _ in range(NR_TIMED)) / 1e6
        run.check_hooks()
        record_property("cpu_ms", cost_ms)
        print(f"one interval: {cost_ms:.3f} ms of CPU time, so one each {cost_ms * 20:.1f} ms")
        Rule.COST.must(cost_ms <= self.max_cpu_ms, f"{cost_ms:.1f} ms, above {self.max_cpu_ms} ms")

    def test_nothing_is_left_at_work_or_open(self, run: ContractRun) -> None:
        run.whole()  # what is imported or kept on purpose is open from now on
        run.renew()
        files, at_work = open_files(), still_at_work()
        run.whole()
        self._must_be_as_before(Rule.FILES, files)
        left = sorted(set(still_at_work()) - set(at_work))
        Rule.THREADS.must(not left, f"{', '.join(left)} is still there")

    def test_cleanup_without_init_is_harmless(self, run: ContractRun) -> None:
        with Rule.CLEANUP_FIRST.kept():
            run.call_cleanup()

    def test_cleanup_may_come_twice(self, run: ContractRun) -> None:
        run.whole()
        with Rule.CLEANUP_TWICE.kept():
            run.call_cleanup()

    def test_cleanup_after_a_failed_init_leaves_nothing_open(self, run: ContractRun) -> None:
        run.whole()
        failed = True
        for nr_more in NR_OPENED:
            if failed:
                run.renew()
                before = open_files()
                failed = self._start_fails(run, nr_more)
                with Rule.FAILED_INIT.kept():
                    run.call_cleanup()
                self._must_be_as_before(Rule.FAILED_INIT, before)

    def test_a_hook_that_fails_on_the_way_leaves_nothing_open(self, run: ContractRun) -> None:
        run.whole()
        run.renew()
        before = open_files()
        run.start()
        targets, run.ctx.targets = run.ctx.targets, ()
        run.host.update_targets()
        run.ctx.targets = targets
        with no_more_files():
            run.host.update_targets()
            run.host.prepare()
            run.host.check()
        run.host.cleanup()
        self._must_be_as_before(Rule.FAILED_HOOK, before)

    def test_a_target_that_ends_is_no_fault(self, run: ContractRun) -> None:
        run.start()
        run.tick()
        run.toucher.end()
        run.host.prepare()
        run.host.check()
        run.ctx.targets = ()
        run.host.update_targets()
        run.host.prepare()
        run.host.check()
        run.host.cleanup()
        self._must_not_have_failed(run)

    def test_a_target_that_had_ended_before_is_refused_or_ignored(self, run: ContractRun) -> None:
        run.toucher.end()
        with suppress(PrimitiveError):
            run.whole()
        self._must_not_have_failed(run)

    def _start_fails(self, run: ContractRun, nr_more: int) -> bool:
        with no_more_files(nr_more):
            try:
                run.start()
            except PrimitiveError:
                return True
            failed = run.host.failures() != (None,)
            run.host.cleanup()
        return failed  # if not, it needs no more files than these

    def _must_be_as_before(self, rule: Rule, files: list[tuple[int, str]]) -> None:
        left = [name for number, name in open_files() if (number, name) not in files]
        rule.must(not left, f"{', '.join(left)} is still open")

    def _must_not_have_failed(self, run: ContractRun) -> None:
        (failure,) = run.host.failures()
        Rule.ENDED.must(failure is None, str(failure))
