"""The random numbers of the toucher, drawn again: see workload/mix.h."""

from __future__ import annotations

import numpy as np

_U64 = np.uint64


def positions_of(seed: int, first: int, nr: int) -> np.ndarray:
    """Where ``nr`` draws of a seed are made, from number ``first`` on."""
    positions: np.ndarray = np.arange(nr, dtype=np.uint64) + _U64((seed + first) % 2**64)
    return positions


def mix(positions: np.ndarray) -> np.ndarray:
    """The output function of splitmix64 (Steele, Lea, Flood, 2014), of uint64 positions."""
    x = positions + _U64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> _U64(30))) * _U64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> _U64(27))) * _U64(0x94D049BB133111EB)
    mixed: np.ndarray = x ^ (x >> _U64(31))
    return mixed


def subset(seed: int, permille: int, nr_pages: int) -> np.ndarray:
    """The page numbers below ``nr_pages`` that a seed chooses, ``permille`` of 1000."""
    drawn = ((mix(positions_of(seed, 0, nr_pages)) >> _U64(32)) * _U64(1000)) >> _U64(32)
    return np.nonzero(drawn < permille)[0].astype(np.uint64)
