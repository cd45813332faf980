"""Evaluates files of test vectors against the real engine.

``python -m damon_core.testing.vectors FILE`` prints each failure, and as its last line
``N passed, N failed``; it exits with 1 if one failed, with 2 for a file that is no vector file.
"""

from __future__ import annotations

from .file import Verdict, evaluate_file, read_vectors
from .vector import Vector, evaluate

__all__ = ["Vector", "Verdict", "evaluate", "evaluate_file", "read_vectors"]
