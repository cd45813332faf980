"""Primitives are found and checked, and every refusal says what is wrong and what to do."""

from __future__ import annotations

import re

import pytest

from damon_core.errors import PrimitiveError
from damon_core.host import installed
from damon_core.model import Ops
from tests.eyes import GOOD, Install, host


def test_a_good_primitive_is_hosted_under_its_name(distribution: Install):
    distribution("damon-eyes", {"eyes": "eyes_plugin:Eyes"}, {"eyes_plugin": GOOD})
    hosted = host("eyes")
    assert hosted.names == ("eyes",)
    assert hosted.failures() == (None,)
    assert hosted.provides()[0].write


def test_only_the_primitives_named_are_imported(distribution: Install):
    distribution("damon-eyes", {"eyes": "eyes_plugin:Eyes"}, {"eyes_plugin": GOOD})
    distribution("damon-bomb", {"bomb": "bomb_plugin:Bomb"}, {"bomb_plugin": "raise SystemExit(9)"})
    assert host("eyes").names == ("eyes",)


def test_a_changed_entry_point_is_seen_at_once(distribution: Install):
    distribution("damon-eyes", {"eyes": "no_such_module:Eyes"}, {})
    with pytest.raises(PrimitiveError, match="no_such_module"):
        host("eyes")
    distribution("damon-eyes", {"eyes": "eyes_plugin:Eyes"}, {"eyes_plugin": GOOD})
    assert host("eyes").names == ("eyes",)


def test_an_unknown_name_is_refused_with_the_names_installed_and_the_nearest(distribution: Install):
    distribution("damon-eyes", {"eyes": "eyes_plugin:Eyes"}, {"eyes_plugin": GOOD})
    with pytest.raises(
        PrimitiveError,
        match=r"^my.yaml:7: primitive 'eye' is not installed "
        r"\(installed: .*eyes.*\); did you mean 'eyes'\?$",
    ):
        host("eye")


def test_a_missing_primitive_of_this_project_is_refused_with_what_to_install(monkeypatch):
    monkeypatch.setattr("damon_core.host.declarations", list)
    with pytest.raises(PrimitiveError, match=r"installed: none\): pip install damon-accessed-bit"):
        host("accessed_bit")


def test_a_name_declared_by_two_distributions_is_refused_with_both(distribution: Install):
    distribution("damon-eyes", {"eyes": "eyes_plugin:Eyes"}, {"eyes_plugin": GOOD})
    distribution("other-eyes", {"ears": "a:B", "eyes": "eyes_plugin:Eyes"}, {}, version="2.1")
    with pytest.raises(
        PrimitiveError,
        match=r"primitive eyes is declared by damon-eyes 1\.0 and other-eyes 2\.1: uninstall",
    ):
        host("eyes")


def test_a_primitive_chosen_twice_is_refused(distribution: Install):
    distribution("damon-eyes", {"eyes": "eyes_plugin:Eyes"}, {"eyes_plugin": GOOD})
    with pytest.raises(PrimitiveError, match="primitive eyes is chosen twice"):
        host("eyes", "eyes")


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("assert not 'here'", "AssertionError"),
        ("class Eyes:\n  ops =", "SyntaxError: invalid syntax"),
        ("x = 1", "AttributeError: module 'eyes_plugin' has no attribute 'Eyes'"),
        ("raise ValueError('two\\nlines')", "ValueError: two lines"),
    ],
)
def test_a_failing_import_is_refused_with_its_cause(refusal, source: str, cause: str):
    text = refusal(source)
    assert f"does not load (eyes_plugin:Eyes): {cause}" in text
    assert text.endswith("repair or reinstall damon-eyes")


CHECK = GOOD.split("\n\n")[-1]
OPS = '    ops = frozenset({"vaddr", "fvaddr"})'
PROVIDES = '    provides = Provides(granularity="page", write=True)'


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (GOOD, "def Eyes(options): pass", "entry point eyes_plugin:Eyes is not a class"),
        (OPS, "", "no `ops`: wanted is a set of vaddr, fvaddr, paddr"),
        (OPS, "    ops = 'vaddr'", "its `ops` is 'vaddr': wanted is a set of"),
        (OPS, "    ops = frozenset()", "its `ops` is frozenset(): wanted is a set of"),
        (OPS, "    ops = {'vadr'}", "its `ops` has 'vadr' is not a valid Ops: wanted is a set of"),
        (PROVIDES, "", "no `provides = Provides(...)`"),
        (PROVIDES, "    provides = {'write': True}", "no `provides = Provides(...)`"),
        (CHECK, "", "it has no hook damon_check_accesses"),
        (
            "damon_check_accesses",
            "damon_check_acesses",
            "damon_check_acesses is no hook; did you mean 'damon_check_accesses'?",
        ),
        (
            CHECK,
            CHECK + "    @hookimpl\n    def daemon_clean_up(self): pass\n",
            "daemon_clean_up is no hook; did you mean 'damon_cleanup'?",
        ),
        (
            CHECK,
            CHECK + "    def damon_qqqqwwwwzzzz(self): pass\n",
            "damon_qqqqwwwwzzzz is no hook; the hooks are damon_init, damon_update_targets, "
            "damon_prepare_access_checks, damon_check_accesses, damon_cleanup",
        ),
        (
            CHECK,
            CHECK + "    def damon_init(self, ctx): pass\n",
            "its damon_init is not marked: put @hookimpl before it",
        ),
        (
            "(self, ctx, reports)",
            "(self, ctx, report)",
            "damon_check_accesses takes `report`: it may take (ctx, reports)",
        ),
        ("(self, ctx, reports)", "(self, *args)", "takes `*args`: it may take (ctx, reports)"),
        ("(self, ctx, reports)", "(self, *, ctx)", "takes `ctx`: it may take (ctx, reports)"),
        (
            "(self, ctx, reports)",
            "(self, ctx, reports=None)",
            "has a default for `reports`: take it without one",
        ),
        ("    def damon", "    async def damon", "its damon_check_accesses is async"),
        ("@hookimpl", "@hookimpl(wrapper=True)", "its damon_check_accesses is a wrapper"),
    ],
)
def test_a_class_that_is_no_primitive_is_refused(refusal, old: str, new: str, fault: str):
    text = refusal(GOOD.replace(old, new))
    assert "cannot be used: " in text
    assert fault in text
    assert "docs/reference/hooks.md" in text


def test_hooks_may_take_fewer_arguments_and_be_static_or_renamed(distribution: Install):
    source = GOOD.replace(
        CHECK,
        """
    damon_version = "1"
    damon_cleanup = None

    @hookimpl(specname="damon_check_accesses")
    def look(self, reports): pass

    @staticmethod
    @hookimpl
    def damon_init(ctx): pass

    @hookimpl
    def damon_update_targets(self): pass
""".replace("    damon_cleanup = None\n", ""),
    )
    distribution("damon-eyes", {"eyes": "eyes_plugin:Eyes"}, {"eyes_plugin": source})
    assert host("eyes").names == ("eyes",)


def test_a_property_is_not_evaluated_in_search_of_hooks(distribution: Install):
    source = GOOD + "    @property\n    def early(self):\n        return 1 / 0\n"
    distribution("damon-eyes", {"eyes": "eyes_plugin:Eyes"}, {"eyes_plugin": source})
    assert host("eyes").names == ("eyes",)


def test_ops_that_a_primitive_lacks_are_refused_with_those_it_has(refusal):
    assert refusal(GOOD, Ops.PADDR).endswith("has no paddr, only vaddr, fvaddr")


def test_a_primitive_built_for_another_report_is_refused(refusal):
    text = refusal(GOOD.replace(OPS, OPS + "\n    report_abi = 99"))
    assert "built for access report ABI 99, damon-core has 1: reinstall damon-eyes" in text


def test_a_primitive_whose_construction_fails_is_refused(refusal):
    source = GOOD.replace(CHECK, "    def __init__(self): self.x = 1 / 0\n\n" + CHECK)
    assert refusal(source).endswith("cannot be built: ZeroDivisionError: division by zero")


def test_installed_lists_good_and_broken_primitives(distribution: Install):
    distribution(
        "damon-eyes",
        {"eyes": "eyes_plugin:Eyes", "blind": "no_such_module:X"},
        {"eyes_plugin": GOOD},
    )
    found = {one.name: one for one in installed()}
    good, broken = found["eyes"], found["blind"]
    assert (good.distribution, good.version, good.error) == ("damon-eyes", "1.0", None)
    assert good.ops == {Ops.VADDR, Ops.FVADDR}
    assert good.provides.granularity == "page"
    assert good.probe(Ops.VADDR).usable
    assert good.probe(Ops.PADDR).missing == "it has no paddr, only vaddr, fvaddr"
    assert "No module named 'no_such_module'" in str(broken.error)
    assert not broken.probe(Ops.VADDR).usable


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        ("1 / 0", "its probe(vaddr) raised ZeroDivisionError: division by zero"),
        ("return True", "its probe(vaddr) returned True, not an Availability"),
        ("return Availability(False, missing='a kernel')", "a kernel"),
    ],
)
def test_a_probe_that_fails_is_an_answer(distribution: Install, body: str, missing: str):
    source = GOOD + f"    @classmethod\n    def probe(cls, ops):\n        {body}\n"
    distribution("damon-eyes", {"eyes": "eyes_plugin:Eyes"}, {"eyes_plugin": source})
    (found,) = [one for one in installed() if one.name == "eyes"]
    answer = found.probe(Ops.VADDR)
    assert not answer.usable
    assert answer.missing == missing
    with pytest.raises(PrimitiveError, match=re.escape(missing)):
        host("eyes").init([])
