"""perf.data files that are whole, old, new, broken or not meant for this: what is read of each."""

from __future__ import annotations

import os
import random
import struct
import sys
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damon_core.access import REPORT_DTYPE, ReportFlag
from damon_core.errors import RecordError
from damon_core.perf_attr import SampleType
from damon_core.perf_data import records as records_module
from damon_core.perf_data.decoding import FileCounts
from damon_core.perf_data.features import Feature
from damon_core.perf_data.file import PerfFile
from damon_core.perf_data.survey import Survey
from damon_core.perf_decoding import PerfCounts
from damon_core.testing.made_perf_file import (
    AUX,
    END_OF_ROUND,
    TRACING,
    ZSTD,
    ZSTD2,
    MadeEvent,
    MadeFile,
    comm,
    event_names,
    text,
    texts,
)
from damon_core.testing.perf_records import LOST, LOST_SAMPLES, THROTTLE, record, sample, words

S = SampleType
LAYOUT = S.IDENTIFIER | S.TID | S.TIME | S.ADDR | S.DATA_SRC
LOAD, STORE, NA = 0x68100142, 0x5080144, 0x5080021
LOADS = MadeEvent(sample_type=LAYOUT, ids=(1, 2), name="cpu/mem-loads/")
STORES = MadeEvent(sample_type=LAYOUT, config=0x2CD, ids=(3,), name="cpu/mem-stores/")
DUMMY = MadeEvent(sample_type=LAYOUT, type=1, config=9, ids=(8,), name="dummy:HG")
LEADER = MadeEvent(sample_type=LAYOUT, config=0x8203, ids=(9,))


def access(addr: int, time_ns: int = 1000, *, id_: int = 1, source: int = LOAD) -> bytes:
    return sample(
        {
            S.IDENTIFIER: words(id_),
            S.TID: words(100 | 101 << 32),
            S.TIME: words(time_ns),
            S.ADDR: words(addr),
            S.DATA_SRC: words(source),
        }
    )


def refusal_of(path: Path) -> str:
    """Why a file is refused; "" if it is read."""
    try:
        Opened(path)
    except RecordError as error:
        return str(error)
    return ""


class Opened:
    """What a file is found to hold, by both passes."""

    def __init__(self, path: Path, *, physical: bool = False) -> None:
        with PerfFile.open(str(path), physical=physical) as file:
            self.layout = file.layout
            self.survey: Survey = file.survey()
            parts = list(file.by_time())
            self.counts: FileCounts = file.counts
            self.counters = file.counters()
        self.rows = np.concatenate([np.empty(0, REPORT_DTYPE), *parts])
        counted = self.counts.counts
        assert len(self.rows) == counted.reports == self.survey.nr_samples
        became = [one.name for one in attrs.fields(PerfCounts)]
        became = became[became.index("reports") : became.index("malformed") + 1]
        assert self.counts.samples == (
            sum(getattr(counted, name) for name in became)
            + self.counts.other_event
            + self.counts.unknown_event
        )

    @property
    def addresses(self) -> list[int]:
        return [int(addr) for addr in self.rows["vaddr"]]


@pytest.fixture
def found(tmp_path: Path) -> Any:
    """Writes bytes to a file and reads it."""

    def read(content: bytes | MadeFile, **options: bool) -> Opened:
        path = tmp_path / "perf.data"
        path.write_bytes(content.seekable() if isinstance(content, MadeFile) else content)
        return Opened(path, **options)

    return read


@pytest.fixture
def refusal(tmp_path: Path) -> Any:
    """Writes bytes to a file and gives the text of its refusal, without the path."""

    def refuse(content: bytes | MadeFile, *, physical: bool = False) -> str:
        path = tmp_path / "perf.data"
        path.write_bytes(content.seekable() if isinstance(content, MadeFile) else content)
        with pytest.raises(RecordError) as caught:
            Opened(path, physical=physical)
        message = str(caught.value)
        assert "\n" not in message
        assert message.startswith(f"{path}: ")
        return message.replace(f"{path}: ", "", 1)

    return refuse


@pytest.mark.parametrize("size", [64, 72, 80, 96, 104, 112, 120, 128, 136, 200])
def test_attributes_of_any_size_are_read(found: Any, size: int) -> None:
    event = MadeEvent(sample_type=LAYOUT, ids=(1,), size=size)
    assert found(MadeFile(events=[event], records=access(0x1000))).addresses == [0x1000]


def test_a_pipe_holds_the_same_as_a_file(found: Any) -> None:
    features = {Feature.HOSTNAME: text("box"), Feature.CMDLINE: texts(["perf", "mem"])}
    made = MadeFile(
        events=[LOADS, STORES],
        records=access(0x1000) + access(0x2000, id_=3) + END_OF_ROUND,
        features={**features, Feature.EVENT_DESC: event_names([LOADS, STORES])},
    )
    seekable, piped = found(made), found(made.piped())
    assert seekable.addresses == piped.addresses == [0x1000, 0x2000]
    for one in (seekable, piped):
        assert [event.title for event in one.layout.events] == [LOADS.name, STORES.name]
        assert one.layout.features.hostname == "box"
        assert one.layout.features.cmdline == ("perf", "mem")


def test_a_pipe_names_its_events_by_updates(found: Any) -> None:
    made = MadeFile(events=[LOADS, STORES], records=access(0x1000))
    assert [event.title for event in found(made.piped()).layout.events] == [
        *(LOADS.name, STORES.name)
    ]


def test_a_file_whose_recorder_was_killed_is_read_to_its_end(found: Any) -> None:
    made = MadeFile(events=[LOADS], records=access(0x1000) + access(0x2000))
    one = found(made.seekable(data_size=0))
    assert one.addresses == [0x1000, 0x2000]
    assert "killed" in one.layout.notes[0]


def test_a_last_record_that_is_cut_short_is_left_out_and_told(found: Any) -> None:
    content = MadeFile(events=[LOADS], records=access(0x1000) + access(0x2000)).seekable()
    one = found(content[:-8])
    assert one.addresses == [0x1000]
    assert one.counts.cut_short
    assert "8 bytes of records are missing" in one.layout.notes[0]


def test_what_follows_bytes_that_are_no_record_is_counted(found: Any) -> None:
    one = found(MadeFile(events=[LOADS], records=access(0x1000) + bytes(16) + access(0x2000)))
    assert one.addresses == [0x1000]
    assert one.counters["unread_bytes"] == 16 + len(access(0x2000))


def test_samples_go_to_the_event_of_their_id(found: Any) -> None:
    records = access(0x1000, source=NA) + access(0x2000, id_=3, source=NA)
    named = {Feature.EVENT_DESC: event_names([LOADS, STORES])}
    one = found(MadeFile(events=[LOADS, STORES], records=records, features=named))
    assert (one.rows["flags"] & 3).tolist() == [ReportFlag.READ, ReportFlag.WRITE]


def test_ids_without_identifier_stand_behind_the_address(found: Any) -> None:
    layout = S.IP | S.TID | S.TIME | S.ADDR | S.ID
    events = [MadeEvent(sample_type=layout, ids=(5,)), MadeEvent(sample_type=layout, ids=(7,))]
    records = b"".join(
        sample(
            {
                S.IP: words(1),
                S.TID: words(100),
                S.TIME: words(9),
                S.ADDR: words(0x1000 * id_),
                S.ID: words(id_),
            }
        )
        for id_ in (5, 7, 6)
    )
    one = found(MadeFile(events=events, records=records))
    assert one.addresses == [0x5000, 0x7000]
    assert one.counters["unknown_event"] == 1


def test_leaders_of_groups_and_dummies_are_counted_and_not_reported(found: Any) -> None:
    events = [DUMMY, LEADER, LOADS]
    records = access(0x1000) + access(0x2000, id_=8) + access(0x3000, id_=9)
    one = found(MadeFile(events=events, records=records))
    assert one.addresses == [0x1000]
    assert one.counters["other_event"] == 2


def test_events_without_addresses_beside_others_are_counted(found: Any) -> None:
    cycles = MadeEvent(sample_type=LAYOUT & ~S.ADDR, type=0, config=0, ids=(4,))
    plain = sample(
        {S.IDENTIFIER: words(4), S.TID: words(1), S.TIME: words(1), S.DATA_SRC: words(NA)}
    )
    one = found(MadeFile(events=[cycles, LOADS], records=plain + access(0x1000)))
    assert one.addresses == [0x1000]
    assert one.counters["other_event"] == 1


def test_losses_and_silences_are_counted(found: Any) -> None:
    records = b"".join(
        [
            *(access(0x1000), record(LOST, words(1, 7)), record(LOST_SAMPLES, words(5))),
            *(record(THROTTLE, words(1, 1, 1)), access(0x2000), record(LOST, words(1, 4))),
        ]
    )
    counters = found(MadeFile(events=[LOADS], records=records)).counters
    assert (counters["lost"], counters["lost_samples"], counters["throttled"]) == (11, 5, 1)


def test_records_that_nobody_knows_are_skipped_and_counted(found: Any) -> None:
    records = record(90, bytes(24)) + access(0x1000) + record(60, bytes(8)) + record(1 << 31)
    one = found(MadeFile(events=[LOADS], records=records))
    assert one.addresses == [0x1000]
    assert one.counters["unknown_records"] == 2


def test_what_lies_behind_records_of_traces_is_stepped_over(
    found: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    traced = record(AUX, words(2000, 0, 0, 0)) + random.Random(1).randbytes(2000)
    formats = record(TRACING, struct.pack("<I", 500)) + random.Random(2).randbytes(504)
    made = MadeFile(events=[LOADS], records=traced + access(0x1000) + formats + access(0x2000))
    for piece in (records_module.PIECE, 64, 600):
        monkeypatch.setattr(records_module, "PIECE", piece)
        one = found(made)
        assert one.addresses == [0x1000, 0x2000]
        assert one.counters["aux_bytes"] == 2000


@pytest.mark.parametrize("piece", [8, 9, 64, 100])
def test_records_across_the_pieces_that_are_read_are_whole(
    found: Any, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(records_module, "PIECE", piece)
    records = b"".join(access(0x1000 * i, i) + comm(i, "x" * i) for i in range(1, 30))
    assert found(MadeFile(events=[LOADS], records=records)).addresses == [
        0x1000 * i for i in range(1, 30)
    ]


def test_physical_addresses_are_taken_where_they_are_recorded(found: Any, refusal: Any) -> None:
    event = MadeEvent(sample_type=S.TIME | S.ADDR | S.PHYS_ADDR)
    records = b"".join(
        sample({S.TIME: words(1), S.ADDR: words(addr), S.PHYS_ADDR: words(phys)})
        for addr, phys in ((2**64 - 4096, 0x5000), (0x1000, 0), (0, 0x7000))
    )
    made = MadeFile(events=[event], records=records)
    one = found(made, physical=True)
    assert [int(phys) for phys in one.rows["paddr"]] == [0x5000, 0x7000]
    assert one.counters["no_address"] == 1
    plain = MadeFile(events=[LOADS], records=access(0x1000))
    assert "--phys-data" in refusal(plain, physical=True)


@pytest.mark.parametrize(
    ("event", "flag"),
    [
        (MadeEvent(sample_type=LAYOUT, name="cpu/mem-stores/P"), ReportFlag.WRITE),
        (MadeEvent(sample_type=LAYOUT, name="cpu/mem-loads,ldlat=30/P"), ReportFlag.READ),
        (MadeEvent(sample_type=LAYOUT, name="cycles", config=0x1CD), 0),
        (MadeEvent(sample_type=LAYOUT, type=5, bp_type=2), ReportFlag.WRITE),
        (MadeEvent(sample_type=LAYOUT, type=5, bp_type=1), ReportFlag.READ),
        (MadeEvent(sample_type=LAYOUT, type=5, bp_type=3), 0),
    ],
    ids=lambda value: str(getattr(value, "name", value)),
)
def test_a_direction_that_samples_do_not_tell_is_the_events_or_unknown(
    found: Any, event: MadeEvent, flag: int
) -> None:
    features = {Feature.EVENT_DESC: event_names([event])}
    made = MadeFile(events=[event], records=access(0x1000, source=NA), features=features)
    assert (found(made).rows["flags"] & 3).tolist() == [flag]
    told = MadeFile(events=[event], records=access(0x1000, source=STORE), features=features)
    assert (found(told).rows["flags"] & 3).tolist() == [ReportFlag.WRITE]


@pytest.mark.parametrize(("cpuid", "flag"), [("GenuineIntel,6,62,4", ReportFlag.WRITE), ("", 0)])
def test_numbers_of_raw_events_mean_something_only_on_a_known_processor(
    found: Any, cpuid: str, flag: int
) -> None:
    event = MadeEvent(sample_type=LAYOUT, config=0x82D0)
    features = {Feature.CPUID: text(cpuid)} if cpuid else {}
    made = MadeFile(events=[event], records=access(0x1000, source=NA), features=features)
    assert (found(made).rows["flags"] & 3).tolist() == [flag]


def test_a_fixed_period_is_the_weight_and_a_frequency_is_none(found: Any) -> None:
    for flags, weight in ((1 << 18, 2003), (1 << 18 | 1 << 10, 1)):
        event = MadeEvent(sample_type=LAYOUT, sample_period=2003, flags=flags)
        made = MadeFile(events=[event], records=access(0x1000))
        assert found(made).rows["weight"].tolist() == [weight]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "does not begin with PERFILE2"),
        (b"\x7fELF" + bytes(200), "does not begin with PERFILE2"),
        (b"2ELIFREP" + bytes(200), "other byte order: use `perf script"),
        (b"PERFILE2" + words(104), "cut short"),
        (b"PERFILE2" + words(16), "no events"),
        (MadeFile(events=[LOADS]).seekable()[:150], "is damaged"),
    ],
    ids=["empty", "another", "swapped", "short", "pipe of nothing", "half"],
)
def test_what_is_no_file_of_samples_is_refused(refusal: Any, content: bytes, says: str) -> None:
    assert says in refusal(content)


def test_files_that_only_perf_can_read_are_refused_with_what_to_do(refusal: Any) -> None:
    trace = MadeEvent(sample_type=S.IDENTIFIER | S.TIME | S.TID, type=8, ids=(1,))
    aux = refusal(MadeFile(events=[trace], records=END_OF_ROUND, features={Feature.AUXTRACE: b""}))
    assert "AUX trace (Arm SPE" in aux
    assert "perf script --itrace=M -i" in aux
    part = refusal(
        MadeFile(events=[LOADS], records=END_OF_ROUND, features={Feature.DIR_FORMAT: b""})
    )
    assert "perf script -i DIRECTORY | damon import -" in part


def test_events_that_samples_do_not_tell_apart_are_refused(refusal: Any) -> None:
    events = [MadeEvent(sample_type=S.TIME | S.ADDR)] * 2
    assert "do not tell which" in refusal(MadeFile(events=events))


def test_samples_without_times_are_refused(refusal: Any) -> None:
    assert "--timestamp" in refusal(MadeFile(events=[MadeEvent(sample_type=S.ADDR | S.TID)]))


def compressed(payloads: list[bytes], kind: int) -> bytes:
    if kind == ZSTD:
        return b"".join(record(kind, payload) for payload in payloads)
    return b"".join(
        record(kind, words(len(payload)) + payload + bytes(-len(payload) % 8))
        for payload in payloads
    )


@pytest.mark.parametrize("kind", [ZSTD, ZSTD2])
def test_compressed_records_are_read_across_their_pieces(found: Any, kind: int) -> None:
    zstandard = pytest.importorskip("zstandard", reason="needs zstandard: pip install zstandard")
    stream = zstandard.ZstdCompressor().compressobj()
    plain = b"".join(access(0x1000 * i, i) for i in range(1, 200))
    payloads = []
    for at in range(0, len(plain), 1000):  # as perf does, not at borders of records
        payload = stream.compress(plain[at : at + 1000])
        payloads.append(payload + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
    records = compressed(payloads, kind) + END_OF_ROUND
    assert found(MadeFile(events=[LOADS], records=records)).addresses == [
        0x1000 * i for i in range(1, 200)
    ]


def test_damaged_compressed_records_are_refused(refusal: Any) -> None:
    pytest.importorskip("zstandard", reason="needs zstandard: pip install zstandard")
    made = MadeFile(events=[LOADS], records=record(ZSTD, b"no zstd at all...."))
    assert "compressed records are damaged" in refusal(made)


def test_compressed_records_without_a_library_are_refused(
    refusal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("compression.zstd", "zstandard"):
        monkeypatch.setitem(sys.modules, name, None)
    message = refusal(MadeFile(events=[LOADS], records=record(ZSTD, b"x")))
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
