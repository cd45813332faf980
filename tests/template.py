"""The template of ``damon new-primitive`` as it is installed; importing this imports its module."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import damon_core

TEMPLATE = Path(damon_core.__file__).parent / "template"

# Not by sys.path: the template has a folder "tests" too.
_spec = importlib.util.spec_from_file_location(
    "damon_first_touch", TEMPLATE / "damon_first_touch.py"
)
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
sys.modules["damon_first_touch"] = _module
_spec.loader.exec_module(_module)
FirstTouch = _module.FirstTouch
