"""How the programs of bench/ say whether a budget was kept: one JSON line a budget."""

from __future__ import annotations

import json


def tell_budget(
    bench: str,
    what: str,
    got: float,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
) -> None:
    """Print what was wanted, what it was, and whether that is enough; give one of the limits."""
    line = budget_line(bench, what, got, at_least=at_least, at_most=at_most)
    print(json.dumps(line), flush=True)


def budget_line(
    bench: str,
    what: str,
    got: float,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
) -> dict[str, object]:
    limit = at_least if at_least is not None else at_most
    assert limit is not None
    return {
        "bench": bench,
        "budget": what,
        "wanted": f"{'>=' if at_least is not None else '<='} {limit:g}",
        "got": float(f"{got:.4g}"),
        "ok": got >= limit if at_least is not None else got <= limit,
    }
