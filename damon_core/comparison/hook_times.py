"""What the hooks of primitives take that look for accesses: the time of a sample without ours."""

from __future__ import annotations

import time

from ..hosted import Hook

_LOOKING = ("damon_prepare_access_checks", "damon_check_accesses")


class HookTimes:
    """CPU time of the hooks that prepare and check, all primitives together, by hook, in ns.

    The kernel's work in the calling thread is part of it, and so is the matching of what is
    reported from within a hook.
    """

    def __init__(self) -> None:
        self.spent_ns = dict.fromkeys(_LOOKING, 0)

    def wrap(self, name: str, hook: Hook) -> Hook:
        """The hook, with its time added up if it is one of the two."""
        if name not in self.spent_ns:
            return hook

        def timed(**arguments: object) -> object:
            began_ns = time.thread_time_ns()
            try:
                return hook(**arguments)
            finally:
                self.spent_ns[name] += time.thread_time_ns() - began_ns

        return timed
