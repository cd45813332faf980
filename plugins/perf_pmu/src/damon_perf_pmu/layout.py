"""How an event is opened, and how its samples are read: of virtual or of physical addresses."""

from __future__ import annotations

from attrs import evolve, frozen

from damon_core.access import ReportFlag
from damon_core.perf_attr import AttrFlag, PerfAttr, PerfType, ReadFormat, SampleType
from damon_core.perf_decoding import Direction, PerfDecoding
from damon_core.vaddr import user_space_end

from .pmu_event import PmuEvent

MOST_PRECISE = 3
LEAST_PRECISE = 1  # below that a PMU knows no address

EXCLUDES = AttrFlag.EXCLUDE_USER | AttrFlag.EXCLUDE_KERNEL | AttrFlag.EXCLUDE_HV

_READ = ReadFormat.TOTAL_TIME_ENABLED | ReadFormat.TOTAL_TIME_RUNNING | ReadFormat.LOST
_WHO = SampleType.TID | SampleType.TIME | SampleType.CPU
_IBS_OP_DATA3 = 36  # in the raw data: 4 bytes of capabilities, then op_ctl, rip, op_data, op_data2


@frozen(kw_only=True)
class Layout:
    """``attr`` opens ``event``, ``decoding`` reads its samples, ``leader`` leads its group.

    ``may_be_less_precise``: down to what still knows addresses, if the machine has not more.
    """

    event: PmuEvent
    attr: PerfAttr
    decoding: PerfDecoding
    leader: PerfAttr | None = None
    may_be_less_precise: bool = False

    @property
    def tells_direction(self) -> bool:
        """Whether reads and writes can be told apart."""
        return bool(self.event.direction) or self.decoding.direction is not Direction.FIXED

    def of_user_mode(self) -> Layout:
        """The same without what the kernel does: all that the unprivileged may see."""
        return self.with_flags(self.attr.flags | AttrFlag.EXCLUDE_KERNEL | AttrFlag.EXCLUDE_HV)

    def with_flags(self, flags: AttrFlag) -> Layout:
        """With other flags, of which the leader gets those that exclude."""
        leader = self.leader and evolve(
            self.leader, flags=self.leader.flags & ~EXCLUDES | flags & EXCLUDES
        )
        return evolve(self, attr=evolve(self.attr, flags=flags), leader=leader)

    def sampled_every(self, period: int) -> Layout:
        """With a period, in the place of another or of a frequency."""
        attr = evolve(self.attr, flags=self.attr.flags & ~AttrFlag.FREQ)
        return evolve(self, attr=attr).sampled_at(period)

    def sampled_at(self, period: int) -> Layout:
        """With another period, or another frequency if it has one."""
        attr = evolve(self.attr, sample_period=period)
        return evolve(self, attr=attr, decoding=evolve(self.decoding, weight=_weight(attr)))


def layout_of(event: PmuEvent, *, physical: bool, keep_prefetches: bool = False) -> Layout:
    """``physical``: samples hold the physical address, and are of no use without it."""
    attr = PerfAttr(
        type=event.type,
        config=event.config,
        config1=event.config1,
        config2=event.config2,
        config3=event.config3,
        bp_type=event.bp_type,
        sample_period=event.freq or event.period,
        sample_type=_sample_type(event, physical),
        read_format=_READ,
        flags=_flags(event) | (AttrFlag.FREQ if event.freq else AttrFlag(0)),
        precise_ip=_precision(event),
    )
    return Layout(
        event=event,
        attr=attr,
        decoding=_decoding(event, attr, physical, keep_prefetches),
        leader=None if event.leader is None else _leader(event.leader, attr),
        may_be_less_precise=event.precise in ("max", None) and attr.precise_ip > 0,
    )


def _sample_type(event: PmuEvent, physical: bool) -> SampleType:
    asked = _WHO | (SampleType.PHYS_ADDR if physical or event.physical else SampleType(0))
    if event.raw is not None:
        return asked | SampleType.RAW
    asked |= SampleType.ADDR
    # With PERIOD the kernel samples each of its own events, whatever the period is.
    if not event.is_kernel_made or event.freq:
        asked |= SampleType.PERIOD
    if not event.is_kernel_made:
        asked |= SampleType.DATA_SRC
    return asked | (SampleType.RAW if event.by_ibs else SampleType(0))


def _flags(event: PmuEvent) -> AttrFlag:
    # A PMU cannot buffer samples whose time is of another clock than its own.
    return event.flags | (AttrFlag.USE_CLOCKID if event.is_kernel_made else AttrFlag(0))


def _precision(event: PmuEvent) -> int:
    if isinstance(event.precise, int):
        return event.precise
    return 0 if event.is_kernel_made or event.by_ibs else MOST_PRECISE


def _leader(event: PmuEvent, member: PerfAttr) -> PerfAttr:
    """Only counts: its samples, if it has any, are those of an event of its own."""
    return PerfAttr(
        type=event.type,
        config=event.config,
        config1=event.config1,
        config2=event.config2,
        config3=event.config3,
        flags=event.flags | member.flags & AttrFlag.USE_CLOCKID,  # a group has one clock
    )


def _decoding(
    event: PmuEvent, attr: PerfAttr, physical: bool, keep_prefetches: bool
) -> PerfDecoding:
    decoding = PerfDecoding(
        sample_type=attr.sample_type,
        read_format=attr.read_format,
        needs=ReportFlag.HAS_PADDR if physical else ReportFlag.HAS_VADDR,
        flags=event.direction,
        # What the kernel accesses is memory too, but of no process.
        user_end=0 if physical else user_space_end(),
        align=event.config2 if event.type == PerfType.BREAKPOINT else 0,
        weight=_weight(attr),
        exact_time=AttrFlag.USE_CLOCKID in attr.flags,
        keep_prefetches=keep_prefetches,
    )
    if event.raw is not None:
        return evolve(
            decoding,
            direction=Direction.RAW,
            raw_addr=event.raw.offset,
            raw_write=event.raw.write_offset,
            write_mask=event.raw.write_mask,
        )
    if event.by_ibs:
        return evolve(decoding, direction=Direction.IBS, raw_write=_IBS_OP_DATA3)
    if not event.is_kernel_made:
        return evolve(decoding, direction=Direction.DATA_SRC)
    return decoding


def _weight(attr: PerfAttr) -> int:
    """Of samples that do not tell it."""
    return 1 if AttrFlag.FREQ in attr.flags else min(attr.sample_period, 2**32 - 1)
