from __future__ import annotations

from contextlib import suppress

import attrs
from hypothesis import example, given, settings
from hypothesis import strategies as st

from damon_core.config import Config, ConfigFile
from damon_core.config.keys import (
    ContextKeys,
    FilterKeys,
    IntervalsKeys,
    NrRegionsKeys,
    RecordKeys,
    SampleKeys,
)
from damon_core.config.scalars import parse_cpus
from damon_core.config.text import config_text, format_cpus
from damon_core.errors import ConfigError

KEYS = [
    field.name
    for cls in (ContextKeys, IntervalsKeys, NrRegionsKeys, SampleKeys, FilterKeys, RecordKeys)
    for field in attrs.fields(cls)
]
WORDS = st.sampled_from([*KEYS, "contexts", "auto", "write", "paddr", "fvaddr", "5 ms", "2 MiB"])
TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
LEAF = st.one_of(WORDS, TEXT, st.integers(-(2**70), 2**70), st.none(), st.booleans(), st.floats())
TREE = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | TEXT, inner, max_size=5),
    max_leaves=20,
)


def read(content: bytes) -> Config | None:
    with suppress(ConfigError):
        return ConfigFile.parse(content, "f.yaml").resolve()
    return None


@given(st.text(st.characters(codec="utf-8")).map(str.encode) | st.binary())
@example(b"[" * 100_000)
@example(b"? " * 5_000)
@example(b'"\\U00110000"')
@example(b"a: \xe2\x80\xa8b")
@example(b"%YAML 1.99999999999999999999\n--- a")
def test_any_bytes_are_a_configuration_or_a_config_error(content: bytes) -> None:
    read(content)


@given(st.lists(st.sampled_from([*"-:,[]{}&*!|>'\"%@`#?\n\t ~ab01", "  ", "\n- ", "ops: "])))
def test_any_punctuation_is_a_configuration_or_a_config_error(parts: list[str]) -> None:
    read("".join(parts).encode())


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(KEYS), TREE, max_size=6))
def test_any_tree_of_known_keys_is_a_configuration_or_a_config_error(tree: object) -> None:
    import yaml

    read(yaml.safe_dump(tree, allow_unicode=True).encode())


RANGES = st.lists(st.integers(0, 2**30), min_size=2, max_size=8, unique=True).map(
    lambda pages: [
        {"start": a * 4096, "end": b * 4096}
        for a, b in zip(sorted(pages)[::2], sorted(pages)[1::2], strict=False)
    ]
)
OPTION = st.recursive(
    TEXT
    | st.integers()
    | st.booleans()
    | st.none()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
CONTEXTS = st.fixed_dictionaries(
    {"ops": st.just("paddr")},
    optional={
        "name": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,10}", fullmatch=True),
        "regions": RANGES,
        "intervals": st.fixed_dictionaries({"sample_us": st.integers(1, 10**9)}),
        "cpu_quota": st.integers(1, 1000).map(lambda percent: f"{percent} %"),
        "nr_regions": st.fixed_dictionaries({"min": st.integers(3, 1000)}),
        "sample": st.fixed_dictionaries(
            {},
            optional={
                "primitives": st.dictionaries(
                    NAMES, st.dictionaries(NAMES, OPTION, max_size=3), min_size=1, max_size=3
                ).map(lambda chosen: [{name: options} for name, options in chosen.items()]),
                "match": st.sampled_from(["any", "sampled"]),
            },
        ),
        "record": st.fixed_dictionaries({"path": NAMES}),
        "seed": st.integers(0, 2**64 - 1),
    },
)


@given(CONTEXTS)
def test_the_text_of_a_configuration_reads_as_the_same(context: dict[str, object]) -> None:
    import yaml

    config = read(yaml.safe_dump(context, allow_unicode=True).encode())
    if config is None:
        return  # regions that fit together are only likely
    again = ConfigFile.parse(config_text(config).encode(), "f.yaml").resolve()
    assert without_lines(again) == without_lines(config)


def without_lines(config: Config) -> Config:
    return attrs.evolve(
        config,
        contexts=tuple(
            attrs.evolve(
                context,
                primitives=tuple(attrs.evolve(one, where="") for one in context.primitives),
            )
            for context in config.contexts
        ),
    )


@given(st.frozensets(st.integers(0, 8191), min_size=1))
def test_a_list_of_processors_survives_formatting(cpus: frozenset[int]) -> None:
    text = format_cpus(cpus)
    if len(text) <= 4096:
        assert parse_cpus(text) == cpus
