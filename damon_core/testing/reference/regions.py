"""Regions in plain Python: ageing, merging, splitting, ranges; one function per rule, slow, clear.

Rules as in the semantics of DAMON: an age per aggregation interval, merging of neighbours of
similar rate, random splits.  Tests compare the C engine with these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from attrs import define, evolve, field

Draw = Callable[[int, int], int]
"""``draw(low, high)``: a random number in [low, high)."""


@define
class Region:
    """A region as the rules see it; ``hits`` is by source, ``accessed_bytes`` a sum over ticks."""

    start: int
    end: int
    nr_accesses: int = 0
    last_nr_accesses: int = 0
    age: int = 0
    sampling_addr: int = 0
    hits: list[int] = field(factory=list)
    accessed_bytes: int = 0

    @property
    def size(self) -> int:
        """In bytes."""
        return self.end - self.start


@define
class Target:
    """Sorted regions, and the smallest size that a split may leave."""

    regions: list[Region]
    min_region_sz: int = 1
    pid: int = 0


def align_down(x: int, to: int) -> int:
    """The multiple of ``to`` at or below ``x``."""
    return x // to * to


def align_up(x: int, to: int) -> int:
    """The multiple of ``to`` at or above ``x``."""
    return -(-x // to) * to


def aged(nr: int, last: int, age: int, threshold: int) -> int:
    """Age after a window: 0 if the rate changed, or came from or to zero, else one more."""
    if abs(nr - last) > threshold or (nr == 0) != (last == 0):
        return 0
    return age + 1


def split_at(region: Region, left_size: int) -> Region:
    """Cut ``region`` after ``left_size`` bytes and return the right part.

    Both inherit rates and age; what is a sum over the bytes of a window is shared out by size.
    """
    size = region.size
    right = evolve(region, start=region.start + left_size)
    region.end = right.start
    left_hits = [hits * left_size // size for hits in region.hits]
    right.hits = [hits - left for hits, left in zip(region.hits, left_hits, strict=True)]
    region.hits = left_hits
    region.accessed_bytes = region.accessed_bytes * left_size // size
    right.accessed_bytes -= region.accessed_bytes
    return right


def merge_two(left: Region, right: Region) -> None:
    """Grow ``left`` over ``right``: rates and age become size-weighted means, floored.

    Hits and accessed bytes are sums over bytes, so they add up; the last rate stays the left one's.
    """
    size = left.size + right.size

    def mean(a: int, b: int) -> int:
        return (a * left.size + b * right.size) // size

    left.nr_accesses = mean(left.nr_accesses, right.nr_accesses)
    left.age = mean(left.age, right.age)
    left.hits = [a + b for a, b in zip(left.hits, right.hits, strict=True)]
    left.accessed_bytes += right.accessed_bytes
    left.end = right.end


def merge_regions(regions: list[Region], threshold: int, sz_limit: int, count_age: bool) -> None:
    """One walk that ages each region and merges it into its left neighbour if they are alike."""
    merged: list[Region] = []
    for region in regions:
        if count_age:
            region.age = aged(region.nr_accesses, region.last_nr_accesses, region.age, threshold)
        previous = merged[-1] if merged else None
        if (
            previous is not None
            and previous.end == region.start
            and abs(previous.nr_accesses - region.nr_accesses) <= threshold
            and previous.size + region.size <= sz_limit
        ):
            merge_two(previous, region)
        else:
            merged.append(region)
    regions[:] = merged


def merge_thresholds(first: int, highest: int) -> Iterator[int]:
    """Thresholds of the passes: doubled until ``highest``, the last one exactly that."""
    threshold = first
    yield threshold
    while threshold < highest:
        threshold = max(1, 2 * threshold) if threshold < highest // 2 else highest
        yield threshold


def merge(targets: Sequence[Target], nr_samples: int, max_nr_regions: int, sz_limit: int) -> None:
    """All passes at the end of a window: until few enough regions are left; only the first ages."""
    highest = max((r.nr_accesses for t in targets for r in t.regions), default=0)
    for nr_pass, threshold in enumerate(merge_thresholds(highest // 10, nr_samples)):
        for target in targets:
            limit = max(sz_limit, target.min_region_sz)
            merge_regions(target.regions, threshold, limit, count_age=nr_pass == 0)
        if nr_regions(targets) <= max_nr_regions:
            return


def nr_regions(targets: Sequence[Target]) -> int:
    """Regions of all targets."""
    return sum(len(t.regions) for t in targets)


def size_limit(targets: Sequence[Target], min_nr_regions: int, min_region_sz: int) -> int:
    """The largest size a region may have so that there are ``min_nr_regions`` of them."""
    total = sum(r.size for t in targets for r in t.regions)
    return align_up(max(total // min_nr_regions, min_region_sz, 1), min_region_sz)


def apply_min_nr_regions(targets: Sequence[Target], min_nr_regions: int, min_region_sz: int) -> int:
    """Cut what is larger than the size limit into pieces of it, from the left; the limit."""
    limit = size_limit(targets, min_nr_regions, min_region_sz)
    for target in targets:
        piece = align_up(max(limit, target.min_region_sz), target.min_region_sz)
        target.regions[:] = [cut for r in target.regions for cut in _cut(r, piece)]
    return limit


def _cut(region: Region, piece: int) -> Iterator[Region]:
    while region.size > piece:
        right = split_at(region, piece)
        yield region
        region = right
    yield region


def reset_aggregated(targets: Sequence[Target]) -> None:
    """Start a new window: the counts of this one become the last ones."""
    for region in (r for t in targets for r in t.regions):
        region.last_nr_accesses = region.nr_accesses
        start_window(region)


def start_window(region: Region) -> None:
    """Begin to count anew."""
    region.nr_accesses = 0
    region.hits = [0] * len(region.hits)
    region.accessed_bytes = 0


@define
class Splitter:
    """Splits regions at random at the end of a window, and remembers what it needs for the next."""

    last_nr_regions: int = 0
    rotation: int = 0

    def plan(self, nr: int, max_nr_regions: int) -> tuple[str, int]:
        """("none", 0), ("some", every how many regions) or ("all", pieces of each)."""
        if nr >= max_nr_regions:
            return "none", 0
        if nr > max_nr_regions // 2:
            return "some", max_nr_regions // (max_nr_regions - nr)
        if nr == self.last_nr_regions and nr < max_nr_regions // 3:
            return "all", 3
        return "all", 2

    def split(self, targets: Sequence[Target], max_nr_regions: int, draw: Draw) -> None:
        """Split regions as planned for their number now."""
        nr = nr_regions(targets)
        how, number = self.plan(nr, max_nr_regions)
        self.last_nr_regions = nr
        if how == "all":
            for target in targets:
                split_all(target, number, draw)
        elif how == "some":
            split_some(targets, number, self.rotation, draw)
            self.rotation += 1


def split_all(target: Target, nr_pieces: int, draw: Draw) -> None:
    """Split each region into up to ``nr_pieces``; after the first cut only its left part again."""
    least = target.min_region_sz
    result: list[Region] = []
    for region in target.regions:
        rights: list[Region] = []
        for _ in range(nr_pieces - 1):
            if region.size <= 2 * least:
                break
            left = align_down(draw(1, 10) * region.size // 10, least)
            if 0 < left < region.size:
                rights.append(split_at(region, left))
        result += [region, *reversed(rights)]
    target.regions[:] = result


def split_some(targets: Sequence[Target], every: int, rotation: int, draw: Draw) -> None:
    """Split each ``every``-th region in two, starting one further at each call."""
    index = 0
    for target in targets:
        least = target.min_region_sz
        result: list[Region] = []
        for region in target.regions:
            result.append(region)
            chosen = index % every == rotation % every
            index += 1
            if not chosen or region.size < 2 * least:
                continue
            left = align_down(draw(1, 10) * region.size // 10, least)
            if 0 < left < region.size:
                result.append(split_at(region, left))
        target.regions[:] = result
