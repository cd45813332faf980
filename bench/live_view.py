"""What a live view costs the monitoring thread for each snapshot, and the thread that draws.

JSON lines for 100 and for 1000 regions.  ``offer_us``: handing a snapshot over, beside
``record_us``, making it a message of a recording.  ``picture_us``: remembering it and making the
picture of an 80x24 terminal, beside ``table_us``, printing the regions as ``damon report access``.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from types import SimpleNamespace

from damon_core.live.frame import frame
from damon_core.live.glyphs import BLOCKS
from damon_core.live.handover import Handover
from damon_core.live.view import View
from damon_core.live.watch import Seen, Watch
from damon_core.model import Intervals, Ops
from damon_core.record_batch import snapshot_to_message
from damon_core.record_format import PrimitiveInfo, RecordHeader, schema_of
from damon_core.report.access import AccessTable
from damon_core.spec import ContextSpec
from damon_core.tally import Tally
from damon_core.testing.snapshots import random_snapshot

NR_CALLS = 30
REPEAT = 7


def best_us(call: Callable[[], object]) -> float:
    """Microseconds a call, of the fastest round."""
    rounds = []
    for _ in range(REPEAT):
        began_ns = time.perf_counter_ns()
        for _ in range(NR_CALLS):
            call()
        rounds.append((time.perf_counter_ns() - began_ns) / NR_CALLS / 1000)
    return min(rounds)


def measure(nr_regions: int) -> dict[str, object]:
    snapshot = random_snapshot(0, nr_regions)
    context = SimpleNamespace(
        config=SimpleNamespace(name="", spec=ContextSpec()),
        tally=Tally(),
        ending=None,
        error=None,
        names=(),
        intervals=Intervals(),
        pace_reason="it is measured",
    )
    context.tally.add(snapshot)
    handover = Handover()
    watch = Watch(context)
    view = View((watch,), BLOCKS, stop=lambda: None, save=lambda seen: "")
    schema = schema_of(
        RecordHeader.of_this_machine(
            Ops.VADDR, [PrimitiveInfo("accessed_bit", "0")], intervals=None, config=""
        )
    )

    def draw() -> None:
        watch.take(Seen.of(context, snapshot))
        frame(view, 80, 24)

    costs = {
        "offer_us": best_us(lambda: handover.offer(context, snapshot)),
        "record_us": best_us(lambda: snapshot_to_message(snapshot, schema, ())),
        "picture_us": best_us(draw),
        "table_us": best_us(lambda: AccessTable(snapshot).render(io.StringIO())),
    }
    handover.close()
    return {
        "bench": "live_view",
        "nr_regions": nr_regions,
        **{name: round(cost, 1) for name, cost in costs.items()},
        "offer_to_record": round(costs["offer_us"] / costs["record_us"], 4),
        "picture_to_table": round(costs["picture_us"] / costs["table_us"], 4),
    }


def main() -> None:
    for nr_regions in (100, 1000):
        print(json.dumps(measure(nr_regions)))


if __name__ == "__main__":
    main()
