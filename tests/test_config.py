from __future__ import annotations

from pathlib import Path

import attrs
import pytest
import yaml

from damon_core.config import Config, ConfigFile, load_config
from damon_core.config import document as document_module
from damon_core.errors import ConfigError
from damon_core.model import AddrRange, Intervals, Match, NrRegions, Ops

FULL = """\
ops: vaddr
targets:
  - pid: 4321
  - command: [memcached, -m, "1024"]
  - match: {comm: "redis*", cgroup: /user.slice, children: true}
    region_sz: {min: 2 MiB}
intervals: {sample_us: 50 ms, aggr_us: 500 ms, ops_update_us: 1 s}
cpu_quota: 10 %
nr_regions: {min: 10, max: "1,000"}
sample:
  primitives:
    - accessed_bit
    - perf_pmu: {events: [{event: minor-faults, period: 1}]}
  filters:
    - {type: write, matching: true, allow: true}
    - {filter_type: threads, allow: no, tid_arr: [7, 8]}
    - {type: cpumask, cpumask: "0-3,8"}
  match: sampled
record: {path: out.damon}
seed: 42
"""


def parse(text: str | bytes, name: str = "f.yaml") -> Config:
    content = text.encode() if isinstance(text, str) else text
    return ConfigFile.parse(content, name).resolve()


def errors_of(text: str | bytes) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return str(caught.value).splitlines()


def test_every_key_arrives_where_it_belongs() -> None:
    (context,) = parse(FULL).contexts
    spec = context.spec
    assert spec.ops is Ops.VADDR
    assert spec.intervals == Intervals(50_000, 500_000, 1_000_000)
    assert spec.cpu_quota == 0.1
    assert spec.nr_regions == NrRegions(10, 1000)
    assert spec.match is Match.SAMPLED
    assert spec.seed == 42
    write, threads, cpumask = spec.filters
    assert (write.type, write.matching, write.allow) == ("write", True, True)
    assert (threads.type, threads.allow, threads.tids) == ("threads", False, frozenset({7, 8}))
    assert cpumask.cpus == {0, 1, 2, 3, 8}
    pid, command, match = context.targets
    assert pid.pid == 4321
    assert command.command == ("memcached", "-m", "1024")
    assert match.match is not None
    assert (match.match.comm, match.match.children) == ("redis*", True)
    assert match.min_region_sz == 2**21
    assert [one.name for one in context.primitives] == ["accessed_bit", "perf_pmu"]
    assert context.primitives[1].options == {"events": [{"event": "minor-faults", "period": 1}]}
    assert context.primitives[1].where == "f.yaml:13"
    assert context.record is not None
    assert context.record.path == "out.damon"


def test_a_pid_is_enough_of_a_configuration() -> None:
    (context,) = parse("targets: [{pid: 1}]").contexts
    assert context.spec.ops is Ops.VADDR
    assert context.spec.intervals is None
    assert [one.name for one in context.primitives] == ["accessed_bit"]
    assert context.record is None


def test_several_contexts_have_names_of_their_own() -> None:
    config = parse("contexts:\n- {targets: [{pid: 1}]}\n- {name: ram, ops: paddr}\n")
    assert [context.name for context in config.contexts] == ["0", "ram"]


@pytest.mark.parametrize(
    ("keys", "intervals"),
    [
        ("sample_us: 10 ms", Intervals(10_000, 200_000)),
        ("aggr_us: 1 s", Intervals(50_000, 1_000_000)),
        ("ops_update_us: 2 s", Intervals(5_000, 100_000, 2_000_000)),
        ("sample_us: 5000", Intervals(5_000, 100_000)),
    ],
)
def test_of_sample_and_aggregation_the_one_left_out_follows(keys: str, intervals: object) -> None:
    (context,) = parse(f"targets: [{{pid: 1}}]\nintervals: {{{keys}}}").contexts
    assert context.spec.intervals == intervals


def test_paddr_takes_its_ranges_from_the_context_and_from_damos_target() -> None:
    (context,) = parse(
        "ops: paddr\nregions: [{start: 1 GiB, end: 2 GiB}]\n"
        "targets: [{regions: [{start: 0x0, end: 0x1000}]}]"
    ).contexts
    assert context.spec.ranges == (AddrRange(0, 4096), AddrRange(2**30, 2**31))
    assert context.targets == ()


def test_fvaddr_ranges_may_be_the_contexts_or_the_targets() -> None:
    (context,) = parse(
        "ops: fvaddr\ntargets: [{pid: 1}, {pid: 2, regions: [{start: 4096, end: 8192}]}]\n"
        "regions: [{start: 8192, end: 16384}]"
    ).contexts
    assert context.spec.ranges == (AddrRange(8192, 16384),)
    assert context.targets[1].regions == (AddrRange(4096, 8192),)


def test_a_command_may_be_one_line() -> None:
    (context,) = parse("targets: [{command: \"sleep '1 0'\"}]").contexts
    assert context.targets[0].command == ("sleep", "1 0")


def test_children_may_be_asked_for_beside_a_pid() -> None:
    (context,) = parse("targets: [{pid: 1, match: {children: yes}}]").contexts
    assert context.targets[0].match is not None


TARGET = "targets: [{pid: 1}]\n"

BAD = {
    "misspelt key": ("target: []", 1, "target", "did you mean 'targets'?"),
    "misspelt inner key": (
        TARGET + "intervals:\n  sample: 5 ms",
        3,
        "intervals.sample",
        "did you mean 'sample_us'?",
    ),
    "key of another place": (
        TARGET + "primitives: [accessed_bit]",
        2,
        "primitives",
        "did you mean 'sample.primitives'?",
    ),
    "key of damo": (TARGET + "schemes: []", 2, "schemes", "--from-damo"),
    "unknown ops": ("ops: vadr", 1, "ops", "got 'vadr', expected one of vaddr, fvaddr, paddr; did"),
    "list for a mapping": (TARGET + "intervals: [1]", 2, "intervals", "got a list, expected"),
    "scalar for a list": ("targets: 4321", 1, "targets", "got '4321', expected a list"),
    "word for a number": ("targets: [{pid: self}]", 1, "targets[0].pid", "got 'self', expected"),
    "word for a time": (
        TARGET + "intervals: {sample_us: soon}",
        2,
        "intervals.sample_us",
        "got 'soon', expected a time such as '5 ms'",
    ),
    "word for auto": (TARGET + "intervals: manual", 2, "intervals", "or 'auto'"),
    "nothing": ("targets:", 1, "targets", "got nothing, expected a list"),
    "nothing for text": (TARGET + "record: {path: }", 2, "record.path", "got nothing, expected"),
    "missing key": (TARGET + "record: {}", 2, "record.path", "got nothing, expected text"),
    "no targets": ("ops: vaddr", 1, "targets", "got nothing, expected at least one target"),
    "negative pid": ("targets:\n- pid: -3", 2, "targets[0].pid", "not negative"),
    "pid zero": ("targets:\n- pid: 0", 2, "targets[0].pid", "got '0', expected an id from 1"),
    "pid too large": ("targets:\n- pid: 9999999", 2, "targets[0].pid", "expected an id from 1"),
    "pid and command": ("targets: [{pid: 1, command: ls}]", 1, "targets[0].command", "one of pid"),
    "empty target": (TARGET[:-2] + ",\n  {}]", 2, "targets[1]", "expected pid, command or match"),
    "empty command": ("targets: [{command: []}]", 1, "targets[0].command", "got an empty list"),
    "open quote": ('targets: [{command: "a \'b"}]', 1, "targets[0].command", "quotes closed"),
    "empty match": ("targets: [{match: {}}]", 1, "targets[0].match", "comm, cmdline or cgroup"),
    "relative cgroup": (
        "targets: [{match: {cgroup: user}}]",
        1,
        "targets[0].match.cgroup",
        "begins with /",
    ),
    "sample above aggregation": (
        TARGET + "intervals:\n  aggr_us: 5 ms\n  sample_us: 100 ms",
        4,
        "intervals.sample_us",
        "longer than aggr_us 5000 us",
    ),
    "sample zero": (TARGET + "intervals: {sample_us: 0}", 2, "intervals.sample_us", "at least 1"),
    "part of a microsecond": (
        TARGET + "intervals: {sample_us: 0.5 us}",
        2,
        "intervals.sample_us",
        "whole microseconds",
    ),
    "negative time": (
        TARGET + "intervals: {aggr_us: -1 s}",
        2,
        "intervals.aggr_us",
        "not negative",
    ),
    "min above max": (TARGET + "nr_regions: {min: 9, max: 8}", 2, "nr_regions.min", "above max 8"),
    "min of two": (
        TARGET + "nr_regions: {min: 2}",
        2,
        "nr_regions.min",
        "at least 3",
    ),
    "max too large": (TARGET + "nr_regions: {max: max}", 2, "nr_regions.max", "expected at most"),
    "quota of zero": (TARGET + "cpu_quota: 0 %", 2, "cpu_quota", "above 0"),
    "quota unclear": (TARGET + "cpu_quota: 10", 2, "cpu_quota", "write '10 %' for percent"),
    "region size": (
        TARGET + "region_sz: {min: 3 MiB}",
        2,
        "region_sz.min",
        "got 3145728, expected a power of two",
    ),
    "region size below a page": (TARGET + "region_sz: {min: 512}", 2, "region_sz.min", "a page"),
    "regions for vaddr": (
        TARGET + "regions: [{start: 0, end: 4096}]",
        2,
        "regions",
        "no regions for ops vaddr",
    ),
    "fvaddr without regions": (
        "ops: fvaddr\n" + TARGET,
        2,
        "targets[0].regions",
        "ranges to watch for ops fvaddr",
    ),
    "process for paddr": ("ops: paddr\n" + TARGET, 2, "targets[0].pid", "only regions"),
    "overlapping regions": (
        "ops: paddr\nregions:\n- {start: 8192, end: 16384}\n- {start: 0, end: 12288}",
        3,
        "regions[0]",
        "0x2000-0x4000, which overlaps 0x0-0x3000",
    ),
    "unaligned region": (
        "ops: paddr\nregions:\n- start: 0\n  end: 5000",
        4,
        "regions[0].end",
        "got 0x1388, expected an address aligned to pages",
    ),
    "region not aligned to its least size": (
        "ops: paddr\nregion_sz: {min: 2 MiB}\nregions: [{start: 0, end: 4096}]",
        3,
        "regions[0].end",
        "aligned to region_sz min, 2097152 bytes",
    ),
    "empty region": (
        "ops: paddr\nregions: [{start: 4096, end: 4096}]",
        2,
        "regions[0].end",
        "an address above start 0x1000",
    ),
    "region beyond user space": (
        "ops: fvaddr\n" + TARGET + "regions: [{start: 0, end: 0xffff800000000000}]",
        3,
        "regions[0].end",
        "the user address space, up to",
    ),
    "region beyond physical memory": (
        "ops: paddr\nregions: [{start: 0, end: 0x20000000000000}]",
        2,
        "regions[0].end",
        "physical addresses, up to 0x10000000000000",
    ),
    "no primitives": (TARGET + "sample: {primitives: []}", 2, "sample.primitives", "at least one"),
    "primitive twice": (
        TARGET + "sample:\n  primitives:\n  - a\n  - a",
        5,
        "sample.primitives[1]",
        "each primitive once",
    ),
    "options beside the name": (
        TARGET + "sample:\n  primitives:\n  - a:\n    b: 1",
        4,
        "sample.primitives[0]",
        "indent the options below the name",
    ),
    "options that are none": (
        TARGET + "sample: {primitives: [{a: 3}]}",
        2,
        "sample.primitives[0]",
        "got '3' as options of 'a'",
    ),
    "filter without tids": (
        TARGET + "sample: {filters: [{type: threads}]}",
        2,
        "sample.filters[0].tids",
        "got nothing, expected",
    ),
    "filter with foreign tids": (
        TARGET + "sample: {filters: [{type: write, tids: [1]}]}",
        2,
        "sample.filters[0].tids",
        "only for type threads",
    ),
    "filter twice named": (
        TARGET + "sample: {filters: [{type: write, filter_type: write}]}",
        2,
        "sample.filters[0].filter_type",
        "beside 'type'",
    ),
    "cpus backwards": (
        TARGET + 'sample: {filters: [{type: cpumask, cpumask: "3-1"}]}',
        2,
        "sample.filters[0].cpumask",
        'processors such as "0-3,8"',
    ),
    "record as text": (TARGET + "record: out.damon", 2, "record", "expected a mapping of path"),
    "no contexts": ("contexts: []", 1, "contexts", "at least one context"),
    "keys beside contexts": ("contexts: [{ops: paddr}]\nops: paddr", 2, "ops", "unknown key"),
    "name twice": (
        "contexts:\n- {ops: paddr, name: a}\n- ops: paddr\n  name: a",
        4,
        "contexts[1].name",
        "each name once",
    ),
    "name with a slash": (TARGET + "name: a/b", 2, "name", "letters, digits"),
    "file of two contexts": (
        "contexts:\n- {ops: paddr, record: {path: a}}\n- {ops: paddr, record: {path: a}}",
        3,
        "contexts[1].record.path",
        "a file of its own",
    ),
    "reports": (TARGET + "sample: {nr_reports: {min: 9, max: 8}}", 2, "sample.nr_reports.min", "8"),
}


@pytest.mark.parametrize(("text", "line", "key", "words"), BAD.values(), ids=BAD.keys())
def test_a_fault_is_told_with_file_line_key_got_and_expected(
    text: str, line: int, key: str, words: str
) -> None:
    (error,) = errors_of(text)
    assert error.startswith(f"f.yaml:{line}: key {key!r}: got ")
    assert ", expected " in error
    assert words in error


NOT_YAML: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "f.yaml: empty"),
    "only a comment": ("# nothing\n", "f.yaml: empty"),
    "a word": ("vaddr", "f.yaml:1: got 'vaddr', expected a mapping of"),
    "a list": ("- ops: vaddr", "f.yaml:1: got a list, expected a mapping of"),
    "tab": ("targets:\n\t- pid: 1", "f.yaml:2: a tab in the indentation"),
    "tab after spaces": ("a:\n  \tb: 1", "f.yaml:2: a tab in the indentation"),
    "open bracket": ("[a\nb\n}", "f.yaml:3: not YAML: "),
    "two colons": ("ops: a: b", "f.yaml:1: not YAML: mapping values are not allowed"),
    "duplicate key": ("ops: paddr\nseed: 1\nops: vaddr", "f.yaml:3: key 'ops': written twice"),
    "anchor": ("a: &x [1]", "f.yaml:1: anchors and aliases are not taken"),
    "alias": ("a: *x", "f.yaml:1: anchors and aliases are not taken"),
    "anchor bomb": (
        "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]",
        "f.yaml:1: anchors and aliases are not taken",
    ),
    "tag": ("a: !!python/object:os.system x", "f.yaml:1: tag "),
    "second document": ("ops: paddr\n---\nops: paddr", "f.yaml:2: a second document"),
    "list as a key": ("? [a]\n: 1", "f.yaml:1: a list as a key"),
    "deep nesting": ("[" * 100_000, "f.yaml:1: nested more than 32 deep"),
    "deep blocks": (
        "\n".join(" " * depth + "a:" for depth in range(1000)),
        "f.yaml:33: nested more than 32 deep",
    ),
    "many values": ("[" + "a," * 200_000 + "]", "f.yaml:1: more than 100,000 values"),
    "10 MB": (b"# " + b"x" * 10_000_000, "f.yaml: more than 1,048,576 bytes"),
    "not UTF-8": (b"ops: paddr\nname: \xff", "f.yaml:2: not UTF-8 text (byte 0xff)"),
    "UTF-16": ("ops: paddr".encode("utf-16"), "f.yaml:1: not UTF-8 text"),
    "binary": (b"\x7fELF\x02\x01\x01\0\0\0", "f.yaml:1: control character"),
    "escaped NUL": ('name: "a\\0"', "f.yaml:1: a value with a NUL"),
}


@pytest.mark.parametrize(("text", "words"), NOT_YAML.values(), ids=NOT_YAML.keys())
@pytest.mark.parametrize("loader", ["CBaseLoader", "BaseLoader"])
def test_what_is_no_configuration_at_all_is_refused(
    text: str | bytes, words: str, loader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hasattr(yaml, loader):
        pytest.skip("this PyYAML has no C loader: install one built with libyaml")
    monkeypatch.setattr(document_module, "_LOADER", getattr(yaml, loader))
    (error,) = errors_of(text)
    assert error.startswith(words)


def test_every_fault_is_told_in_the_order_of_the_file() -> None:
    lines = errors_of("ops: vadr\ntargets: [{pid: x}]\nnr_regions: {min: 1}\n")
    assert [line.split(": ")[0] for line in lines] == ["f.yaml:1", "f.yaml:2", "f.yaml:3"]


def test_no_more_than_twenty_faults_are_listed() -> None:
    lines = errors_of("\n".join(f"key{i}: 1" for i in range(50)))
    assert len(lines) == 21
    assert lines[-1] == "f.yaml: and 30 more errors"


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    paths = {
        str(tmp_path / "none.yaml"): "No such file or directory",
        str(tmp_path): "Is a directory",
        "/dev/zero": "more than 1,048,576 bytes",
        "a\0b": "null byte",
    }
    for path, words in paths.items():
        with pytest.raises(ConfigError, match=words):
            load_config(path)


def test_a_byte_order_mark_and_windows_lines_are_no_fault() -> None:
    text = "\ufeffops: paddr\r\nseed: 1\r\n"
    assert parse(text) == parse("ops: paddr\nseed: 1\n")


def test_json_is_a_configuration_too() -> None:
    text = '{"ops": "paddr",\n\t"nr_regions": {"min": 10, "max": 1000}}'
    assert parse(text) == parse("ops: paddr")


def test_a_number_in_a_command_is_the_text_that_was_written() -> None:
    (context,) = parse("targets: [{command: [run, 010, yes, 1_0, ~x, 0x1F]}]").contexts
    assert context.targets[0].command == ("run", "010", "yes", "1_0", "~x", "0x1F")


def test_configurations_are_facts() -> None:
    config = parse(FULL)
    assert attrs.evolve(config) == config
    assert hash(config.contexts[0].targets)
