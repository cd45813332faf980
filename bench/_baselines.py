"""Ways from access reports to ``nr_accesses``, one interface: ours, and those of two kernel series.

What the baselines are, and after which descriptions, is told in ``baselines.c``.
"""

from __future__ import annotations

import ctypes
import subprocess
import weakref
from pathlib import Path
from typing import Protocol

import numpy as np

from damon_core.access import REPORT_DTYPE
from damon_core.build import get_include
from damon_core.matcher import Matcher
from damon_core.model import AddrRange
from damon_core.regions import REGION_DTYPE, RegionMap
from damon_core.reports import ReportBuffer

PID = 1
NR_SLOTS = 1000
NR_SAMPLES_MIN, NR_SAMPLES_MAX = 2**15, 2**20

_POINTER, _SIZE = ctypes.c_void_p, ctypes.c_size_t


class ReportPath(Protocol):
    """A way from reports to regions; between two checks lies one sampling interval."""

    name: str

    def store(self, reports: np.ndarray) -> int:
        """Take REPORT_DTYPE rows; how many reports were lost by that, older ones among them."""

    def check(self) -> None:
        """Credit what was stored to the regions, and forget it."""

    def nr_accesses(self) -> np.ndarray:
        """Per region, the checks that found it accessed, uint32."""


class _Regions(ctypes.Structure):
    _fields_ = (
        ("starts", _POINTER),
        ("ends", _POINTER),
        ("hits", _POINTER),
        ("nr_accesses", _POINTER),
        ("nr", _SIZE),
        ("pid", ctypes.c_int32),
    )


def build_library(folder: Path) -> ctypes.CDLL:
    """Compile ``baselines.c`` into ``folder``, and load it; CalledProcessError."""
    path, source = folder / "baselines.so", Path(__file__).parent / "baselines.c"
    include = f"-I{get_include()}"
    warnings = ("-Wall", "-Wextra", "-Werror")
    command = ["cc", "-O3", *warnings, "-shared", "-fPIC", include, "-o", path, source]
    subprocess.run(command, check=True)
    library = ctypes.CDLL(str(path))
    for name, result, arguments in (
        ("stream_read", ctypes.c_uint64, (_POINTER, _SIZE)),
        ("slots_create", _POINTER, (_SIZE, ctypes.c_bool)),
        ("slots_destroy", None, (_POINTER,)),
        ("slots_store", _SIZE, (_POINTER, _POINTER, _SIZE)),
        ("slots_check", None, (_POINTER, _POINTER)),
        ("histogram_create", _POINTER, (_SIZE, _SIZE)),
        ("histogram_destroy", None, (_POINTER,)),
        ("histogram_store", _SIZE, (_POINTER, _POINTER, _SIZE)),
        ("histogram_fill", ctypes.c_int, (_POINTER,)),
        ("histogram_probe", None, (_POINTER, _POINTER, ctypes.c_bool)),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class _Baseline:
    """The regions between neighbouring ``borders`` (uint64, sorted), as the C code has them."""

    def __init__(self, library: ctypes.CDLL, borders: np.ndarray) -> None:
        self._library = library
        self._columns = (
            borders[:-1].astype(np.uint64),
            borders[1:].astype(np.uint64),
            np.zeros(len(borders) - 1, np.uint64),
            np.zeros(len(borders) - 1, np.uint32),
        )
        pointers = [column.ctypes.data for column in self._columns]
        self._regions = _Regions(*pointers, len(borders) - 1, PID)

    def hits(self) -> np.ndarray:
        """Reports per region in the last check, uint64."""
        return self._columns[2].copy()

    def nr_accesses(self) -> np.ndarray:
        return self._columns[3].copy()


class SlotArray(_Baseline):
    """An array of slots, each report looked up by a linear scan of the regions.

    ``resets``: the report that fills the array empties it, as in RFC v3; else it is kept, and what
    comes later is lost.
    """

    def __init__(
        self,
        library: ctypes.CDLL,
        borders: np.ndarray,
        nr_slots: int = NR_SLOTS,
        *,
        resets: bool = False,
    ) -> None:
        super().__init__(library, borders)
        self.name = "slots, reset when full" if resets else "slots"
        self._slots = library.slots_create(nr_slots, resets)
        if not self._slots:
            raise MemoryError(f"no memory for {nr_slots} slots")
        weakref.finalize(self, library.slots_destroy, self._slots)

    def store(self, reports: np.ndarray) -> int:
        return int(self._library.slots_store(self._slots, _address(reports), len(reports)))

    def check(self) -> None:
        self._library.slots_check(self._slots, ctypes.byref(self._regions))


class PageHistogram(_Baseline):
    """A ring of samples, counted by page in each interval; then the regions ask for their pages.

    ``first``: up to the first that was sampled, as in the series; else all, which counts hits.
    """

    def __init__(
        self,
        library: ctypes.CDLL,
        borders: np.ndarray,
        nr_min: int = NR_SAMPLES_MIN,
        nr_max: int = NR_SAMPLES_MAX,
        *,
        first: bool = True,
    ) -> None:
        super().__init__(library, borders)
        self.name = "histogram" if first else "histogram, all pages"
        self.stops_at_first = first
        self._histogram = library.histogram_create(nr_min, nr_max)
        if not self._histogram:
            raise MemoryError(f"no memory for {nr_min} samples")
        weakref.finalize(self, library.histogram_destroy, self._histogram)

    def store(self, reports: np.ndarray) -> int:
        return int(self._library.histogram_store(self._histogram, _address(reports), len(reports)))

    def fill(self) -> None:
        """The first half of a check: count by page."""
        if self._library.histogram_fill(self._histogram):
            raise MemoryError("no memory for a histogram of pages")

    def check(self) -> None:
        self.fill()
        regions = ctypes.byref(self._regions)
        self._library.histogram_probe(self._histogram, regions, self.stops_at_first)


class BufferAndMatcher:
    """Ours: the ring that a thread reports to, and the matcher that drains it."""

    name = "buffer and matcher"

    def __init__(
        self, borders: np.ndarray, nr_min: int = NR_SAMPLES_MIN, nr_max: int = NR_SAMPLES_MAX
    ) -> None:
        self._regions = region_map(borders)
        self._buffer = ReportBuffer(Matcher(), 1, nr_min, nr_max)

    def store(self, reports: np.ndarray) -> int:
        return len(reports) - self._buffer.sources[0].report_access(reports)

    def check(self) -> None:
        self._buffer.begin_tick(self._regions, 0)
        self._buffer.end_tick()
        self._regions.end_tick()

    def nr_accesses(self) -> np.ndarray:
        counts: np.ndarray = self._regions.regions(0)["nr_accesses"]
        return counts


def region_map(borders: np.ndarray) -> RegionMap:
    """One target with the regions between neighbouring borders."""
    regions = RegionMap(seed=1)
    regions.add_target(PID)
    regions.set_ranges(0, [AddrRange(int(borders[0]), int(borders[-1]))])
    rows = np.zeros(len(borders) - 1, REGION_DTYPE)
    rows["start"], rows["end"] = borders[:-1], borders[1:]
    regions.load(0, rows)
    return regions


def _address(reports: np.ndarray) -> int:
    assert reports.dtype == REPORT_DTYPE
    assert reports.flags.c_contiguous
    return int(reports.ctypes.data)
