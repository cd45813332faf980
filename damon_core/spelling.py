"""The known name that a misspelt one probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST = 64


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name closest to ``name``, or None if none is close."""
    if len(name) > _LONGEST:
        return None
    by_lower = {word.lower(): word for word in known}
    found = get_close_matches(name.lower().replace("-", "_"), sorted(by_lower), n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` to end an error message with, or nothing if no name is close."""
    meant = nearest(name, known)
    return f"; did you mean {meant!r}?" if meant else ""
