"""Heat as one byte a cell, compressed, in text: what a page of HTML carries."""

from __future__ import annotations

import base64
import zlib

import numpy as np
from attrs import frozen

LEVELS = 254
"""Bytes of heat above none; 0 is no region, 1 no access."""


@frozen
class Packed:
    """A grid: a byte of level q is the heat ``top * ((q - 1) / 254) ** power``.

    ``data``: base64 of zlib of uint8[columns, rows], as neighbours in time are most alike.
    """

    top: float
    power: int
    data: str


def pack(heat: np.ndarray, power: int) -> Packed:
    """Pack float64[rows, columns], NaN where no region was; what is not finite counts as that.

    ``power`` is a power of two.
    """
    heat = heat.astype(np.float32)
    found = np.isfinite(heat)
    shown = np.where(found, heat, np.float32(0))
    top = float(shown.max(initial=0))
    levels = shown / np.float32(top) if top > 0 else shown
    for _ in range(int(np.log2(power))):
        levels = np.sqrt(levels)
    levels = np.rint(levels * LEVELS) + 1
    # However little heat: it is told from none.
    levels = np.where(shown > 0, np.maximum(levels, 2), levels)
    levels = np.where(found, levels, 0).astype(np.uint8)
    data = zlib.compress(levels.T.tobytes(), 4)
    return Packed(top, power, base64.b64encode(data).decode("ascii"))


def unpack(packed: Packed, nr_rows: int) -> np.ndarray:
    """The heat again, float64[rows, columns], as near as a byte allows."""
    levels = np.frombuffer(zlib.decompress(base64.b64decode(packed.data)), np.uint8)
    shares = (np.maximum(levels, 1) - 1.0) / LEVELS
    heat: np.ndarray = np.where(levels == 0, np.nan, packed.top * shares**packed.power)
    cells: np.ndarray = heat.reshape(-1, nr_rows).T
    return cells
