"""What this machine can sample: its PMUs, its processor, the limits of its kernel."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from attrs import define

from damon_core.errors import PrimitiveError
from damon_core.spelling import did_you_mean
from damon_core.tracepoint import Tracepoint, read_tracepoint

from .pmu import Pmu

SYSFS = Path("/sys")
PROCFS = Path("/proc")

NO_SAMPLING = "no hardware memory sampling here (virtual machine without vPMU?)"
"""What is missing where no PMU samples addresses."""

# Before Haswell only load latency and precise stores have addresses.
_OLD_INTEL = frozenset(
    (0x1A, 0x1E, 0x1F, 0x2E, 0x25, 0x2C, 0x2F, 0x2A, 0x2D, 0x3A, 0x3E)  # Nehalem to Ivy Bridge
)
_GLOB = frozenset("*?[")


@define(slots=False, eq=False)
class Machine:
    """Read below ``sysfs`` and ``procfs`` when asked, each thing once.

    ``tracepoint(system, name)`` looks up one of the kernel's tracepoints.
    """

    sysfs: Path = SYSFS
    procfs: Path = PROCFS
    tracepoint: Callable[[str, str], Tracepoint] = read_tracepoint

    @cached_property
    def pmus(self) -> dict[str, Pmu]:
        """All PMUs by name, in the order of their names."""
        devices = self.sysfs / "bus/event_source/devices"
        try:
            paths = sorted(devices.iterdir())
        except OSError as error:
            raise PrimitiveError(
                f"{devices} cannot be read ({error.strerror}): perf events need a kernel with "
                "CONFIG_PERF_EVENTS=y, and sysfs"
            ) from error
        return {path.name: Pmu(path.name, path) for path in paths}

    @cached_property
    def core_pmus(self) -> tuple[Pmu, ...]:
        """The PMUs of the processor's cores: one, on hybrid machines one for each kind, or none."""
        return tuple(pmu for pmu in self.pmus.values() if pmu.is_core)

    @property
    def memory_pmus(self) -> tuple[Pmu, ...]:
        """Those that sample the addresses of data."""
        return tuple(pmu for pmu in self.pmus.values() if pmu.samples_memory)

    @property
    def is_hybrid(self) -> bool:
        return len(self.core_pmus) > 1

    def find(self, name: str) -> tuple[Pmu, ...]:
        """The PMUs that a user means by ``name``; PrimitiveError names what there is.

        ``cpu`` is all cores of a hybrid machine, ``arm_spe`` is arm_spe_0 and so on, and a
        pattern such as ``uncore_imc*`` all that match.
        """
        if name in self.pmus:
            return (self.pmus[name],)
        if name == "cpu":
            found = [pmu for pmu in self.core_pmus if pmu.name.startswith("cpu_")]
        elif _GLOB & set(name):
            found = [pmu for pmu in self.pmus.values() if fnmatchcase(pmu.name, name)]
        else:
            numbered = re.compile(rf"{re.escape(name)}_\d+")
            found = [pmu for pmu in self.pmus.values() if numbered.fullmatch(pmu.name)]
        if not found:
            raise PrimitiveError(self._no_pmu(name))
        return tuple(found)

    def pmu_of_type(self, number: int) -> Pmu | None:
        """The PMU whose events are of this type."""
        return next((pmu for pmu in self.pmus.values() if pmu.type == number), None)

    @cached_property
    def vendor(self) -> str:
        """``intel``, ``amd``, or "" for any other processor."""
        known = {"GenuineIntel": "intel", "AuthenticAMD": "amd", "HygonGenuine": "amd"}
        return known.get(self._cpuinfo("vendor_id"), "")

    @cached_property
    def is_old_intel(self) -> bool:
        """Whether it is Intel's and older than Haswell."""
        family, model = self._cpuinfo("cpu family"), self._cpuinfo("model")
        return (
            self.vendor == "intel"
            and family == "6"
            and model.isdigit()
            and int(model) in _OLD_INTEL
        )

    @cached_property
    def max_sample_rate(self) -> int | None:
        """``kernel.perf_event_max_sample_rate``: the highest frequency in Hz that opens."""
        text = self._proc("sys/kernel/perf_event_max_sample_rate").strip()
        return int(text) if text.isdigit() else None

    def _no_pmu(self, name: str) -> str:
        message = f"this machine has no PMU {name}{did_you_mean(name, self.pmus)}"
        if not self.memory_pmus:
            message += f"; {NO_SAMPLING}"
        return f"{message}; it has {', '.join(self.pmus) or 'none'}"

    def _cpuinfo(self, key: str) -> str:
        found = re.search(rf"^{key}\s*: *(.*)$", self._proc("cpuinfo"), re.MULTILINE)
        return found[1].strip() if found else ""

    def _proc(self, file: str) -> str:
        try:
            return (self.procfs / file).read_text(errors="replace")
        except OSError:
            return ""
