"""The primitive keeps the contract, and sees what its README says."""

import pytest
from damon_first_touch import FirstTouch, Options

from damon_core.model import Ops
from damon_core.testing import PrimitiveContract


class TestContract(PrimitiveContract):
    """Each test that fails names the rule that was broken."""

    primitive = FirstTouch


def test_it_says_into_which_ops_it_looks():
    """Those of processes; physical memory has no pagemap."""
    assert FirstTouch.ops == {Ops.VADDR, Ops.FVADDR}


def test_a_mapping_has_at_least_one_page():
    """A wrong value is refused when the options are made."""
    with pytest.raises(ValueError, match="max_mapping"):
        Options(max_mapping=0)
