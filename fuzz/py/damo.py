"""Recordings of damo: any bytes are contexts that can be converted, or an error in words.

python fuzz/py/damo.py [SECONDS [FILE]]
"""

from __future__ import annotations

import zlib

from _harness import as_file, fuzz

from damon_core.errors import RecordError
from damon_core.formats.damo_file import read_damo_record
from damon_core.formats.damo_recording import contexts_of
from damon_core.formats.damo_targets import Known

JSON = b"""[{"kdamond_idx": 0, "context_idx": 0, "intervals":
{"sample_us": "5 ms", "aggr_us": "100 ms", "ops_update_us": "1 s"}, "scheme_idx": null,
"target_id": 42, "scheme_filters": null,
"snapshots": [{"start_time": "0 ns", "end_time": "100 ms", "regions": [
{"start": "4,096", "end": "8,192", "nr_accesses": "3", "nr_accesses_bp": "0", "age": "2",
"sz_filter_passed": "0 B"}], "total_bytes": "4.000 KiB"}]}]"""
PERF = b"""\
kdamond.0  4083 [000] 82877.315633: damon:damon_aggregated: target_id=0 nr_regions=2 4096-8192: 3 5
kdamond.0  4083 [000] 82877.315633: damon:damon_aggregated: target_id=0 nr_regions=2 8192-9192: 0 6
kdamond.0  4083 [000] 82877.415633: damon:damon_aggregated: target_id=0 nr_regions=1 4096-9192: 3 5
"""


def check(content: bytes) -> None:
    with as_file(content) as (_, path):
        try:
            for series in read_damo_record(path):
                assert series is not None
            for recording in contexts_of(path, Known()):
                for snapshot in recording:
                    assert (snapshot.regions.start < snapshot.regions.end).all()
        except RecordError as error:
            assert str(error).startswith(path), str(error)


def seeds() -> list[bytes]:
    return [JSON, PERF, zlib.compress(JSON), zlib.compress(PERF)]


if __name__ == "__main__":
    fuzz("damo", check, seeds())
