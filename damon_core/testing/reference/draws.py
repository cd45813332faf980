"""The random numbers of the engine, in plain Python: the same seed draws the same numbers."""

from __future__ import annotations

_MASK = 2**64 - 1


def splitmix64(state: int) -> tuple[int, int]:
    """Next state and number of splitmix64, which stretches a seed to a full generator state."""
    state = (state + 0x9E3779B97F4A7C15) & _MASK
    z = state
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & _MASK
    return state, z ^ (z >> 31)


def _rotl(x: int, nr_bits: int) -> int:
    return (x << nr_bits | x >> (64 - nr_bits)) & _MASK


class Random:
    """xoshiro256**, its state filled by four numbers of splitmix64(seed)."""

    def __init__(self, seed: int) -> None:
        state = seed & _MASK
        self._s: list[int] = []
        for _ in range(4):
            state, number = splitmix64(state)
            self._s.append(number)

    def next(self) -> int:
        """64 random bits."""
        s = self._s
        result = _rotl(s[1] * 5 & _MASK, 7) * 9 & _MASK
        shifted = s[1] << 17 & _MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= shifted
        s[3] = _rotl(s[3], 45)
        return result

    def rand(self, low: int, high: int) -> int:
        """A uniform number in [low, high), without the bias of a plain modulo (Lemire)."""
        nr = high - low
        reject_below = (2**64 - nr) % nr
        while True:
            product = self.next() * nr
            if product & _MASK >= reject_below:
                return low + (product >> 64)
