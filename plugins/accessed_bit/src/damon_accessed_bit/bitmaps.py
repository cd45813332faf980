"""Bitmaps in C memory as NumPy arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._native import ffi

if TYPE_CHECKING:
    import numpy as np


def words_at(address: Any, nr: int) -> np.ndarray:
    """``nr`` 64-bit words at a C pointer, not copied: valid as long as C leaves them alone."""
    import numpy as np

    return np.frombuffer(ffi.buffer(address, nr * 8), np.uint64)
