"""A configuration as YAML again, with all defaults; reading it gives the same configuration."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from ..host import PrimitiveChoice
from ..model import AddrRange, Intervals, SampleFilter
from ..units import format_share, format_size, format_time_us
from .context import Config, ContextConfig, TargetConfig
from .document import Scalar


class _Hex(int):
    """A number that is written as an address."""


class _Dumper(yaml.SafeDumper):
    """Quotes every text that would read as something else."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "'" if Scalar(text, 0).as_value() is not text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_hex(dumper: yaml.SafeDumper, number: _Hex) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:int", f"{int(number):#x}")


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(_Hex, _represent_hex)


def config_text(config: Config) -> str:
    """The YAML of a configuration."""
    contexts = [_context(context) for context in config.contexts]
    document = contexts[0] if len(contexts) == 1 else {"contexts": contexts}
    text: str = yaml.dump(
        document,
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=None,
        allow_unicode=True,
        width=100,
    )
    return text


def format_cpus(cpus: Iterable[int]) -> str:
    """Processors as a list of ranges: "0-3,8"."""
    ranges: list[list[int]] = []
    for cpu in sorted(cpus):
        if ranges and cpu == ranges[-1][1] + 1:
            ranges[-1][1] = cpu
        else:
            ranges.append([cpu, cpu])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)


def _context(context: ContextConfig) -> dict[str, Any]:
    spec = context.spec
    written: dict[str, Any] = {"name": context.name} if context.name else {}
    written["ops"] = spec.ops.value
    if context.targets:
        written["targets"] = [_target(target) for target in context.targets]
    if spec.ranges:
        written["regions"] = _regions(spec.ranges)
    written |= {
        "region_sz": {"min": format_size(spec.min_region_sz)},
        "intervals": _intervals(spec.intervals) if spec.intervals else "auto",
        "cpu_quota": format_share(spec.cpu_quota),
        "nr_regions": {"min": spec.nr_regions.min, "max": spec.nr_regions.max},
        "sample": {
            "primitives": [_primitive(choice) for choice in context.primitives],
            "filters": [_filter(one) for one in spec.filters],
            "match": spec.match.value,
            "nr_reports": {"min": spec.nr_reports_min, "max": spec.nr_reports_max},
        },
    }
    if context.record:
        written["record"] = {"path": context.record.path}
    if spec.seed is not None:
        written["seed"] = spec.seed
    return written


def _target(target: TargetConfig) -> dict[str, Any]:
    written: dict[str, Any] = {}
    if target.pid is not None:
        written["pid"] = target.pid
    if target.command is not None:
        written["command"] = list(target.command)
    if target.match is not None:
        match = target.match
        words = {"comm": match.comm, "cmdline": match.cmdline, "cgroup": match.cgroup}
        given = {name: word for name, word in words.items() if word is not None}
        written["match"] = {**given, "children": match.children}
    if target.regions:
        written["regions"] = _regions(target.regions)
    if target.min_region_sz is not None:
        written["region_sz"] = {"min": format_size(target.min_region_sz)}
    return written


def _regions(ranges: Iterable[AddrRange]) -> list[dict[str, int]]:
    return [{"start": _Hex(one.start), "end": _Hex(one.end)} for one in ranges]


def _intervals(intervals: Intervals) -> dict[str, str]:
    return {
        name: format_time_us(getattr(intervals, name))
        for name in ("sample_us", "aggr_us", "ops_update_us")
    }


def _primitive(choice: PrimitiveChoice) -> object:
    return {choice.name: dict(choice.options)} if choice.options else choice.name


def _filter(one: SampleFilter) -> dict[str, Any]:
    written = {"type": one.type, "matching": one.matching, "allow": one.allow}
    if one.type == "cpumask":
        written["cpumask"] = format_cpus(one.cpus)
    if one.type == "threads":
        written["tids"] = sorted(one.tids)
    return written
