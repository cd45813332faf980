"""damo 3.4.3 as a rival: installed from PyPI for the run, and never near the kernel's DAMON.

It reports from files only, and as nobody where the bench is run by root: its reports without an
input would write below /sys/kernel/mm/damon.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attrs import frozen

from damon_core.snapshot import Snapshot

VERSION = "3.4.3"
_NOBODY = 65534


@frozen
class Cost:
    """CPU seconds and peak MiB of a process."""

    cpu_s: float
    rss_mib: float


@frozen
class Damo:
    """damo in a folder of its own."""

    folder: Path
    python: str

    @classmethod
    def installed(cls, folder: Path) -> Damo:
        """SystemExit that says what is missing if it cannot be had here."""
        missing = [name for name in ("file", "which") if not shutil.which(name)]
        if missing:
            raise SystemExit(f"damo needs the programs {' and '.join(missing)}")
        where = str(folder / "damo")
        pip = [sys.executable, "-m", "pip", "install", "-q", "--target", where, f"damo=={VERSION}"]
        if subprocess.run(pip, stderr=subprocess.DEVNULL, check=False).returncode:
            raise SystemExit(f"damo {VERSION} cannot be installed: is PyPI in reach?")
        folder.chmod(0o755)
        return cls(folder, _python_for_everyone())

    def report(self, kind: str, path: Path, *args: str) -> Cost:
        """What one report of a file costs; CalledProcessError if it fails."""
        path.chmod(0o644)
        command = [self.python, "-m", "damo.damo", "report", kind, "--input", str(path), *args]
        env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}
        env["PYTHONPATH"] = str(self.folder / "damo")
        lowered: dict[str, Any] = {}
        if os.geteuid() == 0:
            lowered = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
        with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, **lowered) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def write_for_damo(path: Path, snapshots: Iterable[Snapshot]) -> None:
    """The same content as json_compressed of damo, numbers as numbers: its fastest input."""
    packer = zlib.compressobj()
    with open(path, "wb") as file:
        head = ""
        for snapshot in snapshots:
            if not head:
                head = _head(snapshot)
                file.write(packer.compress(head.encode()))
            else:
                file.write(packer.compress(b","))
            file.write(packer.compress(json.dumps(_snapshot(snapshot)).encode()))
        file.write(packer.compress(b"]}]") + packer.flush())


def _head(snapshot: Snapshot) -> str:
    intervals = snapshot.intervals
    facts = {
        "kdamond_idx": 0,
        "context_idx": 0,
        "intervals": {
            "sample_us": intervals.sample_us,
            "aggr_us": intervals.aggr_us,
            "ops_update_us": intervals.ops_update_us,
            "intervals_goal": dict.fromkeys(
                ("access_bp", "aggrs", "min_sample_us", "max_sample_us"), 0
            ),
        },
        "scheme_idx": None,
        "target_id": 0,
        "scheme_filters": [],
        "data_source": "unknown",
    }
    return "[" + json.dumps(facts)[:-1] + ', "snapshots": ['


def _snapshot(snapshot: Snapshot) -> dict[str, Any]:
    regions = snapshot.regions
    columns = (regions.start, regions.end, regions.nr_accesses, regions.age)
    return {
        "start_time": snapshot.start_ns,
        "end_time": snapshot.end_ns,
        "regions": [
            {
                "start": start,
                "end": end,
                "nr_accesses": {"samples": nr_accesses, "percent": None},
                "age": {"usec": None, "aggr_intervals": age},
                "probe_hits": [],
                "sz_filter_passed": 0,
            }
            for start, end, nr_accesses, age in zip(
                *(column.tolist() for column in columns), strict=True
            )
        ],
        "total_bytes": None,
        "damos_stats": None,
        "sample_interval_us": None,
    }


def _python_for_everyone() -> str:
    """A Python that nobody may run; root's own is often in a folder closed to others."""
    for path in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        real = Path(path).resolve()
        closed = [folder for folder in real.parents if not folder.stat().st_mode & 0o001]
        if real.exists() and not (closed and os.geteuid() == 0):
            return path
    raise SystemExit("damo must not run as root, and there is no Python that others may run")
