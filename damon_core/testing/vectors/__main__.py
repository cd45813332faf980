"""Prints what fails of the vectors in a file."""

from __future__ import annotations

import sys

from ...errors import DamonError
from . import evaluate_file


def main(arguments: list[str]) -> int:
    """Evaluate the one file named; the exit code."""
    if len(arguments) != 1:
        print("usage: python -m damon_core.testing.vectors FILE", file=sys.stderr)
        return 2
    try:
        verdicts = list(evaluate_file(arguments[0]))
    except DamonError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    failed = [verdict for verdict in verdicts if verdict.fault is not None]
    for verdict in failed:
        print(f"FAILED {verdict.name}: {verdict.fault}")
    print(f"{len(verdicts) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
