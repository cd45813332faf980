"""A contender: primitives with settings, by the name under which results show it."""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence

from attrs import evolve, frozen

from ..config import ContextConfig, TargetConfig, load_config
from ..errors import ConfigError
from ..host import PrimitiveChoice, installed
from ..model import AddrRange, NrRegions, Ops
from ..spec import ContextSpec
from ..units import about_size
from .scenario import Scenario

_FOLLOWING = (Ops.VADDR,)
_MIN_NR_REGIONS = 3

MAX_PAGED = 2 << 30
"""Bytes that are monitored page by page: a region for each, in each window of the recording."""


@frozen
class Contender:
    """``spec`` and ``primitives`` as in a configuration; targets come from the scenario.

    ``by_page``: what it monitors are the workload's areas, and each of their pages is a region.
    """

    name: str
    spec: ContextSpec
    primitives: tuple[PrimitiveChoice, ...]
    by_page: bool = False

    def paged(self) -> Contender:
        """The same, page by page."""
        spec = evolve(self.spec, ops=Ops.FVADDR, min_region_sz=mmap.PAGESIZE)
        return Contender(f"{self.name} by page", spec, self.primitives, True)

    def context(self, target: TargetConfig, areas: Sequence[AddrRange] = ()) -> ContextConfig:
        """The configuration that monitors a process, or a command that it starts."""
        if not self.by_page:
            return ContextConfig(self.spec, (target,), self.primitives)
        # As many regions as pages, at the least and at most: none is split, and none can merge.
        nr_pages = max(_MIN_NR_REGIONS, sum(area.size for area in areas) // mmap.PAGESIZE)
        spec = evolve(self.spec, nr_regions=NrRegions(nr_pages, nr_pages))
        return ContextConfig(spec, (evolve(target, regions=tuple(areas)),), self.primitives)

    def unfit(self, scenario: Scenario) -> str:
        """Why it cannot take part in a scenario, "" if it can."""
        if not self.by_page:
            return ""
        workload = scenario.workload
        if workload is None:
            what = "server" if scenario.server else "command"
            return f"page by page only where the truth is known, and of a {what} it is not"
        if workload.processes:
            return "page by page only a single process, and this workload has several"
        if any(phase.resizes for phases in workload.threads for phase in phases):
            return "page by page only where areas stay, and this workload resizes some"
        size = sum(region.size for region in workload.regions)
        if size > MAX_PAGED:
            return (
                f"its {about_size(size)} are more than the {about_size(MAX_PAGED)} that are "
                "monitored page by page: make the workload's regions smaller"
            )
        return ""

    def missing(self) -> str:
        """Why it cannot be used here, "" if it can as far as can be known before the start."""
        found = {one.name: one for one in installed()}
        for choice in self.primitives:
            if choice.name not in found:
                return f"{choice.name} is not installed (there are {', '.join(sorted(found))})"
            if found[choice.name].error:
                return f"{choice.name} is broken: {found[choice.name].error}"
            answer = found[choice.name].probe(self.spec.ops)
            mechanism = choice.options.get("mechanism")
            if mechanism is not None:
                if lacks := answer.mechanisms.get(str(mechanism), ""):
                    return f"{choice.name}: {lacks}"
            elif not answer.usable:
                remedy = f" ({answer.remedy})" if answer.remedy else ""
                return f"{choice.name}: {answer.missing}{remedy}"
        return ""


def contender_of(choice: PrimitiveChoice, spec: ContextSpec) -> Contender:
    """One primitive with default settings; named by what was written."""
    options = ",".join(f"{key}={value}" for key, value in choice.options.items())
    return Contender(f"{choice.name}:{options}" if options else choice.name, spec, (choice,))


def contenders_in(path: str) -> list[Contender]:
    """The contexts of a configuration file, their targets left out; ConfigError."""
    stem = os.path.splitext(os.path.basename(path))[0]
    contexts = load_config(path).contexts
    for context in contexts:
        if context.spec.ops not in _FOLLOWING:
            raise ConfigError(
                f"{path}: ops {context.spec.ops} cannot be compared: expected vaddr, as "
                "a scenario is a process whose addresses are not known before"
            )
    names = [f"{stem}.{one.name}" if len(contexts) > 1 else stem for one in contexts]
    pairs = zip(names, contexts, strict=True)
    return [Contender(name, one.spec, one.primitives) for name, one in pairs]


def distinct(contenders: Sequence[Contender]) -> tuple[Contender, ...]:
    """The same with different names: a name that comes again gets a number."""
    seen: dict[str, int] = {}
    result = []
    for one in contenders:
        seen[one.name] = nr = seen.get(one.name, 0) + 1
        result.append(one if nr == 1 else evolve(one, name=f"{one.name} #{nr}"))
    return tuple(result)
