"""The program of the tutorial about redis: it runs, and finds what it should."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from damon_core.record import open_record

TUTORIAL = Path(__file__).parent.parent / "examples" / "redis_tutorial.py"

pytestmark = [pytest.mark.live, pytest.mark.slow]


@pytest.mark.skipif(not TUTORIAL.exists(), reason="needs the source tree")
@pytest.mark.skipif(
    shutil.which("redis-server") is None, reason="needs redis: apt-get install redis-server"
)
def test_the_working_set_of_redis_is_found_and_becomes_smaller(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, TUTORIAL, tmp_path, "5"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert all(
        (tmp_path / f"redis.{name}.png").read_bytes().startswith(b"\x89PNG")
        for name in ("footprint", "heatmap")
    )
    record = open_record(tmp_path / "redis.damon")
    mechanism = record[-1].sources[0].mechanism
    if mechanism != "bpf":
        pytest.skip(f"needs the mechanism bpf, here is {mechanism}: see damon primitives -v")
    sizes = record.wss()
    (used,) = sizes.wss
    third = len(used) // 3
    assert third >= 1
    # 15.3 MiB of values are in use at first, 7.6 MiB at the end, of 146 MiB that are resident; on
    # a busy machine not all of them in each sampling interval.
    assert used[:third].max() > 1.2 * used[-third:].max()
    assert used[-1] < 0.3 * sizes.rss[0, -1]
