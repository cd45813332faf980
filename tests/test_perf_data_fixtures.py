"""Files of perf from real machines: what is known of them, and what their reader finds.

They are not part of this repository; their numbers are.
"""

from __future__ import annotations

import os
import struct
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from attrs import evolve

from damon_core.access import REPORT_DTYPE, ReportFlag
from damon_core.errors import RecordError
from damon_core.perf_attr import ReadFormat, SampleType
from damon_core.perf_data.container import read_layout
from damon_core.perf_data.features import Feature
from damon_core.perf_data.file import PerfFile
from damon_core.perf_data.layout import PerfLayout
from damon_core.perf_data.zstd import ZstdStream
from damon_core.perf_decoding import Direction, PerfCounts, PerfDecoder, PerfDecoding
from damon_core.testing.made_perf_file import MadeEvent, MadeFile
from damon_core.testing.perf_records import HEADER, SAMPLE, split

ROOT = Path(__file__).parent.parent
FILES = Path(os.environ.get("DAMON_PERF_DATA", ROOT.parent / "shared" / "data" / "perfdata"))

pytestmark = pytest.mark.skipif(
    not FILES.is_dir(),
    reason=f"needs perf.data files of real machines: set DAMON_PERF_DATA ({FILES} does not exist)",
)

LOADS = ("pnnl-ubench/perf-mem-4986", "pnnl-ubench/perf-mem-19946")
STACK_PAGE, GLOBAL_PAGE = 0x7FFF64C80, 0x7F12F8139


def opened(name: str) -> PerfFile:
    return PerfFile.open(str(FILES / name), physical=False)


def layout_of(name: str) -> PerfLayout:
    with open(FILES / name, "rb") as file:
        return read_layout(str(FILES / name), file.fileno())


def records_of(name: str) -> bytes:
    layout = layout_of(name)
    return (FILES / name).read_bytes()[layout.start : layout.end]


def kinds(records: bytes) -> Counter[int]:
    return Counter(kind for kind, _ in split(records))


def all_rows(name: str) -> tuple[np.ndarray, PerfCounts]:
    """Reports of all samples of a file of one event, those of the kernel's addresses too."""
    (event,) = layout_of(name).events
    decoder = PerfDecoder(evolve(event.decoding(physical=False, intel=True), user_end=0))
    rows = np.zeros(20_000, REPORT_DTYPE)
    records = records_of(name)
    assert decoder.decode(records, rows.ctypes.data, len(rows)) == len(records)
    return rows[: decoder.counts.reports], decoder.counts


@pytest.mark.parametrize(
    ("name", "nr", "nr_user", "xor"),
    [(LOADS[0], 253, 251, 0x7F0E694A3234), (LOADS[1], 63, 63, 0x7FFF8583228C)],
)
def test_every_sample_of_real_loads_is_read(name: str, nr: int, nr_user: int, xor: int) -> None:
    rows, counts = all_rows(name)
    assert kinds(records_of(name)) == {1: 20, 3: 1, 4: 1, SAMPLE: nr}
    assert (len(rows), counts.samples) == (nr, nr)
    assert np.bitwise_xor.reduce(rows["vaddr"]) == xor
    assert set(rows["data_src"].tolist()) == {0x68100142}
    assert (rows["flags"] & ReportFlag.READ).all()
    with opened(name) as file:
        found = np.concatenate(list(file.by_time()))
        assert len(found) == nr_user
        assert file.counts.counts.kernel == nr - nr_user


def test_times_and_pages_of_real_loads_are_those_that_are_known() -> None:
    with opened(LOADS[0]) as file:
        survey = file.survey()
        rows = np.concatenate(list(file.by_time([997865])))
    assert (survey.first_ns, survey.last_ns) == (6026386194586962, 6026386273908986)
    pages = Counter((rows["vaddr"] >> 12).tolist())
    assert pages == {STACK_PAGE: 220, GLOBAL_PAGE: 31}
    stack = next(one for one in survey.tasks.mappings_of(997865) if one.name == "[stack]")
    assert (stack.range.start, stack.range.size) == (0x7FFF64C6D000, 0x16000)


def test_what_samples_stand_for_does_not_depend_on_their_period() -> None:
    estimates, shares = [], []
    for name, period in zip(LOADS, (4986, 19946), strict=True):
        rows, _ = all_rows(name)
        assert set(rows["weight"].tolist()) == {period}
        estimates.append(int(rows["weight"].sum()))
        _, pages = np.unique(rows["vaddr"] >> 12, return_counts=True)
        shares.append(pages.max() / len(rows))
    assert estimates == [1_261_458, 1_256_598]
    assert max(estimates) / min(estimates) < 1.02
    assert all(0.86 < share < 0.95 for share in shares)


def test_loads_recorded_without_addresses_are_refused_and_still_are_all_there() -> None:
    name = "pnnl-ubench/perf-dla1_dat-x.noaddr"
    with pytest.raises(RecordError, match=r"without addresses.*perf mem record.*perf record -d"):
        opened(name)
    found = kinds(records_of(name))
    assert found == {1: 136, 3: 2, 4: 1, SAMPLE: 10014, 10: 4, 68: 3, 79: 1}
    (event,) = layout_of(name).events
    assert event.sample_period == 13973
    assert abs(found[SAMPLE] * event.sample_period / 140e6 - 1) < 0.001


@pytest.mark.parametrize(
    ("name", "titles"),
    [
        ("perf.data.hybrid_topology", ["cpu_core/cycles:ppp/", "cpu_atom/cycles:ppp/"]),
        (
            "perf.data.lost_samples-4.4",
            ["cycles:pp", "instructions:pp", "branch-instructions:pp"],
        ),
    ],
)
def test_events_have_the_names_that_perf_gave_them(name: str, titles: list[str]) -> None:
    assert [event.title for event in layout_of(f"format-only/{name}").events][: len(titles)] == (
        titles
    )


def test_events_of_hybrid_processors_carry_their_source() -> None:
    events = layout_of("format-only/perf.data.hybrid_topology").events
    assert all(event.config >> 32 for event in events[:2])


def test_samples_that_the_processor_lost_are_counted() -> None:
    records = records_of("format-only/perf.data.lost_samples-4.4")
    decoder = PerfDecoder(PerfDecoding(sample_type=SampleType.IP))
    rows = np.zeros(1, REPORT_DTYPE)
    decoder.decode(records, rows.ctypes.data, 1)
    lost = [struct.unpack_from("<Q", body)[0] for kind, body in split(records) if kind == 13]
    assert len(lost) == 2
    assert decoder.counts.lost_samples == sum(lost) > 0


def test_a_compressed_file_with_larger_attributes_comes_out_whole() -> None:
    pytest.importorskip("zstandard", reason="needs zstandard: pip install zstandard")
    name = "linux-perf-data/lpd_sleep.compressed2.data"
    layout = layout_of(name)
    assert Feature.COMPRESSED in layout.features.present
    stream = ZstdStream(name)
    inflated = b"".join(
        piece
        for kind, body in split(records_of(name))
        if kind == 83
        for piece in stream.feed(body[8 : 8 + struct.unpack_from("<Q", body)[0]])
    )
    records = list(split(inflated))
    assert sum(HEADER.size + len(body) for _, body in records) == len(inflated) > 0
    assert any(kind == SAMPLE for kind, _ in records)


def test_the_made_file_of_two_sources_is_read_field_by_field() -> None:
    with opened("synthetic/synth.perf.data") as file:
        rows = np.concatenate(list(file.by_time()))
        survey = file.survey()
    fields = ("time_ns", "vaddr", "paddr", "pid", "tid", "cpu", "weight", "data_src")
    assert [tuple(int(row[name]) for name in fields) for row in rows] == [
        (2000, 0x7F0000001008, 0x123456008, 100, 100, 0, 2003, 0x10668100842),
        (3000, 0x7F0000002010, 0x123457010, 100, 101, 1, 262144, 0x229080144),
    ]
    assert (rows["flags"] & 3).tolist() == [ReportFlag.READ, ReportFlag.WRITE]
    assert survey.counts.counts.no_access == 1
    assert survey.tasks.comm_of(100) == "my prog 1/2"


# Registers of IBS in the raw data of a sample: the operation, and the linear address.
OP_DATA3, LINEAR = 36, 44
IS_STORE = 2
ADDRESS = 0xFFFF899F7C3B5784


def test_the_raw_registers_of_a_sample_of_ibs_have_its_address(tmp_path: Path) -> None:
    text = (FILES / "ibs-raw" / "ibs_genoa_one_sample.hex").read_text()
    data = bytes.fromhex("".join(line for line in text.splitlines() if not line.startswith("#")))
    S = SampleType
    layout = S.IP | S.TID | S.TIME | S.ID | S.CPU | S.RAW
    decoder = PerfDecoder(
        PerfDecoding(
            sample_type=layout,
            read_format=ReadFormat(0),
            direction=Direction.RAW,
            raw_addr=LINEAR,
            raw_write=OP_DATA3,
            write_mask=IS_STORE,
        )
    )
    rows = np.zeros(1, REPORT_DTYPE)
    assert decoder.decode(data, rows.ctypes.data, 1) == len(data) == 120
    assert [int(rows[name][0]) for name in ("vaddr", "time_ns", "cpu", "pid")] == [
        *(ADDRESS, 118629299983995, 0, 0)
    ]
    assert rows["flags"][0] & ReportFlag.READ
    path = tmp_path / "perf.data"
    path.write_bytes(MadeFile(events=[MadeEvent(sample_type=layout)], records=data).seekable())
    with pytest.raises(RecordError, match="without addresses"):
        PerfFile.open(str(path), physical=False)
