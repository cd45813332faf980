"""Reads the kdamonds files of damo, JSON or YAML, as a configuration of ours.

Works on the nodes, before anything is checked: what comes out is checked like any file, with the
lines of damo's file in the errors.  What we have no words for is named in a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from attrs import define, field

from ..errors import ConfigError
from ..units import parse_size
from .context import Config
from .document import List, Mapping, Node, Scalar, read_document
from .file import ConfigFile

_FILTER_TYPES = ("write", "cpumask", "threads")
_FILTER_VALUES = {"cpumask": "cpumask", "threads": "tid_arr"}
_PRIMITIVES = {"page_table": "accessed_bit", "page_fault": "page_fault"}
_INTERVALS = {"sample_us": "5 ms", "aggr_us": "100 ms", "ops_update_us": "1 s"}


def read_damo(path: Path | str) -> tuple[Config, list[str]]:
    """The configuration, and a line for each thing that could not be taken over; ConfigError."""
    document = read_document(path)
    translation = _Translation(str(path))
    contexts = List(document.line, [*translation.contexts(document)])
    if not contexts.items:
        raise ConfigError(f"{path}: no contexts in it, expected kdamonds with contexts, as of damo")
    file = ConfigFile.of(_mapping(document.line, contexts=contexts), str(path))
    return file.resolve(), translation.warnings


@define
class _Translation:
    name: str
    warnings: list[str] = field(factory=list)

    def contexts(self, document: Node) -> Iterator[Node]:
        """All contexts of all kdamonds."""
        kdamonds = document
        if isinstance(document, Mapping):
            self._drop(document, known=("kdamonds",))
            kdamonds = self._child(document, "kdamonds")
        for kdamond in self._each(kdamonds, "kdamonds"):
            self._drop(kdamond, known=("contexts", "state", "pid"))  # the last two are of a run
            contexts = self._child(kdamond, "contexts")
            for context in self._each(contexts, "contexts"):
                yield self._context(context)

    def _context(self, damo: Mapping) -> Mapping:
        known = ("ops", "targets", "intervals", "nr_regions", "sample_control", "addr_unit")
        self._drop(damo, known=(*known, "probes", "schemes"))
        self._name_schemes(damo.items.get("schemes"))
        self._name_probes(damo.items.get("probes"))
        ours = _mapping(damo.line)
        for name in ("ops", "nr_regions"):
            if name in damo.items:
                _put(ours, name, damo.items[name], damo.key_lines[name])
        targets = self._targets(damo)
        if targets.items:
            _put(ours, "targets", targets, damo.key_lines["targets"])
        _put(ours, "intervals", self._intervals(damo), damo.key_lines.get("intervals", damo.line))
        if isinstance(control := damo.items.get("sample_control"), Mapping):
            _put(ours, "sample", self._sample(control), damo.key_lines["sample_control"])
        return ours

    def _targets(self, damo: Mapping) -> List:
        ops = damo.items.get("ops")
        followed = isinstance(ops, Scalar) and ops.text == "vaddr"
        ours = List(damo.line)
        unit = self._unit(damo.items.get("addr_unit"))
        for target in self._each(damo.items.get("targets", ours), "targets"):
            self._drop(target, known=("pid", "regions", "obsolete"))
            if _is_true(target.items.get("obsolete")):
                self._warn(target.line, "obsolete", "the target is left out")
                continue
            kept = _mapping(target.line)
            for name, node in target.items.items():
                empty = isinstance(node, Scalar) and node.is_null
                if name == "obsolete" or empty or (isinstance(node, List) and not node.items):
                    continue
                if name == "regions" and followed:
                    self._warn(node.line, "regions", "ops vaddr follows the mappings")
                elif name in ("pid", "regions"):
                    in_bytes = self._in_bytes(node, unit) if name == "regions" else node
                    _put(kept, name, in_bytes, target.key_lines[name])
            if kept.items:
                ours.items.append(kept)
        return ours

    def _unit(self, given: Node | None) -> int:
        """Bytes of an address unit."""
        if not isinstance(given, Scalar) or given.is_null:
            return 1
        try:
            unit = parse_size(given.text)
        except ConfigError as error:
            where = f"{self.name}:{given.line}: key 'addr_unit'"
            raise ConfigError(f"{where}: {error}") from None
        return max(1, unit)

    def _in_bytes(self, regions: Node, unit: int) -> Node:
        """Regions with their addresses in bytes."""
        if unit == 1:
            return regions
        ours = List(regions.line)
        for region in self._each(regions, "regions"):
            kept = _mapping(region.line)
            for name, node in region.items.items():
                _put(kept, name, _times(node, unit), region.key_lines[name])
            ours.items.append(kept)
        return ours

    def _intervals(self, damo: Mapping) -> Mapping:
        given = damo.items.get("intervals")
        line = given.line if given else damo.line
        ours = _mapping(line)
        for name, default in _INTERVALS.items():
            _put(ours, name, Scalar(default, line), line)
        if isinstance(given, Mapping):
            self._drop(given, known=(*_INTERVALS, "intervals_goal"))
            goal = given.items.get("intervals_goal")
            if isinstance(goal, Mapping) and _is_nonzero(goal.items.get("aggrs")):
                self._warn(goal.line, "intervals_goal", "use intervals: auto with a cpu_quota")
            for name in _INTERVALS.keys() & given.items.keys():
                _put(ours, name, given.items[name], given.key_lines[name])
        return ours

    def _sample(self, damo: Mapping) -> Mapping:
        self._drop(damo, known=("primitives_enabled", "sample_filters"))
        ours = _mapping(damo.line)
        enabled = damo.items.get("primitives_enabled")
        if isinstance(enabled, Mapping):
            self._drop(enabled, known=tuple(_PRIMITIVES))
            chosen = [
                Scalar(_PRIMITIVES[name], enabled.key_lines[name])
                for name, node in enabled.items.items()
                if name in _PRIMITIVES and _is_true(node)
            ]
            _put(ours, "primitives", List(enabled.line, [*chosen]), enabled.line)
        filters = damo.items.get("sample_filters", List(damo.line))
        kept = [self._filter(one) for one in self._each(filters, "sample_filters")]
        taken = [one for one in kept if one is not None]
        _put(ours, "filters", List(filters.line, [*taken]), filters.line)
        return ours

    def _filter(self, damo: Mapping) -> Mapping | None:
        kind = damo.items.get("filter_type", damo.items.get("type"))
        text = kind.text if isinstance(kind, Scalar) else ""
        if text not in _FILTER_TYPES:
            why = f"there is no filter of type {text!r} here; what it would let through counts, too"
            self._warn(damo.line, "sample_filters", why)
            return None
        value = _FILTER_VALUES.get(text)
        ours = _mapping(damo.line)
        for name, node in damo.items.items():
            # damo writes the values of all types; only the type's own one means something.
            if name not in _FILTER_VALUES.values() or name == value:
                _put(ours, name, self._filter_value(name, node), damo.key_lines[name])
        return ours

    def _filter_value(self, name: str, node: Node) -> Node:
        if not isinstance(node, Scalar) or node.is_null:
            return node
        if name == "tid_arr":  # as the kernel's file takes it: numbers in one text
            tids = re.split(r"[\s,]+", node.text.strip())
            return List(node.line, [Scalar(tid, node.line) for tid in tids])
        if name == "cpumask" and re.fullmatch("[0-9a-fA-F,]+", node.text):
            why = "it is taken for a list of processors, not for a mask of bits"
            self.warnings.append(f"{self.name}:{node.line}: cpumask {node.text!r}: {why}")
        return node

    def _name_schemes(self, schemes: Node | None) -> None:
        """Say what each would have done: nothing here acts on memory."""
        for scheme in self._each(schemes, "schemes") if schemes else ():
            action = scheme.items.get("action")
            what = f"action {action.text!r}" if isinstance(action, Scalar) else "no action"
            filters = scheme.items.get("filters")
            if isinstance(filters, List) and filters.items:
                what += f" with {len(filters.items)} filters"
            self._warn(scheme.line, "schemes", f"{what}; damon only watches")

    def _name_probes(self, probes: Node | None) -> None:
        """Say what each would have seen; a report counts once, whoever makes it."""
        for probe in self._each(probes, "probes") if probes else ():
            words = []
            for key, inner in (("preps", "prep_action"), ("filters", "filter_type")):
                for one in self._each(probe.items.get(key, List(probe.line)), key):
                    named = one.items.get(inner)
                    words.append(named.text if isinstance(named, Scalar) else "of no type")
            weight = probe.items.get("weight")
            what = f"a probe of {', '.join(words) or 'nothing'}"
            if isinstance(weight, Scalar) and _is_nonzero(weight):
                what += f" and its weight {weight.text}"
            self._warn(probe.line, "probes", f"{what}; here primitives look, without weights")

    def _child(self, damo: Mapping, key: str) -> Node:
        if key not in damo.items:
            raise ConfigError(f"{self.name}:{damo.line}: got no {key!r}, expected it, as of damo")
        return damo.items[key]

    def _each(self, node: Node, key: str) -> Iterator[Mapping]:
        items = node.items if isinstance(node, List) else [node]
        for item in items:
            if not isinstance(item, Mapping):
                where = f"{self.name}:{item.line}: key {key!r}"
                raise ConfigError(f"{where}: got {item}, expected a list of mappings, as of damo")
            yield item

    def _drop(self, damo: Mapping, known: tuple[str, ...]) -> None:
        """Warn of every key that is not known and says something."""
        for name, node in damo.items.items():
            said = node.items if isinstance(node, (List, Mapping)) else _is_nonzero(node)
            if name not in known and said:
                what = f" ({len(node.items)} of them)" if isinstance(node, List) else ""
                self._warn(damo.key_lines[name], name, f"there is nothing like it here{what}")

    def _warn(self, line: int, key: str, why: str) -> None:
        self.warnings.append(f"{self.name}:{line}: key {key!r} is not taken over: {why}")


def _mapping(line: int, **items: Node) -> Mapping:
    return Mapping(line, dict(items), dict.fromkeys(items, line))


def _put(mapping: Mapping, name: str, node: Node, line: int) -> None:
    mapping.items[name] = node
    mapping.key_lines[name] = line


def _times(address: Node, unit: int) -> Node:
    """An address in units, in bytes; what is none stays, to be refused with its line."""
    if isinstance(address, Scalar):
        with suppress(ConfigError):
            return Scalar(str(parse_size(address.text) * unit), address.line)
    return address


def _is_true(node: Node | None) -> bool:
    return isinstance(node, Scalar) and node.as_bool() is True


def _is_nonzero(node: Node | None) -> bool:
    return isinstance(node, Scalar) and node.as_value() not in (None, 0, False, "", "0", "N", "no")
