"""Small perf.data files, and what is found in them."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import pytest

from damon_core.access import REPORT_DTYPE
from damon_core.errors import RecordError
from damon_core.perf_attr import SampleType
from damon_core.perf_data.decoding import FileCounts
from damon_core.perf_data.file import PerfFile
from damon_core.perf_data.survey import Survey
from damon_core.perf_decoding import PerfCounts
from damon_core.testing.made_perf_file import MadeEvent, MadeFile
from damon_core.testing.perf_records import sample, words

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


def found_in(folder: Path, content: bytes | MadeFile, *, physical: bool = False) -> Opened:
    """What a file of this content is found to hold."""
    path = folder / "perf.data"
    path.write_bytes(content.seekable() if isinstance(content, MadeFile) else content)
    return Opened(path, physical=physical)


def why_refused(folder: Path, content: bytes | MadeFile, *, physical: bool = False) -> str:
    """The text of the refusal of such a file, without its name."""
    with pytest.raises(RecordError) as caught:
        found_in(folder, content, physical=physical)
    message = str(caught.value)
    assert "\n" not in message
    path = f"{folder / 'perf.data'}: "
    assert message.startswith(path)
    return message.replace(path, "", 1)
