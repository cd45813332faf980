"""perf.data files that are whole, old, new, or not meant for this: what is read of each."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from damon_core.access import ReportFlag
from damon_core.perf_data import file as file_module
from damon_core.perf_data import records as records_module
from damon_core.perf_data.features import Feature
from damon_core.perf_data.order import TimeOrder
from damon_core.testing.made_perf_file import (
    AUX,
    END_OF_ROUND,
    TRACING,
    MadeEvent,
    MadeFile,
    comm,
    event_names,
    text,
    texts,
)
from damon_core.testing.perf_records import LOST, LOST_SAMPLES, THROTTLE, record, sample, words
from tests.perf_files import (
    DUMMY,
    LAYOUT,
    LEADER,
    LOADS,
    NA,
    STORE,
    STORES,
    S,
    access,
    found_in,
    why_refused,
)


@pytest.mark.parametrize("size", [64, 72, 80, 96, 104, 112, 120, 128, 136, 200])
def test_attributes_of_any_size_are_read(tmp_path: Path, size: int) -> None:
    event = MadeEvent(sample_type=LAYOUT, ids=(1,), size=size)
    assert found_in(tmp_path, MadeFile(events=[event], records=access(0x1000))).addresses == [
        0x1000
    ]


def test_a_pipe_holds_the_same_as_a_file(tmp_path: Path) -> None:
    features = {Feature.HOSTNAME: text("box"), Feature.CMDLINE: texts(["perf", "mem"])}
    made = MadeFile(
        events=[LOADS, STORES],
        records=access(0x1000) + access(0x2000, id_=3) + END_OF_ROUND,
        features={**features, Feature.EVENT_DESC: event_names([LOADS, STORES])},
    )
    seekable, piped = found_in(tmp_path, made), found_in(tmp_path, made.piped())
    assert seekable.addresses == piped.addresses == [0x1000, 0x2000]
    for one in (seekable, piped):
        assert [event.title for event in one.layout.events] == [LOADS.name, STORES.name]
        assert one.layout.features.hostname == "box"
        assert one.layout.features.cmdline == ("perf", "mem")


def test_a_pipe_names_its_events_by_updates(tmp_path: Path) -> None:
    made = MadeFile(events=[LOADS, STORES], records=access(0x1000))
    assert [event.title for event in found_in(tmp_path, made.piped()).layout.events] == [
        *(LOADS.name, STORES.name)
    ]


def test_names_that_could_steer_a_terminal_are_spelled_out(tmp_path: Path) -> None:
    event = MadeEvent(sample_type=S.TIME | S.TID, name="\x1b[2Jcycles")
    features = {Feature.EVENT_DESC: event_names([event])}
    made = MadeFile(events=[event], records=END_OF_ROUND, features=features)
    assert "(events: \\x1b[2Jcycles)" in why_refused(tmp_path, made)


def test_a_file_whose_recorder_was_killed_is_read_to_its_end(tmp_path: Path) -> None:
    made = MadeFile(events=[LOADS], records=access(0x1000) + access(0x2000))
    one = found_in(tmp_path, made.seekable(data_size=0))
    assert one.addresses == [0x1000, 0x2000]
    assert "killed" in one.layout.notes[0]


def test_a_last_record_that_is_cut_short_is_left_out_and_told(tmp_path: Path) -> None:
    content = MadeFile(events=[LOADS], records=access(0x1000) + access(0x2000)).seekable()
    one = found_in(tmp_path, content[:-8])
    assert one.addresses == [0x1000]
    assert one.counts.cut_short
    assert "8 bytes of records are missing" in one.layout.notes[0]


def test_what_follows_bytes_that_are_no_record_is_counted(tmp_path: Path) -> None:
    one = found_in(
        tmp_path, MadeFile(events=[LOADS], records=access(0x1000) + bytes(16) + access(0x2000))
    )
    assert one.addresses == [0x1000]
    assert one.counters["unread_bytes"] == 16 + len(access(0x2000))


def test_samples_go_to_the_event_of_their_id(tmp_path: Path) -> None:
    records = access(0x1000, source=NA) + access(0x2000, id_=3, source=NA)
    named = {Feature.EVENT_DESC: event_names([LOADS, STORES])}
    one = found_in(tmp_path, MadeFile(events=[LOADS, STORES], records=records, features=named))
    assert (one.rows["flags"] & 3).tolist() == [ReportFlag.READ, ReportFlag.WRITE]


def test_ids_without_identifier_stand_behind_the_address(tmp_path: Path) -> None:
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
    one = found_in(tmp_path, MadeFile(events=events, records=records))
    assert one.addresses == [0x5000, 0x7000]
    assert one.counters["unknown_event"] == 1


def test_leaders_of_groups_and_dummies_are_counted_and_not_reported(tmp_path: Path) -> None:
    events = [DUMMY, LEADER, LOADS]
    records = access(0x1000) + access(0x2000, id_=8) + access(0x3000, id_=9)
    one = found_in(tmp_path, MadeFile(events=events, records=records))
    assert one.addresses == [0x1000]
    assert one.counters["other_event"] == 2


def test_events_without_addresses_beside_others_are_counted(tmp_path: Path) -> None:
    cycles = MadeEvent(sample_type=LAYOUT & ~S.ADDR, type=0, config=0, ids=(4,))
    plain = sample(
        {S.IDENTIFIER: words(4), S.TID: words(1), S.TIME: words(1), S.DATA_SRC: words(NA)}
    )
    one = found_in(tmp_path, MadeFile(events=[cycles, LOADS], records=plain + access(0x1000)))
    assert one.addresses == [0x1000]
    assert one.counters["other_event"] == 1


def test_losses_and_silences_are_counted(tmp_path: Path) -> None:
    records = b"".join(
        [
            *(access(0x1000), record(LOST, words(1, 7)), record(LOST_SAMPLES, words(5))),
            *(record(THROTTLE, words(1, 1, 1)), access(0x2000), record(LOST, words(1, 4))),
        ]
    )
    counters = found_in(tmp_path, MadeFile(events=[LOADS], records=records)).counters
    assert (counters["lost"], counters["lost_samples"], counters["throttled"]) == (11, 5, 1)


def test_records_that_nobody_knows_are_skipped_and_counted(tmp_path: Path) -> None:
    records = record(90, bytes(24)) + access(0x1000) + record(60, bytes(8)) + record(1 << 31)
    one = found_in(tmp_path, MadeFile(events=[LOADS], records=records))
    assert one.addresses == [0x1000]
    assert one.counters["unknown_records"] == 2


def test_what_lies_behind_records_of_traces_is_stepped_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    traced = record(AUX, words(2000, 0, 0, 0)) + random.Random(1).randbytes(2000)
    formats = record(TRACING, struct.pack("<I", 500)) + random.Random(2).randbytes(504)
    made = MadeFile(events=[LOADS], records=traced + access(0x1000) + formats + access(0x2000))
    for piece in (records_module.PIECE, 64, 600):
        monkeypatch.setattr(records_module, "PIECE", piece)
        one = found_in(tmp_path, made)
        assert one.addresses == [0x1000, 0x2000]
        assert one.counters["aux_bytes"] == 2000


@pytest.mark.parametrize("piece", [8, 9, 64, 100])
def test_records_across_the_pieces_that_are_read_are_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(records_module, "PIECE", piece)
    records = b"".join(access(0x1000 * i, i) + comm(i, "x" * i) for i in range(1, 30))
    assert found_in(tmp_path, MadeFile(events=[LOADS], records=records)).addresses == [
        0x1000 * i for i in range(1, 30)
    ]


def test_reports_for_which_there_is_no_room_wait_and_none_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_module, "TimeOrder", lambda: TimeOrder(2))
    times = random.Random(4).sample(range(1000), 100)
    records = b"".join(access(0x1000 * time, time, id_=1 + time % 3) for time in times)
    one = found_in(tmp_path, MadeFile(events=[LOADS, STORES], records=records))
    assert one.addresses == [0x1000 * time for time in sorted(times) if time]


def test_physical_addresses_are_taken_where_they_are_recorded(tmp_path: Path) -> None:
    event = MadeEvent(sample_type=S.TIME | S.ADDR | S.PHYS_ADDR)
    records = b"".join(
        sample({S.TIME: words(1), S.ADDR: words(addr), S.PHYS_ADDR: words(phys)})
        for addr, phys in ((2**64 - 4096, 0x5000), (0x1000, 0), (0, 0x7000))
    )
    made = MadeFile(events=[event], records=records)
    one = found_in(tmp_path, made, physical=True)
    assert [int(phys) for phys in one.rows["paddr"]] == [0x5000, 0x7000]
    assert one.counters["no_address"] == 1
    plain = MadeFile(events=[LOADS], records=access(0x1000))
    assert "--phys-data" in why_refused(tmp_path, plain, physical=True)


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
    tmp_path: Path, event: MadeEvent, flag: int
) -> None:
    features = {Feature.EVENT_DESC: event_names([event])}
    made = MadeFile(events=[event], records=access(0x1000, source=NA), features=features)
    assert (found_in(tmp_path, made).rows["flags"] & 3).tolist() == [flag]
    told = MadeFile(events=[event], records=access(0x1000, source=STORE), features=features)
    assert (found_in(tmp_path, told).rows["flags"] & 3).tolist() == [ReportFlag.WRITE]


@pytest.mark.parametrize(("cpuid", "flag"), [("GenuineIntel,6,62,4", ReportFlag.WRITE), ("", 0)])
def test_numbers_of_raw_events_mean_something_only_on_a_known_processor(
    tmp_path: Path, cpuid: str, flag: int
) -> None:
    event = MadeEvent(sample_type=LAYOUT, config=0x82D0)
    features = {Feature.CPUID: text(cpuid)} if cpuid else {}
    made = MadeFile(events=[event], records=access(0x1000, source=NA), features=features)
    assert (found_in(tmp_path, made).rows["flags"] & 3).tolist() == [flag]


def test_a_fixed_period_is_the_weight_and_a_frequency_is_none(tmp_path: Path) -> None:
    for flags, weight in ((1 << 18, 2003), (1 << 18 | 1 << 10, 1)):
        event = MadeEvent(sample_type=LAYOUT, sample_period=2003, flags=flags)
        made = MadeFile(events=[event], records=access(0x1000))
        assert found_in(tmp_path, made).rows["weight"].tolist() == [weight]


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
def test_what_is_no_file_of_samples_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    assert says in why_refused(tmp_path, content)


def test_files_that_only_perf_can_read_are_refused_with_what_to_do(tmp_path: Path) -> None:
    trace = MadeEvent(sample_type=S.IDENTIFIER | S.TIME | S.TID, type=8, ids=(1,))
    aux = why_refused(
        tmp_path, MadeFile(events=[trace], records=END_OF_ROUND, features={Feature.AUXTRACE: b""})
    )
    assert "AUX trace (Arm SPE" in aux
    assert "perf script --itrace=M -i" in aux
    part = why_refused(
        tmp_path, MadeFile(events=[LOADS], records=END_OF_ROUND, features={Feature.DIR_FORMAT: b""})
    )
    assert "perf script -i DIRECTORY | damon import -" in part


def test_events_that_samples_do_not_tell_apart_are_refused(tmp_path: Path) -> None:
    events = [MadeEvent(sample_type=S.TIME | S.ADDR)] * 2
    assert "do not tell which" in why_refused(tmp_path, MadeFile(events=events))


def test_samples_without_times_are_refused(tmp_path: Path) -> None:
    assert "--timestamp" in why_refused(
        tmp_path, MadeFile(events=[MadeEvent(sample_type=S.ADDR | S.TID)])
    )
