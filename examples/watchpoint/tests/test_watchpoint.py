"""The primitive keeps the contract, and sees what its README says."""

import random

import numpy as np
import pytest
from damon_watchpoint import NR_SPOTS, Options, Watchpoint

from damon_core.errors import PrimitiveError
from damon_core.model import AddrRange, Ops
from damon_core.target import PAGE_SIZE, Target
from damon_core.testing import ByHand, PrimitiveContract, Toucher


class TestContract(PrimitiveContract):
    """It looks at a few words only."""

    primitive = Watchpoint
    sees_every_access = False


class TestContractOfWrites(TestContract):
    """It tells that they are writes."""

    options = {"writes": True}  # noqa: RUF012


@pytest.fixture
def toucher():
    """A process that writes to the first byte of pages."""
    answer = Watchpoint.probe(Ops.FVADDR)
    if not answer.usable:
        pytest.skip(f"{answer.missing}: {answer.remedy}")
    with Toucher() as toucher:
        yield toucher


class Watch(ByHand):
    """The primitive over single pages of a process."""

    def __init__(self, toucher, pages, **options):
        self.toucher = toucher
        self.target = Target.open(toucher.pid)
        starts = [toucher.range.start + page * PAGE_SIZE for page in pages]
        self.target.ranges = tuple(AddrRange(start, start + PAGE_SIZE) for start in starts)
        self.target.sampling_addrs = np.array(starts, np.uint64)
        super().__init__(Watchpoint(Options(word="first", **options)), self.target, ops=Ops.FVADDR)
        self.begin()

    def seen(self, first, nr_pages, times=1):
        """Numbers of the pages seen in an interval in which so many pages are touched."""

        def touch():
            for _ in range(times):
                self.toucher.touch(first, nr_pages)

        addresses = self.interval(touch)["vaddr"] - np.uint64(self.toucher.range.start)
        return sorted((addresses // np.uint64(PAGE_SIZE)).tolist())

    def close(self):
        """Close what is held."""
        self.end()
        self.target.close()


@pytest.fixture
def watch(toucher):
    """A watch over four pages."""
    watch = Watch(toucher, [3, 5, 7, 9])
    yield watch
    watch.close()


def test_a_watched_word_that_is_accessed_is_seen_and_no_other(watch):
    """Each of the four pages alone, none, and all."""
    for page in (3, 5, 7, 9):
        assert watch.seen(page, 1) == [page]
    assert watch.seen(4, 1) == []
    assert watch.seen(0, 16) == [3, 5, 7, 9]


def test_many_accesses_to_a_word_are_one_report(watch):
    """The watch is off after the first: that is what makes it cheap."""
    assert watch.seen(3, 1, times=50) == [3]
    assert watch.ctx.counters["spots_seen"] == 1


def test_of_more_regions_than_registers_some_are_chosen(toucher):
    """Each of them after a while."""
    watch = Watch(toucher, range(12))
    found = [watch.seen(0, 12) for _ in range(30)]
    watch.close()
    assert {len(pages) for pages in found} == {NR_SPOTS}
    assert set().union(*found) == set(range(12))


def test_a_seed_chooses_the_same_words_again(toucher):
    """Whatever else draws numbers."""
    found = []
    for _ in range(2):
        watch = Watch(toucher, range(12), seed=7, spots=2)
        found.append([watch.seen(0, 12) for _ in range(5)])
        watch.close()
        random.random()
    assert found[0] == found[1]


def test_words_that_others_watch_are_counted_and_left_to_them(watch, toucher):
    """The processor has four debug registers, whoever asks."""
    other = Watch(toucher, [0, 1, 2, 4])
    other.primitive.damon_prepare_access_checks(other.ctx)
    assert watch.seen(0, 16) == []
    assert watch.ctx.counters["spots_taken"] == NR_SPOTS
    other.close()
    assert watch.seen(0, 16) == [3, 5, 7, 9]


def test_a_process_that_may_not_be_watched_is_an_error_with_a_next_step(watch, monkeypatch):
    """Here one of the kernel's, which nobody may."""
    watch.primitive._threads = {watch.target.pid: [2]}
    watch.target.sampling_addrs = np.array([2**63 + 8], np.uint64)
    with pytest.raises(PrimitiveError):
        watch.primitive.damon_prepare_access_checks(watch.ctx)
