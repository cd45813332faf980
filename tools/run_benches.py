"""Runs the programs of ``bench/`` one after the other; arguments choose some by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parent.parent / "bench"


def main() -> int:
    """The number of programs that failed."""
    chosen = sys.argv[1:] or sorted(path.stem for path in BENCH.glob("[a-z]*.py"))
    failed = 0
    for name in chosen:
        print(f"bench: {name}", file=sys.stderr, flush=True)
        run = subprocess.run([sys.executable, BENCH / f"{name}.py"], check=False)
        failed += run.returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
