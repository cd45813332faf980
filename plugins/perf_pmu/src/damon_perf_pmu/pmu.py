"""One PMU, as the kernel describes it below ``/sys/bus/event_source/devices``."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from attrs import define

from damon_core.cpus import parse_cpu_list
from damon_core.errors import PrimitiveError

from .pmu_format import PmuField, parse_format

# Beside the file of an event, and no events themselves.
_NO_EVENTS = (".scale", ".unit", ".snapshot", ".per-pkg")


@define(slots=False, eq=False)
class Pmu:
    """Read when asked; PrimitiveError names the file that cannot be read or understood."""

    name: str
    path: Path

    @cached_property
    def type(self) -> int:
        """``type`` of its events."""
        text = self._read("type")
        if not text.isdigit():
            raise PrimitiveError(f"{self.path / 'type'} holds {text!r}: expected a number")
        return int(text)

    @cached_property
    def cpus(self) -> frozenset[int] | None:
        """The processors it counts on; None: all of them."""
        for file in ("cpus", "cpumask"):
            if (self.path / file).is_file():
                text = self._read(file)
                try:
                    return parse_cpu_list(text)
                except ValueError as error:
                    raise PrimitiveError(f"{self.path / file} holds no list: {text!r}") from error
        return None

    @cached_property
    def formats(self) -> dict[str, PmuField]:
        """The fields of its events by name."""
        return {name: parse_format(self._read(f"format/{name}")) for name in self._names("format")}

    @cached_property
    def events(self) -> frozenset[str]:
        """The names of the events that the kernel knows of."""
        return frozenset(name for name in self._names("events") if not name.endswith(_NO_EVENTS))

    def event(self, name: str) -> str:
        """The terms of one of :attr:`events`, such as "event=0xcd,umask=0x1,ldlat=3"."""
        return self._read(f"events/{name}")

    def cap(self, name: str) -> int | None:
        """A number below ``caps/``; None if the kernel does not tell."""
        try:
            text = (self.path / "caps" / name).read_text().strip()
        except OSError:
            return None
        return int(text) if text.isdigit() else None

    @property
    def is_core(self) -> bool:
        """Whether it counts what a processor core does, of one kind on hybrid machines."""
        return self.name == "cpu" or (self.path / "cpus").is_file()

    @property
    def is_ibs_op(self) -> bool:
        return self.name == "ibs_op"

    @property
    def is_spe(self) -> bool:
        return self.name.startswith("arm_spe")

    @property
    def samples_memory(self) -> bool:
        """Whether the kernel says that it samples the addresses of data."""
        return self.is_ibs_op or self.is_spe or (self.is_core and "mem-loads" in self.events)

    def _names(self, folder: str) -> list[str]:
        try:
            return sorted(path.name for path in (self.path / folder).iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise PrimitiveError(f"{self.path / folder}: {error.strerror}") from error

    def _read(self, file: str) -> str:
        path = self.path / file
        try:
            return path.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise PrimitiveError(f"{path} cannot be read: {error}") from error
