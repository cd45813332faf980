"""The options of a command that monitors, laid over a configuration file."""

from __future__ import annotations

from typing import Any, TypeVar

import attrs
import click
from attrs import frozen

from ..config import Config, ConfigFile
from ..config.key import Address, Command, Impossible, Pid
from ..config.keys import ContextKeys, IntervalsKeys
from ..config.target_keys import RegionKeys, TargetKeys, TargetMatchKeys
from ..errors import ConfigError
from ..host import PrimitiveChoice
from ..model import Ops

T = TypeVar("T")

_OPTION_OF = {
    "sample_us": "--sample",
    "aggr_us": "--aggr",
    "ops_update_us": "--update",
    "min": "--min-regions",
    "max": "--max-regions",
    "cpu_quota": "--cpu-quota",
    "primitives": "--primitive",
    "regions": "--region",
    "start": "--region",
    "end": "--region",
}


@frozen(kw_only=True)
class MonitoringOptions:
    """What was said on the command line; None and () for what was not."""

    file: str | None
    config_option: str | None
    primitives: tuple[PrimitiveChoice, ...]
    ops: str | None
    pids: tuple[int, ...]
    children: bool
    regions: tuple[tuple[int, int], ...]
    sample: int | None
    aggr: int | None
    update: int | None
    min_regions: int | None
    max_regions: int | None
    cpu_quota: float | None
    seed: int | None
    command: tuple[str, ...]

    def config(self) -> Config:
        """The file's configuration with the options in it; ConfigError if that cannot be."""
        if self.file is not None and self.config_option is not None:
            raise click.UsageError("FILE and --config say the same: give one of them")
        path = self.file if self.file is not None else self.config_option
        file = ConfigFile.read(path) if path is not None else ConfigFile.empty()
        if self._targets() and len(file.contexts) > 1:
            raise click.UsageError(f"{path} has several contexts: name the targets in it")
        if path is None and not self._targets() and self.ops != "paddr":
            raise click.UsageError("no target: give --pid PID, -- CMD..., or a configuration FILE")
        contexts = tuple(self._override(keys) for keys in file.contexts)
        return attrs.evolve(file, contexts=contexts).resolve()

    def _override(self, keys: ContextKeys) -> ContextKeys:
        try:
            changes = {
                "ops": Ops(self.ops) if self.ops else None,
                "targets": self._targets() or None,
                "regions": self._regions() or None,
                "intervals": self._intervals(keys),
                "cpu_quota": self.cpu_quota,
                "nr_regions": _evolved(keys.nr_regions, min=self.min_regions, max=self.max_regions),
                "sample": _evolved(keys.sample, primitives=self.primitives or None),
                "seed": self.seed,
            }
            return _evolved(keys, **changes)
        except Impossible as error:
            option = _OPTION_OF.get(str(error.path[0]), str(error.path[0]))
            raise ConfigError(f"{option}: got {error.got}, expected {error.expected}") from None

    def _targets(self) -> tuple[TargetKeys, ...]:
        match = TargetMatchKeys(children=True) if self.children else None
        targets = [TargetKeys(pid=Pid(pid), match=match) for pid in self.pids]
        if self.command:
            targets.append(TargetKeys(command=Command(self.command), match=match))
        return tuple(targets)

    def _regions(self) -> tuple[RegionKeys, ...]:
        return tuple(RegionKeys(Address(start), Address(end)) for start, end in self.regions)

    def _intervals(self, keys: ContextKeys) -> IntervalsKeys | None:
        before = keys.intervals if isinstance(keys.intervals, IntervalsKeys) else IntervalsKeys()
        after = _evolved(
            before, sample_us=self.sample, aggr_us=self.aggr, ops_update_us=self.update
        )
        return after if (self.sample, self.aggr, self.update) != (None, None, None) else None


def _evolved(keys: T, **changes: Any) -> T:
    given = {name: one for name, one in changes.items() if one is not None}
    return attrs.evolve(keys, **given)  # type: ignore[misc]  # keys is an attrs class
