"""Runs a command with the sanitizers' runtime loaded first, as an uninstrumented Python needs."""

from __future__ import annotations

import os
import subprocess
import sys


def main() -> None:
    """Become the command given as arguments."""
    libraries = [
        subprocess.run(
            ["cc", f"-print-file-name={name}"], check=True, capture_output=True, text=True
        ).stdout.strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    os.environ["LD_PRELOAD"] = ":".join(libraries)
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
