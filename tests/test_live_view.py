"""The picture of the live view, from made-up snapshots: no terminal, no monitoring."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from types import SimpleNamespace

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from damon_core.engine import Ending
from damon_core.live.choice import SORTS
from damon_core.live.frame import block, frame
from damon_core.live.glyphs import ASCII, BLOCKS, Glyphs
from damon_core.live.handover import Handover
from damon_core.live.keys import keys_of
from damon_core.live.line import Line, cells
from damon_core.live.table import about_count
from damon_core.live.view import View
from damon_core.live.watch import Seen, Watch
from damon_core.model import Intervals
from damon_core.record_names import NamedRange, TargetNames
from damon_core.snapshot import Snapshot, SourceState, TargetState
from damon_core.spec import ContextSpec
from damon_core.tally import Tally
from damon_core.testing.snapshots import NR_SAMPLES, Row, made_up_snapshot, random_snapshot

MIB = 1 << 20
NAMES = (
    TargetNames(0, (NamedRange(0, 4 * MIB, "[heap]"), NamedRange(4 * MIB, 8 * MIB, "/l/libc.so"))),
)
ROWS: list[Row] = [
    (0, MIB, NR_SAMPLES, 3, 0, 4321, 4096.0),
    (MIB, 4 * MIB, 0, 50, 0, 4321, 0.0),
    (4 * MIB, 6 * MIB, NR_SAMPLES // 2, 1, 0, 4321, float("nan")),
]


def context_of(name: str = "") -> SimpleNamespace:
    """As much of a context as a view looks at."""
    return SimpleNamespace(
        config=SimpleNamespace(name=name, spec=ContextSpec()),
        tally=Tally(),
        ending=None,
        error=None,
    )


def watched(*snapshots: Snapshot, name: str = "", names: Sequence[TargetNames] = NAMES) -> Watch:
    context = context_of(name)
    watch = Watch(context)  # type: ignore[arg-type]
    for snapshot in snapshots:
        context.tally.add(snapshot)
        watch.take(Seen(context, snapshot, tuple(names), Intervals(), "it is so"))  # type: ignore[arg-type]
    return watch


def view_of(*watches: Watch, glyphs: Glyphs = BLOCKS) -> View:
    stopped: list[bool] = []
    return View(watches, glyphs, stop=lambda: stopped.append(True), save=lambda seen: "saved")


def texts(view: View, width: int = 80, height: int = 24) -> list[str]:
    return [line.text for line in frame(view, width, height)]


def starts(lines: list[str]) -> list[int]:
    """The start addresses in the table, in order."""
    firsts = [line.split()[0] for line in lines if line[:12].isalnum() and len(line) > 12]
    return [int(first, 16) for first in firsts if len(first) == 12]


def test_all_of_it_is_in_a_terminal_of_usual_size() -> None:
    lines = texts(view_of(watched(made_up_snapshot(0, ROWS))))
    assert lines == [
        "damon monitor vaddr" + " " * 51 + "200 ms  #0",
        "sampling 5 ms · window 100 ms · CPU 1.0 % (quota 5 %) · view 0.0 % · 3 regions",
        "as it is so",
        "0 toucher (4321)        wss     2 MiB             █  rss   128 MiB             █",
        "     address      size            ▾rate      age     hits mapping",
        "000000000000     1 MiB ██████████ 100 %   600 ms       10 [heap]",
        "000000400000     2 MiB █████       50 %   200 ms        5 libc.so",
        "000000100000     3 MiB              0 %     10 s        0 [heap]",
        *[""] * 14,
        "accessed_bit bpf               55 reports/s  1 lost  91 % credited, 9 % lost",
        "? help  q quit  s sort: rate  / name  m rate  t target  p pause  w save",
    ]


def test_what_the_targets_pay_stands_beside_what_the_monitor_takes() -> None:
    snapshot = made_up_snapshot(0, ROWS)
    source = attrs.evolve(snapshot.sources[0], target_cpu_ns=6_000_000)
    lines = texts(view_of(watched(attrs.evolve(snapshot, sources=(source,)))), width=100)
    assert "CPU 1.0 % + 3.0 % in targets (quota 5 %)" in lines[1]


@pytest.mark.parametrize("page", ["", "help", "notes"])
@pytest.mark.parametrize("glyphs", [BLOCKS, ASCII], ids=["blocks", "ascii"])
def test_it_fits_whatever_the_size(page: str, glyphs: Glyphs) -> None:
    watch = watched(*(random_snapshot(index, 100) for index in range(20)))
    watch.notes.append("a note " * 40)
    view = view_of(watch, glyphs=glyphs)
    view.page = page
    for width, height in product((1, 2, 7, 20, 39, 61, 80, 119, 250), (1, 2, 3, 6, 10, 24, 60)):
        lines = frame(view, width, height)
        assert len(lines) == height
        assert all(line.width <= width for line in lines)
        if glyphs is ASCII:
            assert all(line.text.isascii() for line in lines)


def test_small_windows_keep_what_matters_most() -> None:
    lines = texts(view_of(watched(made_up_snapshot(0, ROWS))), 20, 6)
    assert lines == [
        "damon monitor va… #0",
        "▾rate mapping",
        "100 % [heap]",
        " 50 % libc.so",
        "  0 % [heap]",
        "? help  q quit",
    ]


def test_before_the_first_window_it_says_that_it_waits() -> None:
    lines = texts(view_of(watched()))
    assert "starting" in lines[0]
    assert "waiting for the end of the first window" in lines


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("rate", [0, 4 * MIB, MIB]),
        ("size", [MIB, 4 * MIB, 0]),
        ("age", [MIB, 0, 4 * MIB]),
        ("address", [0, MIB, 4 * MIB]),
    ],
)
def test_each_order_is_that_of_its_column(sort: str, order: list[int]) -> None:
    view = view_of(watched(made_up_snapshot(0, ROWS)))
    for _ in range(SORTS.index(sort)):
        view.press("s")
    assert starts(texts(view)) == order
    assert f"sort: {sort}" in texts(view)[-1]
    view.press("r")
    assert starts(texts(view)) == order[::-1]


def test_filters_are_by_name_and_rate_and_are_said() -> None:
    view = view_of(watched(made_up_snapshot(0, ROWS)))
    for key in ["/", *"LIB", "backspace", "B", "enter"]:
        view.press(key)
    assert starts(texts(view)) == [4 * MIB]
    assert "only name has 'lib'" in texts(view)[0]
    for key in ["m", *"51 %", "enter"]:
        view.press(key)
    assert "no region to show" in texts(view)
    view.press("c")
    assert len(starts(texts(view))) == 3
    for key in ["m", *"101", "enter"]:
        view.press(key)
    assert texts(view)[-1] == "got '101', expected a rate from 0 to 100 %"
    for key in ["/", *"heap", "escape"]:
        view.press(key)
    assert len(starts(texts(view))) == 3


def test_one_target_alone_or_all_of_them() -> None:
    targets = [TargetState(index, 100 + index, "worker", rss=MIB) for index in (3, 5)]
    rows: list[Row] = [
        (0, MIB, 1, 0, 3, 103, 4096.0),
        (0, MIB, 1, 0, 5, 105, 8192.0),
    ]
    view = view_of(watched(made_up_snapshot(0, rows, targets=targets), names=()))
    lines = texts(view)
    assert any(line.startswith("3 worker (103)") and "4 KiB" in line for line in lines)
    assert any(line.startswith("5 worker (105)") and "8 KiB" in line for line in lines)
    assert [line.split()[0] for line in lines if line.endswith("KiB") and "%" in line] == ["3", "5"]
    view.press("t")
    assert len(starts(texts(view))) == 1
    assert "only target 3" in texts(view)[0]
    view.press("t")
    view.press("t")
    assert view.choice.target is None


def test_hits_are_those_of_each_primitive_rather_than_a_bar() -> None:
    targets = [TargetState(index, 100 + index, "worker") for index in range(2)]
    snapshot = made_up_snapshot(0, ROWS, "accessed_bit", "page_fault", targets=targets)
    head = next(line for line in texts(view_of(watched(snapshot))) if "address" in line)
    assert head.startswith("target")
    assert "accesse… page_fa… mapping" in head
    lines = texts(view_of(watched(snapshot)), 80, 14)
    assert [line.split()[0] for line in lines[-3:-1]] == ["accessed_bit", "page_fault"]


def test_of_more_primitives_than_fit_the_failed_ones_are_seen() -> None:
    snapshot = made_up_snapshot(0, ROWS, "one", "two")
    failed = SourceState("two", failure="it broke")
    watch = watched(attrs.evolve(snapshot, sources=(snapshot.sources[0], failed)))
    assert any("stopped: it broke" in line for line in texts(view_of(watch), 80, 12))


def test_of_many_targets_those_are_shown_that_use_most() -> None:
    targets = [TargetState(index, 100 + index, "worker") for index in range(50)]
    rows: list[Row] = [
        (index * MIB, (index + 1) * MIB, 1, 0, index, 100 + index, 4096.0 * index)
        for index in range(50)
    ]
    lines = texts(view_of(watched(made_up_snapshot(0, rows, targets=targets))))
    assert lines[3].startswith("49 worker (149)")
    assert any("targets more, wss" in line for line in lines)


def test_a_pause_holds_what_is_shown() -> None:
    watch = watched(made_up_snapshot(0, ROWS))
    view = view_of(watch)
    view.press("p")
    later = made_up_snapshot(1, ROWS)
    watch.take(attrs.evolve(watch.seen, snapshot=later))  # type: ignore[arg-type, type-var]
    assert "PAUSED #0" in texts(view)[0]
    view.press(" ")
    assert texts(view)[0].endswith("#1")


def test_pictures_that_were_left_out_are_counted_unless_asked_for() -> None:
    watch = watched(*(made_up_snapshot(index, ROWS) for index in range(4)))
    view = view_of(watch)
    view.count_drawn()
    assert view.nr_not_drawn == 3
    assert "3 not drawn" in texts(view, 120)[1]
    view.press("p")
    watch.nr_new = 9
    view.count_drawn()
    assert view.nr_not_drawn == 3


def test_scrolling_ends_at_both_ends() -> None:
    view = view_of(watched(random_snapshot(0, 100)))
    first = starts(texts(view))
    view.press("up")
    assert starts(texts(view)) == first
    view.press("down")
    assert starts(texts(view))[0] == first[1]
    for _ in range(200):
        view.press("page down")
    assert len(starts(texts(view))) == len(first)
    view.press("home")
    assert starts(texts(view)) == first


def test_contexts_take_turns() -> None:
    view = view_of(
        watched(made_up_snapshot(0, ROWS), name="one"),
        watched(made_up_snapshot(7, ROWS), name="two"),
    )
    assert "[one]  two " in texts(view)[0]
    view.press("tab")
    assert " one  [two]" in texts(view)[0]
    assert texts(view)[0].endswith("#7")


def test_losses_failures_and_ends_are_seen() -> None:
    snapshot = made_up_snapshot(0, ROWS, "accessed_bit", "page_fault")
    failed = SourceState("page_fault", failure="it broke")
    watch = watched(attrs.evolve(snapshot, sources=(snapshot.sources[0], failed), nr_late=2))
    watch.context.ending = Ending.TARGETS_ENDED
    lines = texts(view_of(watch), 120)
    assert any("page_fault" in line and "stopped: it broke" in line for line in lines)
    assert any("1 lost" in line for line in lines)
    assert "2 late" in lines[1]
    assert "ended #0" in lines[0]


def test_names_that_could_steer_a_terminal_are_spelled_out() -> None:
    evil = TargetState(0, 1, "a\x1b[2Jb", rss=1)
    names = (TargetNames(0, (NamedRange(0, 8 * MIB, "/tmp/\x1b]0;x\x07"),)),)
    snapshot = made_up_snapshot(0, ROWS, "ac\ncess", targets=[evil])
    watch = watched(attrs.evolve(snapshot, notes=("a\x1bnote",)), names=names)
    view = view_of(watch)
    painted = "".join(line.painted(False) for line in frame(view, 200, 40))
    assert "\x1b[2J" not in painted
    assert "\x1b]" not in painted
    assert "\n" not in painted
    assert "a\\x1bnote" in painted
    plain = block(view, watch, view.shown, 200)  # type: ignore[arg-type]
    assert "\x1b" not in plain


def test_wide_characters_keep_columns_aligned() -> None:
    wide = TargetState(0, 4321, "データベース", rss=128 * MIB)
    lines = frame(view_of(watched(made_up_snapshot(0, ROWS, targets=[wide]))), 80, 24)
    plain = frame(view_of(watched(made_up_snapshot(0, ROWS))), 80, 24)
    assert lines[3].width == plain[3].width
    assert cell_len(lines[3].text.partition(" wss ")[0]) == plain[3].text.index(" wss ")


def test_a_block_says_the_same_in_plain_text() -> None:
    watch = watched(attrs.evolve(made_up_snapshot(0, ROWS), notes=("something",)))
    view = view_of(watch)
    text = block(view, watch, watch.seen, 80)  # type: ignore[arg-type]
    assert "000000400000     2 MiB █████       50 %   200 ms        5 libc.so\n" in text
    assert text.endswith("note: something\n")


@given(st.text(max_size=30), st.integers(1, 40), st.booleans())
def test_cells_are_as_many_as_asked(text: str, width: int, right: bool) -> None:
    text = "".join(char for char in text if char.isprintable())
    assert cell_len(cells(text, width, right=right, more="…")) == width


@given(st.lists(st.tuples(st.text(max_size=9), st.just("bold"))), st.integers(0, 40))
def test_a_fitted_line_is_no_wider(pieces: list[tuple[str, str]], width: int) -> None:
    assert Line(pieces).fitted(width, "…").width <= width


@pytest.mark.parametrize(
    ("share", "bar"), [(0, "    "), (0.001, "▏   "), (0.5, "██  "), (1, "████"), (7, "████")]
)
def test_a_bar_is_as_long_as_its_share(share: float, bar: str) -> None:
    assert BLOCKS.bar(share, 4) == bar


def test_a_spark_line_has_the_newest_at_its_right() -> None:
    assert BLOCKS.spark([8, 8, 8, 0, 1, 4, 8], 6) == "██ ▁▄█"
    assert BLOCKS.spark([0, 1, 4, 8], 6) == "   ▁▄█"
    assert ASCII.spark([1, 8], 3) == " .#"
    assert BLOCKS.spark([], 3) == "   "


@pytest.mark.parametrize(
    ("encoding", "glyphs"), [("utf-8", BLOCKS), ("ascii", ASCII), ("latin-1", ASCII), (None, ASCII)]
)
def test_glyphs_are_those_that_the_encoding_has(encoding: str | None, glyphs: Glyphs) -> None:
    assert Glyphs.of(encoding) is glyphs


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (99_999, "99,999"),
        (123_456, "123k"),
        (999_600, "1M"),
        (5e9, "5G"),
        (7e15, "7e+03T"),
    ],
)
def test_counts_stay_short(number: float, text: str) -> None:
    assert about_count(number) == text


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        (b"q", ["q"]),
        (b"\x1b[A\x1bOBs", ["up", "down", "s"]),
        (b"\x1b[5~\x1b[6~", ["page up", "page down"]),
        (b"\x1b", ["escape"]),
        (b"\x1b[1;5C", []),
        ("ä\t\r\x7f\x00".encode(), ["ä", "tab", "enter", "backspace"]),
        (b"\xff", []),
    ],
)
def test_keys_are_read_from_what_terminals_send(typed: bytes, keys: list[str]) -> None:
    assert keys_of(typed) == keys


@given(st.binary(max_size=40))
def test_whatever_is_typed_gives_keys_and_an_unbroken_view(typed: bytes) -> None:
    view = view_of(watched(made_up_snapshot(0, ROWS)))
    for key in keys_of(typed):
        view.press(key)
    assert len(frame(view, 80, 24)) == 24


def test_monitoring_never_waits_for_who_draws_and_drops_are_counted() -> None:
    handover = Handover()
    context = context_of()
    context.names, context.intervals, context.pace_reason = (), Intervals(), ""
    for index in range(100):
        handover.offer(context, made_up_snapshot(index, ROWS))  # type: ignore[arg-type]
    taken = handover.take()
    assert taken[-1].snapshot.index == 99
    assert len(taken) + handover.nr_dropped == 100
    assert handover.nr_dropped
    assert handover.take() == []
    handover.close()
    handover.wake()


def test_the_first_snapshot_is_handed_over_however_late_it_is_taken() -> None:
    handover = Handover(first_only=True)
    contexts = [context_of("one"), context_of("two")]
    for index in range(100):
        for context in contexts:
            context.names, context.intervals, context.pace_reason = (), Intervals(), ""
            handover.offer(context, made_up_snapshot(index, ROWS))  # type: ignore[arg-type]
    taken = handover.take()
    assert [(seen.context, seen.snapshot.index) for seen in taken] == [(c, 0) for c in contexts]
    assert handover.nr_dropped == 0
    handover.close()
