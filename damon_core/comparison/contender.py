"""A contender: primitives with settings, by the name under which results show it."""

from __future__ import annotations

import os
from collections.abc import Sequence

from attrs import evolve, frozen

from ..config import ContextConfig, TargetConfig, load_config
from ..errors import ConfigError
from ..host import PrimitiveChoice, installed
from ..model import Ops
from ..spec import ContextSpec

_FOLLOWING = (Ops.VADDR,)


@frozen
class Contender:
    """``spec`` and ``primitives`` as in a configuration; targets come from the scenario."""

    name: str
    spec: ContextSpec
    primitives: tuple[PrimitiveChoice, ...]

    def context(self, target: TargetConfig) -> ContextConfig:
        """The configuration that monitors a process, or a command that it starts."""
        return ContextConfig(self.spec, (target,), self.primitives)

    def missing(self) -> str:
        """Why it cannot be used here, "" if it can as far as can be known before the start."""
        found = {one.name: one for one in installed()}
        for choice in self.primitives:
            if choice.name not in found:
                return f"{choice.name} is not installed (there are {', '.join(sorted(found))})"
            if found[choice.name].error:
                return f"{choice.name} is broken: {found[choice.name].error}"
            answer = found[choice.name].probe(self.spec.ops)
            if not answer.usable and "mechanism" not in choice.options:
                remedy = f" ({answer.remedy})" if answer.remedy else ""
                return f"{choice.name}: {answer.missing}{remedy}"
        return ""


def contender_of(choice: PrimitiveChoice, spec: ContextSpec) -> Contender:
    """One primitive with default settings; named by what was written."""
    options = ",".join(f"{key}={value}" for key, value in choice.options.items())
    return Contender(f"{choice.name}:{options}" if options else choice.name, spec, (choice,))


def contenders_in(path: str) -> list[Contender]:
    """The contexts of a configuration file, their targets left out; ConfigError."""
    stem = os.path.splitext(os.path.basename(path))[0]
    contexts = load_config(path).contexts
    for context in contexts:
        if context.spec.ops not in _FOLLOWING:
            raise ConfigError(
                f"{path}: ops {context.spec.ops} cannot be compared: expected vaddr, as "
                "a scenario is a process whose addresses are not known before"
            )
    names = [f"{stem}.{one.name}" if len(contexts) > 1 else stem for one in contexts]
    pairs = zip(names, contexts, strict=True)
    return [Contender(name, one.spec, one.primitives) for name, one in pairs]


def distinct(contenders: Sequence[Contender]) -> tuple[Contender, ...]:
    """The same with different names: a name that comes again gets a number."""
    seen: dict[str, int] = {}
    result = []
    for one in contenders:
        seen[one.name] = nr = seen.get(one.name, 0) + 1
        result.append(one if nr == 1 else evolve(one, name=f"{one.name} #{nr}"))
    return tuple(result)
