"""What the mechanisms have in common that watch every page of a target through a userfaultfd."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar

from attrs import define

from damon_core.errors import PrimitiveError

from .account import Account
from .fault_cost import fault_cost_ns
from .handover import HOW, NotHandedOver, is_held, not_handed_over, take_userfaultfd
from .options import Choice, Options, Thp
from .page_scan import PageScan
from .userfaultfd import Kind, TargetGone, Userfaultfd
from .watched import Watched

if TYPE_CHECKING:
    from damon_core.primitive import PrimitiveContext
    from damon_core.process import Identity
    from damon_core.reports import SourceReports
    from damon_core.target import Target

MAX_TRIES = 3
"""How often a target that could not be injected is tried again, an update later each time."""


@define
class _Refusal:
    """Why a target is not watched, and how often it was tried."""

    text: str = ""
    nr_tries: int = 0


class PageWatch:
    """Watches targets; a subclass says of what kind and with which features of a userfaultfd.

    A scan protects the pages that it finds, so it ends one sampling interval and begins the next:
    nothing between the two is lost, and there is nothing to prepare.
    """

    name: ClassVar[str]
    kind: ClassVar[Kind]
    features: ClassVar[int]
    flags: ClassVar[int]

    def __init__(self, options: Options) -> None:
        self._options = options
        self._watched: dict[Target, Watched] = {}
        self._refused: dict[Identity, _Refusal] = {}
        self._commands: set[Identity] = set()
        self._account = Account(self.kind, options.thp)
        self._scan = PageScan(os.sysconf("SC_PAGE_SIZE"))
        self._fault_ns = 0

    def init(self, ctx: PrimitiveContext) -> None:
        """Take a userfaultfd of each target; PrimitiveError if none of them has one for us."""
        self._fault_ns = fault_cost_ns(ctx.page_size)
        for target in ctx.targets:
            if is_held(target):
                self._commands.add(target.identity)
            else:
                self._attach(target, ctx)
        if self._commands and not self._waits and not self._options.inject:
            raise PrimitiveError(
                f"nothing is injected into a command unasked: {HOW}; with `mechanism: {self.name}` "
                "it is waited for until the command cooperates"
            )
        self._check_any(ctx)

    def update_targets(self, ctx: PrimitiveContext) -> None:
        """Follow the context's targets, and the mappings of each."""
        for target in self._watched.keys() - set(ctx.targets):
            self._watched.pop(target).close()
        for gone in self._refused.keys() - {target.identity for target in ctx.targets}:
            del self._refused[gone]
        for target in ctx.targets:
            if target not in self._watched:
                self._attach(target, ctx)
        for target in list(self._watched):
            # Unlike writes, reads tell nothing of a mapping that was replaced.
            self._look(target, ctx, again=self.kind is Kind.READS_WRITES)
        self._check_any(ctx)

    def prepare(self, ctx: PrimitiveContext) -> None:
        """Nothing: the last scan has prepared."""

    def check(self, ctx: PrimitiveContext, reports: SourceReports) -> None:
        """Report the pages that were touched since the last check."""
        for target, watched in list(self._watched.items()):
            if watched.has_changed():
                self._look(target, ctx)
            nr_strange = self._report(target, ctx, reports)
            if nr_strange:
                ctx.count("mappings_replaced", nr_strange)
                self._look(target, ctx, again=True)
                self._report(target, ctx, reports)

    def cleanup(self) -> None:
        """Let go of all targets; idempotent."""
        for watched in self._watched.values():
            watched.close()
        self._watched.clear()

    def _report(self, target: Target, ctx: PrimitiveContext, reports: SourceReports) -> int:
        watched = self._watched.get(target)
        if watched is None:
            return 0
        nr_strange = watched.scan(self._scan)
        ctx.charge(watched.nr_faults * self._fault_ns)
        for start, words in self._scan.runs():
            reports.extend_bitmap(target, start, ctx.page_size, words, self.flags)
        return nr_strange

    def _look(self, target: Target, ctx: PrimitiveContext, *, again: bool = False) -> None:
        """Look at its mappings; if it has executed another program, it is taken anew."""
        for _ in range(2):
            watched = self._watched.get(target)
            if watched is None:
                return
            try:
                self._account.add(target, watched.look(self._scan, again=again), ctx)
            except TargetGone:
                self._watched.pop(target).close()
            else:
                return
            if not target.alive():
                ctx.count("processes_gone")
                return
            ctx.count("programs_executed")
            self._attach(target, ctx)

    def _attach(self, target: Target, ctx: PrimitiveContext) -> None:
        """Take its userfaultfd; why there is none is told once."""
        refusal = self._refused.get(target.identity, _Refusal())
        inject = self._options.inject and refusal.nr_tries < MAX_TRIES
        try:
            handed = take_userfaultfd(target, inject=inject)
            watched = self._open(target, handed.fd)
        except TargetGone:
            return
        except NotHandedOver as error:
            if target.alive():
                self._note(target, _Refusal(refusal.text or str(error), refusal.nr_tries + 1), ctx)
            return
        self._refused.pop(target.identity, None)
        self._watched[target] = watched
        if handed.told:
            ctx.tell(handed.told)

    def _open(self, target: Target, fd: int) -> Watched:
        uffd = Userfaultfd(fd, self.kind)
        try:
            uffd.agree(self.features)
            return Watched(target, uffd, self._options.thp is Thp.SKIP)
        except OSError as error:
            uffd.close()
            raise not_handed_over(target, error) from error
        except BaseException:
            uffd.close()
            raise

    def _note(self, target: Target, refusal: _Refusal, ctx: PrimitiveContext) -> None:
        self._refused[target.identity] = refusal
        if refusal.nr_tries == 1:
            ctx.count("processes_not_watched")
            ctx.tell(refusal.text)

    @property
    def _waits(self) -> bool:
        """Whether commands that we started may cooperate as late as they like."""
        return self._options.mechanism is not Choice.AUTO

    def _check_any(self, ctx: PrimitiveContext) -> None:
        """PrimitiveError if no target is watched, nor may come to be."""
        living = [target for target in ctx.targets if target.alive()]
        if self._watched or not living:
            return
        if not all(target.identity in self._refused for target in living):
            return
        if self._waits and any(target.identity in self._commands for target in living):
            return
        raise PrimitiveError(self._refused[living[0].identity].text)
