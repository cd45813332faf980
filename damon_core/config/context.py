"""A configuration as the rest of the program takes it: specs, targets, primitives, record."""

from __future__ import annotations

import re
from collections.abc import Sequence

from attrs import frozen

from ..host import PrimitiveChoice
from ..model import AddrRange, Intervals, NrRegions, Ops, SampleFilter
from ..paddr import PHYSICAL_END
from ..spec import ContextSpec
from ..vaddr import user_space_end
from .key import Impossible
from .keys import ContextKeys, FilterKeys, IntervalsKeys
from .target_keys import RegionKeys, TargetKeys

DEFAULT_SAMPLE_US = 5_000
SAMPLES_PER_AGGR = 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@frozen
class TargetMatch:
    """Processes by name, command line and control group; ``children``: their descendants too."""

    comm: str | None = None
    cmdline: str | None = None
    cgroup: str | None = None
    children: bool = False


@frozen
class TargetConfig:
    """One of pid, command and match; ``regions`` only for fvaddr; ``min_region_sz`` in bytes.

    A ``match`` beside a pid or command has only ``children``; ``min_region_sz`` None is the
    context's.
    """

    pid: int | None = None
    command: tuple[str, ...] | None = None
    match: TargetMatch | None = None
    regions: tuple[AddrRange, ...] = ()
    min_region_sz: int | None = None


@frozen
class RecordConfig:
    """Where a context's recording goes."""

    path: str


@frozen
class ContextConfig:
    """Everything about one context; ``name`` is "" where it is the only one and has none."""

    spec: ContextSpec
    targets: tuple[TargetConfig, ...] = ()
    primitives: tuple[PrimitiveChoice, ...] = ()
    record: RecordConfig | None = None
    name: str = ""


@frozen
class Config:
    """One or more contexts, to be monitored at the same time."""

    contexts: tuple[ContextConfig, ...]


def resolve(contexts: Sequence[ContextKeys]) -> Config:
    """The contexts with defaults filled in.

    Impossible if keys that are right by themselves do not fit together; its path begins with the
    context's index.
    """
    resolved: list[ContextConfig] = []
    for index, keys in enumerate(contexts):
        try:
            context = _resolved(keys, str(index) if len(contexts) > 1 else "")
            _check_distinct(context, resolved)
        except Impossible as error:
            raise Impossible((index, *error.path), error.got, error.expected) from None
        resolved.append(context)
    return Config(tuple(resolved))


def _resolved(keys: ContextKeys, name: str) -> ContextConfig:
    if keys.name is not None and not _NAME.fullmatch(keys.name):
        raise Impossible(["name"], repr(keys.name), "letters, digits and _ . -, 64 at most")
    _check_targets(keys)
    ranges = keys.regions
    if keys.ops is Ops.PADDR:
        ranges += tuple(region for target in keys.targets for region in target.regions)
    spec = ContextSpec(
        ops=keys.ops,
        intervals=_intervals(keys.intervals) if isinstance(keys.intervals, IntervalsKeys) else None,
        cpu_quota=keys.cpu_quota,
        nr_regions=NrRegions(keys.nr_regions.min, keys.nr_regions.max),
        filters=tuple(_filter(one) for one in keys.sample.filters),
        match=keys.sample.match,
        ranges=tuple(sorted(_ranges(ranges))),
        nr_reports_min=keys.sample.nr_reports.min,
        nr_reports_max=keys.sample.nr_reports.max,
        min_region_sz=keys.region_sz.min,
        seed=keys.seed,
    )
    return ContextConfig(
        spec=spec,
        targets=() if keys.ops is Ops.PADDR else tuple(_target(one) for one in keys.targets),
        primitives=keys.sample.primitives,
        record=RecordConfig(keys.record.path) if keys.record else None,
        name=keys.name or name,
    )


def _check_distinct(context: ContextConfig, others: Sequence[ContextConfig]) -> None:
    for other in others:
        if context.name == other.name:
            raise Impossible(["name"], f"{context.name!r} again", "each name once")
        if context.record and context.record == other.record:
            got = f"{context.record.path!r} again"
            raise Impossible(["record", "path"], got, "a file of its own for each context")


def _check_targets(keys: ContextKeys) -> None:
    if not keys.targets and keys.ops is not Ops.PADDR:
        raise Impossible(["targets"], "nothing", f"at least one target for ops {keys.ops}")
    _check_ranges(keys, keys.regions, keys.region_sz.min, [])
    for index, target in enumerate(keys.targets):
        path: list[str | int] = ["targets", index]
        _check_kind(keys.ops, target, path)
        own = target.region_sz or keys.region_sz
        _check_ranges(keys, target.regions, own.min, path)
        if keys.ops is Ops.FVADDR and not target.regions:
            if not keys.regions:
                raise Impossible([*path, "regions"], "nothing", "ranges to watch for ops fvaddr")
            _check_ranges(keys, keys.regions, own.min, [])


def _check_kind(ops: Ops, target: TargetKeys, path: list[str | int]) -> None:
    given = [name for name in ("pid", "command", "match") if getattr(target, name) is not None]
    if ops is Ops.PADDR:
        if given:
            raise Impossible([*path, given[0]], "a process", "only regions for ops paddr")
        if target.region_sz:
            got = "a size of its own"
            raise Impossible([*path, "region_sz"], got, "the context's region_sz for ops paddr")
    elif not given:
        raise Impossible(path, "no process", "pid, command or match")


def _check_ranges(
    keys: ContextKeys, regions: Sequence[RegionKeys], min_region_sz: int, path: list[str | int]
) -> None:
    if regions and keys.ops is Ops.VADDR:
        expected = "no regions for ops vaddr, which follows the mappings; or ops fvaddr"
        raise Impossible([*path, "regions"], "ranges", expected)
    physical = keys.ops is Ops.PADDR
    limit = PHYSICAL_END if physical else user_space_end()
    for index, region in enumerate(regions):
        here = [*path, "regions", index]
        if region.end > limit:
            space = "physical addresses" if physical else "the user address space"
            raise Impossible([*here, "end"], f"{region.end:#x}", f"{space}, up to {limit:#x}")
        for name, address in (("start", region.start), ("end", region.end)):
            if address % min_region_sz:
                expected = f"an address aligned to region_sz min, {min_region_sz} bytes"
                raise Impossible([*here, name], f"{address:#x}", expected)


def _intervals(keys: IntervalsKeys) -> Intervals:
    """The intervals; of sample and aggregation, one that is left out follows the other."""
    if keys.sample_us is None and keys.aggr_us is not None:
        sample_us = max(1, keys.aggr_us // SAMPLES_PER_AGGR)
    else:
        sample_us = keys.sample_us or DEFAULT_SAMPLE_US
    return Intervals(sample_us, keys.aggr_us or sample_us * SAMPLES_PER_AGGR, keys.ops_update_us)


def _filter(keys: FilterKeys) -> SampleFilter:
    return SampleFilter(
        type=keys.type.value,
        matching=keys.matching,
        allow=keys.allow,
        cpus=frozenset(keys.cpumask or ()),
        tids=frozenset(keys.tids),
    )


def _target(keys: TargetKeys) -> TargetConfig:
    match = keys.match
    return TargetConfig(
        pid=keys.pid,
        command=keys.command,
        match=TargetMatch(match.comm, match.cmdline, match.cgroup, match.children)
        if match
        else None,
        regions=_ranges(keys.regions),
        min_region_sz=keys.region_sz.min if keys.region_sz else None,
    )


def _ranges(regions: Sequence[RegionKeys]) -> tuple[AddrRange, ...]:
    return tuple(AddrRange(region.start, region.end) for region in regions)
