"""perf.data files that are compressed, cut short, or nonsense: read in part, or refused."""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from damon_core.errors import RecordError
from damon_core.perf_data.features import Feature
from damon_core.testing.made_perf_file import (
    END_OF_ROUND,
    ZSTD,
    ZSTD2,
    MadeFile,
    comm,
    event_names,
    text,
    texts,
)
from damon_core.testing.perf_records import record, words
from tests.perf_files import (
    LOADS,
    STORES,
    Opened,
    access,
    found_in,
    refusal_of,
    why_refused,
)


def compressed(payloads: list[bytes], kind: int) -> bytes:
    if kind == ZSTD:
        return b"".join(record(kind, payload) for payload in payloads)
    return b"".join(
        record(kind, words(len(payload)) + payload + bytes(-len(payload) % 8))
        for payload in payloads
    )


@pytest.mark.parametrize("kind", [ZSTD, ZSTD2])
def test_compressed_records_are_read_across_their_pieces(tmp_path: Path, kind: int) -> None:
    zstandard = pytest.importorskip("zstandard", reason="needs zstandard: pip install zstandard")
    stream = zstandard.ZstdCompressor().compressobj()
    plain = b"".join(access(0x1000 * i, i) for i in range(1, 200))
    payloads = []
    for at in range(0, len(plain), 1000):  # as perf does, not at borders of records
        payload = stream.compress(plain[at : at + 1000])
        payloads.append(payload + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
    records = compressed(payloads, kind) + END_OF_ROUND
    assert found_in(tmp_path, MadeFile(events=[LOADS], records=records)).addresses == [
        0x1000 * i for i in range(1, 200)
    ]


def test_damaged_compressed_records_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("zstandard", reason="needs zstandard: pip install zstandard")
    made = MadeFile(events=[LOADS], records=record(ZSTD, b"no zstd at all...."))
    assert "compressed records are damaged" in why_refused(tmp_path, made)


def test_compressed_records_without_a_library_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("compression.zstd", "zstandard"):
        monkeypatch.setitem(sys.modules, name, None)
    message = why_refused(tmp_path, MadeFile(events=[LOADS], records=record(ZSTD, b"x")))
    assert "pip install 'damon-core[zstd]'" in message
    assert "perf inject" in message


FEATURES = {
    Feature.HOSTNAME: text("box"),
    Feature.CMDLINE: texts(["perf"]),
    Feature.EVENT_DESC: event_names([LOADS, STORES]),
    Feature.PMU_MAPPINGS: struct.pack("<II", 1, 4) + text("cpu"),
}
SMALL = MadeFile(
    events=[LOADS, STORES],
    records=comm(100, "x") + access(0x1000) + access(0x2000, id_=3) + END_OF_ROUND,
    features=FEATURES,
)

SMALL_DATA_AT = 104 + 24 + 2 * (128 + 16)


@pytest.mark.parametrize("content", [SMALL.seekable(), SMALL.piped()], ids=["file", "pipe"])
def test_a_file_cut_at_any_byte_is_read_as_far_as_it_goes_or_refused(
    tmp_path: Path, content: bytes
) -> None:
    nr_read = 0
    path = tmp_path / "perf.data"
    for size in range(len(content)):
        path.write_bytes(content[:size])
        try:
            one = Opened(path)
        except RecordError:
            assert not nr_read, "a longer file is refused, a shorter one was read"
            continue
        assert one.addresses == [0x1000, 0x2000][: len(one.addresses)]
        assert len(one.addresses) >= nr_read
        nr_read = len(one.addresses)
    assert nr_read == 2


@given(
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=8),
    st.booleans(),
)
def test_wrong_bytes_anywhere_are_survived(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], piped: bool
) -> None:
    content = bytearray(SMALL.piped() if piped else SMALL.seekable())
    for at, value in changes:
        content[at % len(content)] = value
    path = tmp_path_factory.mktemp("broken") / "perf.data"
    path.write_bytes(content)
    assert "\n" not in refusal_of(path)


@given(st.binary(max_size=600), st.sampled_from([104, 16, None]))
def test_junk_is_survived(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, header: int | None
) -> None:
    start = b"PERFILE2" + words(header) if header else SMALL.seekable()[:SMALL_DATA_AT]
    path = tmp_path_factory.mktemp("junk") / "perf.data"
    path.write_bytes(start + junk)
    assert "\n" not in refusal_of(path)


@pytest.mark.parametrize("start", [b"", MadeFile(events=[LOADS]).seekable(data_size=1 << 32)])
def test_four_gigabytes_of_nothing_are_refused_or_passed_over_at_once(
    tmp_path: Path, start: bytes
) -> None:
    path = tmp_path / "perf.data"
    path.write_bytes(start)
    os.truncate(path, 1 << 32)
    if not start:
        with pytest.raises(RecordError, match="PERFILE2"):
            Opened(path)
        return
    one = Opened(path)
    assert not len(one.rows)
    assert one.counts.unread_bytes == (1 << 32) - len(start)
