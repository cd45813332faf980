"""The primitive ``watchpoint``: hardware breakpoints as spot checks of memory.

In each sampling interval a few words of memory are watched by the processor's debug registers, in
regions chosen at random.  The first access to a watched word in the interval is seen, exactly as
it happens and whatever else the machine cannot do; then the watch is off, so that a hot word costs
its target one trap an interval.
"""

import errno
import fcntl
import os
import random

import attrs
import numpy as np

from damon_core import REPORT_DTYPE, Availability, Provides, ReportFlag, hookimpl
from damon_core.errors import PrimitiveError
from damon_core.model import Ops
from damon_core.perf_attr import AttrFlag, PerfAttr, PerfType, ReadFormat
from damon_core.perf_event import PerfError, PerfEvent

NR_SPOTS = 4  # debug registers of x86; other machines have at least as many
WORD = 8
WRITES, ACCESSES = 2, 3  # HW_BREAKPOINT_W, HW_BREAKPOINT_RW
REFRESH = 0x2402  # PERF_EVENT_IOC_REFRESH: enable for so many overflows, then disable


@attrs.frozen
class Options:
    """``spots``: words watched at a time.  ``writes``: see those only, and know that they are.

    ``word``: which of a page, "random" or "first".  ``max_threads``: of a target that has more,
    so many are watched.  ``seed`` chooses regions and words.
    """

    spots: int = attrs.field(
        default=NR_SPOTS, validator=[attrs.validators.ge(1), attrs.validators.le(NR_SPOTS)]
    )
    writes: bool = False
    word: str = attrs.field(default="random", validator=attrs.validators.in_(("random", "first")))
    max_threads: int = attrs.field(default=64, validator=attrs.validators.ge(1))
    seed: int = 1


@attrs.frozen
class Spot:
    """A watched word of a process: an event for each of its threads."""

    pid: int
    address: int
    events: list


class Watchpoint:
    """Watches a few words in each sampling interval, and reports those that were accessed."""

    ops = frozenset({Ops.VADDR, Ops.FVADDR})
    provides = Provides(
        granularity="event", disturbs="a trap at the first access to each watched word"
    )
    Options = Options

    def __init__(self, options):
        self._options = options
        self._random = random.Random(options.seed)
        self._threads = {}  # by pid
        self._spots = []
        if options.writes:
            self.provides = attrs.evolve(type(self).provides, write=True)

    @classmethod
    def probe(cls, ops):
        """Whether a word of this process can be watched."""
        word = np.zeros(1, np.uint64)
        try:
            _watch(os.getpid(), word.ctypes.data, ACCESSES).close()
        except PrimitiveError as error:
            return Availability(
                False, missing=str(error), remedy="needs a processor with free debug registers"
            )
        return Availability(True, mechanism="hw_breakpoint")

    @hookimpl
    def damon_update_targets(self, ctx):
        self._threads = {target.pid: self._threads_of(ctx, target.pid) for target in ctx.targets}

    @hookimpl
    def damon_prepare_access_checks(self, ctx):
        choices = [
            (target.pid, int(address))
            for target in ctx.targets
            for address in self._some(target.sampling_addrs)
        ]
        for pid, address in self._some(choices):
            self._spots.append(Spot(pid, self._word_of(address, ctx.page_size), []))
            self._arm(ctx, self._spots[-1])

    @hookimpl
    def damon_check_accesses(self, ctx, reports):
        seen = [spot for spot in self._spots if any(event.read().value for event in spot.events)]
        rows = np.zeros(len(seen), REPORT_DTYPE)
        rows["vaddr"] = [spot.address for spot in seen]
        rows["pid"] = [spot.pid for spot in seen]
        rows["size"] = WORD
        rows["weight"] = 1
        rows["flags"] = ReportFlag.HAS_VADDR | (ReportFlag.WRITE if self._options.writes else 0)
        reports.extend(rows)
        ctx.count("spots_seen", len(seen))
        self._disarm()

    @hookimpl
    def damon_cleanup(self, ctx):
        self._disarm()

    def _arm(self, ctx, spot):
        kind = WRITES if self._options.writes else ACCESSES
        for thread in self._threads.get(spot.pid, ()):
            try:
                spot.events.append(_watch(thread, spot.address, kind))
            except PerfError as error:
                if error.errno == errno.ENOSPC:  # a debugger, or another monitor, has them
                    ctx.count("spots_taken")
                elif error.errno != errno.ESRCH:  # the thread has just ended
                    raise
        ctx.count("spots_watched")

    def _disarm(self):
        for spot in self._spots:
            for event in spot.events:
                event.close()
        self._spots.clear()

    def _some(self, choices):
        return self._random.sample(list(choices), min(self._options.spots, len(choices)))

    def _word_of(self, address, page_size):
        page = address - address % page_size
        is_first = self._options.word == "first"
        return page + (0 if is_first else self._random.randrange(0, page_size, WORD))

    def _threads_of(self, ctx, pid):
        try:
            threads = [int(name) for name in os.listdir(f"/proc/{pid}/task")]  # the oldest first
        except FileNotFoundError:  # it has ended
            return []
        ctx.count("threads_left_out", max(0, len(threads) - self._options.max_threads))
        return threads[: self._options.max_threads]


def _watch(thread, address, kind):
    """An event that counts one access of a thread to the word at ``address``, and is then off."""
    event = PerfEvent(
        PerfAttr(
            type=PerfType.BREAKPOINT,
            bp_type=kind,
            config1=address,
            config2=WORD,
            sample_period=1,
            read_format=ReadFormat(0),
            flags=AttrFlag.EXCLUDE_KERNEL,
        ),
        pid=thread,
    )
    try:
        fcntl.ioctl(event.fd, REFRESH, 1)
    except BaseException:
        event.close()
        raise
    return event
