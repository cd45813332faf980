"""Reads the kdamonds files of damo, JSON or YAML, as a configuration of ours.

Works on the nodes, before anything is checked: what comes out is checked like any file, with the
lines of damo's file in the errors.  What we have no words for is named in a warning.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from attrs import define, field

from ..errors import ConfigError
from .context import Config
from .document import List, Mapping, Node, Scalar, read_document
from .file import ConfigFile

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
            self._drop(kdamond, known=("contexts", "refresh_ms", "state", "pid"))
            contexts = self._child(kdamond, "contexts")
            for context in self._each(contexts, "contexts"):
                yield self._context(context)

    def _context(self, damo: Mapping) -> Mapping:
        known = ("ops", "targets", "intervals", "nr_regions", "sample_control", "addr_unit")
        self._drop(damo, known=known)
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
        unit = damo.items.get("addr_unit")
        if isinstance(unit, Scalar) and not unit.is_null and unit.text != "1":
            self._warn(unit.line, "addr_unit", "addresses here are always in bytes")
        return ours

    def _targets(self, damo: Mapping) -> List:
        ops = damo.items.get("ops")
        followed = isinstance(ops, Scalar) and ops.text == "vaddr"
        ours = List(damo.line)
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
                    _put(kept, name, node, target.key_lines[name])
            if kept.items:
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
        _put(ours, "filters", List(filters.line, [*kept]), filters.line)
        return ours

    def _filter(self, damo: Mapping) -> Mapping:
        kind = damo.items.get("filter_type", damo.items.get("type"))
        value = _FILTER_VALUES.get(kind.text) if isinstance(kind, Scalar) else None
        ours = _mapping(damo.line)
        for name, node in damo.items.items():
            # damo writes the values of all types; only the type's own one means something.
            if name not in _FILTER_VALUES.values() or name == value:
                _put(ours, name, node, damo.key_lines[name])
        return ours

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


def _is_true(node: Node | None) -> bool:
    return isinstance(node, Scalar) and node.as_bool() is True


def _is_nonzero(node: Node | None) -> bool:
    return isinstance(node, Scalar) and node.as_value() not in (None, 0, False, "", "0", "N", "no")
