"""Sets of addresses as sorted, disjoint ranges that do not touch, by column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from attrs import frozen

from .model import AddrRange


@frozen(eq=False)
class Spans:
    """A set of byte addresses: ``starts`` (inclusive) and ``ends`` (exclusive), uint64."""

    starts: np.ndarray
    ends: np.ndarray

    @classmethod
    def of(cls, ranges: Iterable[tuple[int, int]]) -> Spans:
        """The union of ranges in any order; those without bytes are left out."""
        pairs = np.array([pair for pair in ranges if pair[0] < pair[1]], np.uint64).reshape(-1, 2)
        return cls.union_of(pairs[:, 0], pairs[:, 1])

    @classmethod
    def union_of(cls, starts: np.ndarray, ends: np.ndarray) -> Spans:
        """The union of ranges given by column, each with at least one byte."""
        if not len(starts):
            return cls(np.empty(0, np.uint64), np.empty(0, np.uint64))
        order = np.argsort(starts, kind="stable")
        starts = starts[order]
        reach = np.maximum.accumulate(ends[order])
        first = np.concatenate(([True], starts[1:] > reach[:-1]))
        last = np.append(np.nonzero(first)[0][1:] - 1, len(starts) - 1)
        return cls(starts[first], reach[last])

    @classmethod
    def of_pages(cls, pages: np.ndarray, page_size: int) -> Spans:
        """The bytes of pages, by their numbers, in any order and repeated at will."""
        starts = np.unique(pages.astype(np.uint64, copy=False)) * np.uint64(page_size)
        return cls.union_of(starts, starts + np.uint64(page_size))

    @property
    def size(self) -> int:
        """Bytes."""
        return int((self.ends - self.starts).sum())

    def __iter__(self) -> Iterator[AddrRange]:
        for start, end in zip(self.starts.tolist(), self.ends.tolist(), strict=True):
            yield AddrRange(start, end)

    def __len__(self) -> int:
        return len(self.starts)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Spans):
            return NotImplemented
        return np.array_equal(self.starts, other.starts) and np.array_equal(self.ends, other.ends)

    __hash__ = None  # type: ignore[assignment]

    def __or__(self, other: Spans) -> Spans:
        return Spans.union_of(
            np.concatenate((self.starts, other.starts)), np.concatenate((self.ends, other.ends))
        )

    def __and__(self, other: Spans) -> Spans:
        return self._where(other, lambda mine, others: mine & others)

    def __sub__(self, other: Spans) -> Spans:
        return self._where(other, lambda mine, others: mine & ~others)

    def widened(self, page_size: int) -> Spans:
        """The whole pages that have a byte of this set; ``page_size`` is a power of two."""
        low = np.uint64(page_size - 1)
        return Spans.union_of(self.starts & ~low, (self.ends + low) & ~low)

    def _where(self, other: Spans, keep: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Spans:
        """Cut both at each other's edges, and keep the pieces that are as ``keep`` says."""
        edges = np.unique(np.concatenate((self.starts, self.ends, other.starts, other.ends)))
        if not len(edges):
            return self
        kept = keep(self._has(edges[:-1]), other._has(edges[:-1]))
        return Spans.union_of(edges[:-1][kept], edges[1:][kept])

    def _has(self, addresses: np.ndarray) -> np.ndarray:
        """Which of the addresses are in this set."""
        if not len(self.starts):
            return np.zeros(len(addresses), bool)
        at = np.searchsorted(self.starts, addresses, side="right")
        return (at > 0) & (addresses < self.ends[at - 1])
