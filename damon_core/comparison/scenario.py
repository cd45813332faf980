"""A scenario: a workload whose truth is known and what it is there to show, or any command."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from ..errors import WorkloadError
from ..spelling import did_you_mean
from ..workload.key_load import KeyLoad
from ..workload.masim import load_masim
from ..workload.plan import Workload
from ..workload.server import SERVERS, Server
from .driven import Driven, DrivenServer, DrivenWorkload

FOLDER = Path(__file__).with_name("scenarios")
SUFFIX = ".cfg"


@frozen
class Scenario:
    """``summary``: the comment in the first line of its file, "" if there is none.

    ``command`` or ``server`` in the place of a workload: of what it accesses there is no truth.
    """

    name: str
    summary: str
    workload: Workload | None
    command: tuple[str, ...] = ()
    server: type[Server] | None = None

    def missing(self) -> str:
        """Why it cannot be run here, "" if it can as far as can be known before the start."""
        return self.server.missing() if self.server else ""

    def driven(self, log: Path) -> Driven:
        """Its target, ready to work; the truth goes to ``log``.  RunError if it does not start."""
        if self.server:
            return DrivenServer(self.server, KeyLoad())
        assert self.workload
        return DrivenWorkload(self.workload, log)


def command_scenario(command: Sequence[str]) -> Scenario:
    """A command that ends by itself; WorkloadError if there is no such program."""
    if shutil.which(command[0]) is None:
        raise WorkloadError(f"no such command: {command[0]}")
    text = shlex.join(command)
    summary = f"The command {text}, of which no truth is known."
    return Scenario(Path(command[0]).name, summary, None, tuple(command))


def server_scenario(name: str) -> Scenario:
    """A server under load, by its name in SERVERS."""
    load = KeyLoad()
    summary = (
        f"{SERVERS[name].program} with {load.nr_keys:,} keys of {load.value_size:,} bytes: "
        f"{load.hot_requests:.0%} of the requests are for {load.nr_hot:,} of them."
    )
    return Scenario(name, summary, None, server=SERVERS[name])


def shipped_names() -> list[str]:
    """The scenarios that come with damon-core."""
    return sorted([*(path.stem for path in FOLDER.glob(f"*{SUFFIX}")), *SERVERS])


def load_scenario(name: str) -> Scenario:
    """A shipped scenario by its name, or any workload file by its path.

    WorkloadError if there is none, if the file is none, or if it would never end.
    """
    if name in SERVERS:
        return server_scenario(name)
    path = FOLDER / f"{name}{SUFFIX}" if name in shipped_names() else Path(name)
    if path.parent != FOLDER and not path.is_file():
        names = shipped_names()
        raise WorkloadError(
            f"no scenario and no file {name!r}: scenarios are {', '.join(names)}"
            f"{did_you_mean(name, names)}"
        )
    workload = load_masim(path)
    if workload.duration_us is None:
        raise WorkloadError(f"{name} runs for ever: a comparison needs one that ends (repeat 1)")
    return Scenario(path.stem, _summary(path), workload)


def _summary(path: Path) -> str:
    first = path.read_text(errors="replace").partition("\n")[0]
    is_comment = first.startswith("#") and not first.startswith("#damon")
    return first.removeprefix("#").strip() if is_comment else ""
