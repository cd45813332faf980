from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from damon_core.config import Config
from damon_core.config.damo import read_damo
from damon_core.errors import ConfigError
from damon_core.model import AddrRange, Intervals, NrRegions, Ops


def kdamonds(**changes: Any) -> dict[str, Any]:
    context: dict[str, Any] = {
        "ops": "vaddr",
        "targets": [{"pid": 4242, "regions": [], "obsolete": False}],
        "intervals": {
            "sample_us": "5 ms",
            "aggr_us": "100 ms",
            "ops_update_us": "1 s",
            "intervals_goal": {"access_bp": "0 %", "aggrs": "0", "min_sample_us": "0 ns"},
        },
        "nr_regions": {"min": "10", "max": "1,000"},
        "sample_control": {
            "primitives_enabled": {"page_table": True, "page_fault": False},
            "sample_filters": [],
        },
        "probes": [],
        "pause": False,
        "schemes": [],
    }
    return {"kdamonds": [{"state": None, "pid": None, "contexts": [context | changes]}]}


def convert(folder: Path, document: object) -> tuple[Config, list[str]]:
    path = folder / "k.json"
    path.write_text(json.dumps(document, indent=4))
    return read_damo(path)


def test_a_file_of_damo_is_taken_over_whole(tmp_path: Path) -> None:
    config, warnings = convert(tmp_path, kdamonds())
    (context,) = config.contexts
    assert warnings == []
    assert context.spec.intervals == Intervals(5_000, 100_000, 1_000_000)
    assert context.spec.nr_regions == NrRegions(10, 1000)
    assert [target.pid for target in context.targets] == [4242]
    assert [one.name for one in context.primitives] == ["accessed_bit"]


def test_damos_defaults_are_not_ours(tmp_path: Path) -> None:
    document = kdamonds()
    for key in ("intervals", "nr_regions", "sample_control"):
        del document["kdamonds"][0]["contexts"][0][key]
    config, _ = convert(tmp_path, document)
    assert config.contexts[0].spec.intervals == Intervals(5_000, 100_000, 1_000_000)


def test_physical_ranges_with_commas_are_taken_over(tmp_path: Path) -> None:
    regions = [{"start": "4,294,967,296", "end": "8 GiB"}]
    document = kdamonds(ops="paddr", targets=[{"pid": None, "regions": regions}])
    config, warnings = convert(tmp_path, document)
    assert config.contexts[0].spec.ops is Ops.PADDR
    assert config.contexts[0].spec.ranges == (AddrRange(2**32, 2**33),)
    assert warnings == []


def test_addresses_in_larger_units_become_bytes(tmp_path: Path) -> None:
    regions = [{"start": "1,048,576", "end": 2097152}]
    document = kdamonds(ops="paddr", addr_unit="4 KiB", targets=[{"regions": regions}])
    config, warnings = convert(tmp_path, document)
    assert config.contexts[0].spec.ranges == (AddrRange(2**32, 2**33),)
    assert warnings == []


def test_a_unit_of_one_byte_is_no_matter_for_a_warning(tmp_path: Path) -> None:
    assert convert(tmp_path, kdamonds(addr_unit="1 B"))[1] == []


def test_thread_ids_may_be_one_text(tmp_path: Path) -> None:
    for text in ("7 8 9", "7,8,9"):
        filters = [{"filter_type": "threads", "cpumask": "", "tid_arr": text}]
        config, _ = convert(tmp_path, kdamonds(sample_control={"sample_filters": filters}))
        assert config.contexts[0].spec.filters[0].tids == frozenset({7, 8, 9})


def test_sample_filters_keep_the_values_of_their_type(tmp_path: Path) -> None:
    filters = [
        {"filter_type": "threads", "matching": True, "allow": False, "cpumask": "", "tid_arr": [7]},
        {"filter_type": "cpumask", "matching": "Y", "allow": "N", "cpumask": "0-1", "tid_arr": []},
        {"filter_type": "write", "matching": True, "allow": True, "cpumask": "", "tid_arr": []},
    ]
    enabled = {"page_table": False, "page_fault": True}
    control = {"primitives_enabled": enabled, "sample_filters": filters}
    config, warnings = convert(tmp_path, kdamonds(sample_control=control))
    (context,) = config.contexts
    threads, cpumask, write = context.spec.filters
    assert (threads.tids, threads.allow) == (frozenset({7}), False)
    assert (cpumask.cpus, cpumask.matching, cpumask.allow) == (frozenset({0, 1}), True, False)
    assert write.type == "write"
    assert [one.name for one in context.primitives] == ["page_fault"]
    assert warnings == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schemes": [{"action": "stat"}]}, "'schemes' is not taken over: action 'stat'"),
        (
            {"schemes": [{"action": "pageout", "filters": [{"filter_type": "anon"}]}]},
            "action 'pageout' with 1 filters; damon only watches",
        ),
        ({"probes": [{"preps": []}]}, "'probes' is not taken over: a probe of nothing"),
        (
            {
                "probes": [
                    {
                        "preps": [{"prep_action": "set_pg_idle"}],
                        "filters": [{"filter_type": "pg_idle_unset", "matching": True}],
                        "weight": 3,
                    }
                ]
            },
            "a probe of set_pg_idle, pg_idle_unset and its weight 3",
        ),
        (
            {"sample_control": {"sample_filters": [{"filter_type": "memcg", "path": "/a"}]}},
            "'sample_filters' is not taken over: there is no filter of type 'memcg'",
        ),
        (
            {"sample_control": {"primitives_enabled": {"page_table": True, "hw": True}}},
            "'hw' is not taken over",
        ),
        (
            {
                "sample_control": {
                    "sample_filters": [{"filter_type": "cpumask", "cpumask": "3", "tid_arr": ""}]
                }
            },
            "cpumask '3': it is taken for a list of processors",
        ),
        ({"pause": True}, "'pause' is not taken over"),
        ({"intervals": {"intervals_goal": {"aggrs": 3}}}, "'intervals_goal' is not taken over"),
        (
            {"targets": [{"pid": 1, "regions": [{"start": 0, "end": 4096}]}]},
            "'regions' is not taken over: ops vaddr",
        ),
    ],
)
def test_what_we_have_no_words_for_is_named(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    _, warnings = convert(tmp_path, kdamonds(**changes))
    (warning,) = warnings
    assert words in warning


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, "got no 'kdamonds'"),
        ({"kdamonds": []}, "no contexts in it"),
        ({"kdamonds": 3}, "got '3', expected a list of mappings"),
        ({"kdamonds": [{}]}, "got no 'contexts'"),
        (kdamonds(ops="vadr"), r"k.json:8: key 'contexts\[0\].ops': got 'vadr'"),
        (kdamonds(targets=[]), "at least one target"),
        (kdamonds(targets=[{"pid": "x", "regions": []}]), "got 'x'"),
        (kdamonds(nr_regions={"min": 1, "max": 2}), "at least 3"),
        (kdamonds(addr_unit="4 parsecs"), "key 'addr_unit'"),
        (
            kdamonds(ops="paddr", addr_unit=4096, targets=[{"regions": [{"start": "x"}]}]),
            r"k.json:\d+: key 'contexts\[0\].targets\[0\].regions\[0\].start': got 'x'",
        ),
    ],
)
def test_a_fault_in_a_file_of_damo_is_told_with_its_line(
    tmp_path: Path, document: object, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        convert(tmp_path, document)
