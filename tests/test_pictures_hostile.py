"""Pictures of whatever a recording may hold: they are drawn, or say why not."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from damon_core.figures import figure_png, holistic_figure
from damon_core.model import Ops
from damon_core.record_format import PrimitiveInfo, RecordHeader
from damon_core.report.grid import heat_grid
from damon_core.report.holistic_page import holistic_page
from damon_core.report.overview import Overview
from damon_core.report.page import page_of
from damon_core.report.sizes import sizes_over_time
from damon_core.snapshot import Snapshot
from damon_core.testing.snapshots import T0_NS
from tests.test_report_command import hostile_snapshots

HEADER = RecordHeader(Ops.VADDR, (PrimitiveInfo("accessed_bit"),), T0_NS)
SNAPSHOTS = st.lists(hostile_snapshots(), min_size=1, max_size=3)


@settings(max_examples=40, deadline=None)
@given(SNAPSHOTS)
def test_no_recording_makes_a_page_fail(snapshots: list[Snapshot]) -> None:
    with suppress(LookupError):
        for page in (page_of(snapshots), holistic_page(HEADER, snapshots)):
            assert "\x1b" not in page.html
            assert "NaN" not in page.html.partition('id="data">')[2].partition("</script>")[0]


@pytest.mark.slow
@settings(max_examples=10, deadline=None, phases=[Phase.generate])  # shrinking takes minutes
@given(SNAPSHOTS)
def test_no_recording_makes_a_figure_fail(snapshots: list[Snapshot]) -> None:
    assert figure_png(sizes_over_time(snapshots).figure())
    with suppress(LookupError):
        for measure in ("samples", "bytes"):
            assert figure_png(heat_grid(snapshots, measure=measure).figure())
        assert figure_png(holistic_figure(Overview(HEADER, snapshots)))
