"""The options of ``damon import``, and what they and the samples amount to."""

from __future__ import annotations

from attrs import evolve, frozen

from ..config import Config, ConfigFile, ContextConfig
from ..errors import ConfigError
from ..host import PrimitiveChoice
from ..model import Ops
from ..ops import AddressSpace
from ..paddr import Paddr
from ..perf_data.file import PerfFile
from ..perf_data.survey import Survey
from ..perf_data.text import open_text
from ..replay_plan import (
    check_intervals,
    check_span,
    choose_intervals,
    choose_pids,
    choose_targets,
    physical_target,
    targets_note,
)
from ..replay_source import NAME
from ..replay_targets import ReplayTarget
from ..report.text import about_time
from ..vaddr import FixedVaddr
from .monitoring_options import MonitoringOptions

PHYSICAL = 0
"""The target paddr."""


@frozen
class ImportPlan:
    """What is to be replayed; ``space`` None: the ranges of the targets."""

    context: ContextConfig
    targets: tuple[ReplayTarget, ...]
    space: AddressSpace | None
    automatic: bool
    notes: tuple[str, ...]


@frozen(kw_only=True)
class ImportOptions:
    """What was said on the command line; None and () for what was not."""

    path: str
    targets: tuple[int, ...]
    config: str | None
    regions: tuple[tuple[int, int], ...]
    mappings: bool
    output: str | None
    sample: int | None
    aggr: int | None
    min_regions: int | None
    max_regions: int | None
    seed: int | None

    @property
    def ops(self) -> Ops:
        """What is monitored; ConfigError for targets that exclude each other."""
        if PHYSICAL in self.targets:
            if len(self.targets) > 1:
                raise ConfigError("--target: got paddr and others, expected paddr alone, or pids")
            return Ops.PADDR
        asked = self._asked_ops()
        if asked is Ops.PADDR and not self.targets:
            return Ops.PADDR
        return Ops.FVADDR if self.regions or asked is Ops.FVADDR else Ops.VADDR

    def open(self) -> PerfFile:
        """The samples; RecordError if there are none to be had."""
        physical = self.ops is Ops.PADDR
        if self.path == "-":
            return open_text(physical=physical)
        return PerfFile.open(self.path, physical=physical)

    def plan(self, survey: Survey) -> ImportPlan:
        """Whom to monitor, and how; RecordError and ConfigError say what cannot be."""
        check_span(self.path, survey)
        physical = self.ops is Ops.PADDR
        pids = () if physical else choose_pids(self.path, survey, self.targets)
        context = self._context(pids)
        spec = context.spec
        automatic = spec.intervals is None
        intervals = spec.intervals or choose_intervals(survey, pids)
        check_intervals(survey, intervals)
        context = evolve(context, spec=evolve(spec, intervals=intervals))
        targets = (
            [physical_target(survey, spec.min_region_sz)]
            if physical
            else choose_targets(survey, pids, spec.min_region_sz, mappings=self.mappings)
        )
        space: AddressSpace | None = None
        if spec.ranges:
            space = Paddr(spec.ranges) if physical else FixedVaddr(spec.ranges)
            targets = [evolve(target, ranges=()) for target in targets]
        notes = [] if physical else [targets_note(survey, pids, self.targets)]
        if automatic:
            notes.append(
                f"sampling every {about_time(intervals.sample_us)}, aggregating "
                f"{about_time(intervals.aggr_us)}: chosen to fit the samples"
            )
        return ImportPlan(context, tuple(targets), space, automatic, tuple(notes))

    def _asked_ops(self) -> Ops | None:
        if self.config is None:
            return None
        if self.config == "-":
            raise ConfigError("--config: got -, expected a file: standard input is for samples")
        contexts = ConfigFile.read(self.config).contexts
        if len(contexts) > 1:
            raise ConfigError(f"{self.config}: has {len(contexts)} contexts: an import is of one")
        return contexts[0].ops

    def _context(self, pids: tuple[int, ...]) -> ContextConfig:
        config: Config = MonitoringOptions(
            file=None,
            config_option=self.config,
            primitives=(PrimitiveChoice(NAME),),
            ops=self.ops.value,
            pids=pids,
            children=False,
            regions=self.regions,
            sample=self.sample,
            aggr=self.aggr,
            update=None,
            min_regions=self.min_regions,
            max_regions=self.max_regions,
            cpu_quota=None,
            seed=self.seed,
            command=(),
        ).config()
        return config.contexts[0]
