"""The rules that every primitive keeps, by name; a test that fails says which one was broken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

from ..errors import one_line


class Rule(str, Enum):
    """Name and sentence; the sentences are those of docs/how-to/test-a-primitive.md."""

    CLASS = "the class can be registered, and names its ops"
    PROBE = "probe answers with an Availability, and says in one line what is missing"
    HOOKS = "no hook raises, or returns something, while its target lives"
    BUFFER = "no report is written past the space that was given"
    REPORT = "a report has an address of the kind the ops need, a size, a weight and true flags"
    TARGET = "a report is of a target, and of memory that it has"
    PROVIDES = "a report tells no direction, processor or thread that `provides` does not promise"
    TIME = "a time that is called exact lies in the interval, on CLOCK_MONOTONIC"
    SEEN = "what is touched in an interval is reported in it"
    FILES = "a run leaves no file open"
    THREADS = "a run leaves no thread and no child process"
    FAILED_INIT = "an init that fails, wherever it does, leaves nothing open"
    FAILED_HOOK = "a hook that fails on the way leaves nothing open"
    CLEANUP_FIRST = "cleanup without init is harmless"
    CLEANUP_TWICE = "cleanup may come twice"
    ENDED = "a target that has ended, or ends on the way, is no fault"
    COST = "an interval costs no more CPU time than `max_cpu_ms`"

    @contextmanager
    def kept(self) -> Iterator[None]:
        """BrokenRule for whatever goes wrong inside."""
        try:
            yield
        except BrokenRule:
            raise
        except Exception as error:
            raise BrokenRule(self, one_line(error)) from error

    def must(self, holds: object, found: str) -> None:
        """BrokenRule with what was found unless it holds."""
        if not holds:
            raise BrokenRule(self, found)


class BrokenRule(AssertionError):
    """What of a primitive does not keep a rule."""

    def __init__(self, rule: Rule, found: str) -> None:
        super().__init__(f"broken rule {rule.name}, {rule.value}: {found}")
        self.rule = rule
