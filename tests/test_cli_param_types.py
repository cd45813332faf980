"""Values of options: primitives with options of their own."""

from __future__ import annotations

import pytest

from damon_core.cli.param_types import parse_primitive
from damon_core.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("eyes", {}),
        ("eyes:count=2,open=true,name=a b", {"count": 2, "open": True, "name": "a b"}),
        ("eyes:see=[a,b],count=2", {"see": ["a", "b"], "count": 2}),
        ("eyes:see={of: a, from: 1},count=2", {"see": {"of": "a", "from": 1}, "count": 2}),
        ("eyes:see=[{of: a, from: 1},b]", {"see": [{"of": "a", "from": 1}, "b"]}),
        ('eyes:see="a,b=c",count=2', {"see": "a,b=c", "count": 2}),
        ("eyes:see='2'", {"see": "2"}),
        ("eyes:see=cpu/a,b=30/P,count=2", {"see": "cpu/a,b=30/P", "count": 2}),
        ("eyes:see=ibs_op//,count=2", {"see": "ibs_op//", "count": 2}),
        ("eyes:see=mem:0x10/8:rw,count=2", {"see": "mem:0x10/8:rw", "count": 2}),
        ("eyes:folder=/a/b,other=/c/d", {"folder": "/a/b", "other": "/c/d"}),
    ],
)
def test_options_of_a_primitive_are_cut_where_a_value_ends(
    text: str, options: dict[str, object]
) -> None:
    choice = parse_primitive(text)
    assert (choice.name, choice.options) == ("eyes", options)


@pytest.mark.parametrize("text", ["", ":a=1", "eyes:", "eyes:a", "eyes:a=1,a=2", "eyes:a=[b"])
def test_options_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_primitive(text)
