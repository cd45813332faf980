from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from damon_core import units
from damon_core.errors import ConfigError

REFUSED = r"^got .*, expected"


@pytest.mark.parametrize(
    ("text", "time_us"),
    [
        ("5 ms", 5_000),
        ("5ms", 5_000),
        ("1 m 2 s", 62_000_000),
        ("1m2s", 62_000_000),
        ("5 min", 300_000_000),
        ("1.5 ms", 1_500),
        ("0.5 s", 500_000),
        ("2000 ns", 2),
        ("7 µs", 7),
        ("1,000", 1_000),
        ("1 d", 86_400_000_000),
        (100_000, 100_000),
        ("min", 0),
        ("max", units.MAX_TIME_US),
    ],
)
def test_a_time_is_read_in_microseconds(text: str | int, time_us: int) -> None:
    assert units.parse_time_us(text) == time_us


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4K", 4096),
        ("4 KiB", 4096),
        ("4 kB", 4096),
        ("2 MiB", 2**21),
        ("1.5 GiB", 3 * 2**29),
        ("1 GiB 512 MiB", 3 * 2**29),
        ("1,048,576", 2**20),
        ("0x1000", 4096),
        ("16 EiB", None),
        ("max", 2**64 - 1),
        ("min", 0),
        (12, 12),
    ],
)
def test_a_size_is_read_in_bytes(text: str | int, size: int | None) -> None:
    if size is None:
        with pytest.raises(ConfigError, match="at most"):
            units.parse_size(text)
    else:
        assert units.parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "share"),
    [("20 %", 0.2), ("5%", 0.05), ("0.05", 0.05), (0.1, 0.1), ("150 %", 1.5), (1, 1.0), ("0", 0)],
)
def test_a_share_is_read_as_a_fraction_of_one(text: str | float, share: float) -> None:
    assert units.parse_share(text) == share


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ms",
        "5 parsecs",
        "-5 ms",
        "5 5",
        "1 s 1 m",
        "1 s 2 s",
        "1,00 ms",
        "1e3",
        "0.5 us",
        "٣ ms",
        "9" * 5000,
        "9" * 40 + " d",
        "nan",
        "5 ms;",
        "5  ms  x",
        "\0",
        "1..5 s",
        "--5",
    ],
)
def test_a_text_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=REFUSED):
        units.parse_time_us(text)


@pytest.mark.parametrize("text", ["4 Q", "0.3 B", "4 Ki", "-1", -1, "0x", "0x1g", "20 %", "1K 1M"])
def test_a_text_that_is_no_size_is_refused(text: str | int) -> None:
    with pytest.raises(ConfigError, match=REFUSED):
        units.parse_size(text)


@pytest.mark.parametrize("text", ["010", "1.5", "1,0,0", "ten", "1 K", "", "-3", -3, 2**64, "1_"])
def test_a_text_that_is_no_count_is_refused(text: str | int) -> None:
    with pytest.raises(ConfigError, match=REFUSED):
        units.parse_count(text)


@pytest.mark.parametrize("text", ["20", "-5 %", "%", "five %", "5 ‰", "1e-3", "99999999999 %"])
def test_a_text_that_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=REFUSED):
        units.parse_share(text)


def test_a_bare_percentage_says_how_to_write_it() -> None:
    with pytest.raises(ConfigError, match="write '20 %' for percent"):
        units.parse_share("20")


@given(st.integers(0, units.MAX_TIME_US))
def test_a_time_survives_formatting(time_us: int) -> None:
    assert units.parse_time_us(units.format_time_us(time_us)) == time_us


@given(st.integers(0, 2**64 - 1))
def test_a_size_survives_formatting(size: int) -> None:
    assert units.parse_size(units.format_size(size)) == size


@given(st.integers(0, 2**30).map(lambda shift: shift * 4096))
def test_a_page_aligned_size_survives_formatting(size: int) -> None:
    assert units.parse_size(units.format_size(size)) == size


@given(st.floats(1e-9, 10_000))
def test_a_share_survives_formatting(share: float) -> None:
    assert units.parse_share(units.format_share(share)) == share


@given(st.text())
def test_any_text_is_a_number_or_a_config_error(text: str) -> None:
    for parse in (units.parse_count, units.parse_time_us, units.parse_size, units.parse_share):
        with suppress(ConfigError):
            assert parse(text) >= 0


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1023, "0.999 KiB"),
        (1_572_864, "1.5 MiB"),
        (2**30 * 1000, "0.977 TiB"),
    ],
)
def test_a_rounded_size_has_three_digits(size: int, text: str) -> None:
    assert units.about_size(size) == text
