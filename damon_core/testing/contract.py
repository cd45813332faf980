"""What every primitive must do: subclass PrimitiveContract in the tests of a plugin.

::

    class TestContract(PrimitiveContract):
        primitive = MyPrimitive
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, ClassVar

import pytest

from ..errors import PrimitiveError
from ..installed import probe
from ..model import Ops
from ..primitive import Availability
from ..registration import check_class, supported_ops
from ..target import PAGE_SIZE
from .contract_run import ContractRun, declaration
from .open_files import no_more_files, open_files
from .toucher import Toucher


class PrimitiveContract:
    """Proves the contract of the class ``primitive``, against a real process that it starts.

    Override ``primitive``, and ``options`` to choose a mechanism.  ``sees_every_access`` says
    whether a page that is touched between the hooks must be reported; set it to False for
    mechanisms that sample.  Ops for which ``probe`` says "not usable" here are skipped, with what
    it says is missing.
    """

    primitive: ClassVar[type[Any]]
    options: ClassVar[Mapping[str, object]] = {}
    sees_every_access: ClassVar[bool] = True

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Each test that takes ``ops`` is run for each of those that the primitive has."""
        if "ops" in metafunc.fixturenames:
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
        run = ContractRun(self.primitive, self.options, ops, toucher)
        yield run
        run.close()

    def test_the_class_can_be_registered(self) -> None:
        declared = declaration(self.primitive)
        assert check_class(declared, self.primitive) is self.primitive

    def test_the_probe_says_what_is_missing(self, ops: Ops) -> None:
        answer = probe(self.primitive, ops)
        assert isinstance(answer, Availability)
        assert answer.usable or answer.missing, "not usable, and nothing is said to be missing"
        assert "\n" not in answer.missing + answer.remedy

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

    def test_no_file_is_left_open(self, run: ContractRun) -> None:
        run.whole()  # what is imported or kept on purpose is open from now on
        run.renew()
        before = open_files()
        run.whole()
        assert open_files() == before

    def test_cleanup_without_init_is_harmless(self, run: ContractRun) -> None:
        run.call_cleanup()

    def test_cleanup_may_come_twice(self, run: ContractRun) -> None:
        run.whole()
        run.call_cleanup()

    def test_cleanup_after_a_failed_init_leaves_nothing_open(self, run: ContractRun) -> None:
        run.whole()
        run.renew()
        before = open_files()
        with no_more_files():
            try:
                run.start()
            except PrimitiveError:
                pass
            else:  # it needs no file: as good
                run.host.cleanup()
        run.call_cleanup()
        assert open_files() == before

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
        assert run.host.failures() == (None,)

    def test_a_target_that_had_ended_before_is_refused_or_ignored(self, run: ContractRun) -> None:
        run.toucher.end()
        with suppress(PrimitiveError):
            run.whole()
        assert run.host.failures() == (None,)
