"""What tests of primitives, and of this project, are written with."""

from __future__ import annotations

from .contract import PrimitiveContract
from .scripted import ScriptedPrimitives

__all__ = ["PrimitiveContract", "ScriptedPrimitives"]
