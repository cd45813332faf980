"""The page in a real browser: it draws what was recorded, zooms, moves, switches, reads aloud."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from damon_core.model import Ops
from damon_core.record_format import PrimitiveInfo, RecordHeader
from damon_core.record_names import NamedRange, TargetNames
from damon_core.report.colors import ON_DARK, ON_LIGHT
from damon_core.report.holistic_page import holistic_page
from damon_core.report.page import page_of
from damon_core.snapshot import Snapshot, TargetState
from damon_core.testing.snapshots import T0_NS, made_up_snapshot
from tests.browser import MISSING, Browser, find_browser

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not find_browser(), reason=MISSING),
]

MIB = 1 << 20
NAN = float("nan")
BASE = 0x7F0000000000
READ = "{willReadFrequently: true}"
EVIL = "</script><img src=x onerror=alert(1)>"
NAMES = [
    TargetNames(1, (NamedRange(BASE, BASE + 32 * MIB, "/lib/hot.so"),)),
    TargetNames(0, (NamedRange(BASE, BASE + 32 * MIB, f"/lib/{EVIL}"),)),
]
TARGETS = (TargetState(0, 70, "idle"), TargetState(1, 71, "busy", rss=64 * MIB))


def moving() -> list[Snapshot]:
    """40 windows of 200 ms; of 32 MiB a quarter is hot, the next one every 10 windows.

    ``page_fault`` reports the second half of the memory only.
    """
    snapshots = []
    for index in range(40):
        rows = [(BASE, BASE + 32 * MIB, 1, 0, 0, 70, NAN)]
        for part in range(4):
            start = BASE + part * 8 * MIB
            rate = 10 if index // 10 == part else 0
            rows.append((start, start + 8 * MIB, rate, 1, 1, 71, rate * MIB / 10))
        rows.append((2**47 - 2 * MIB, 2**47 - MIB, 5, 1, 1, 71, NAN))
        snapshot = made_up_snapshot(index, rows, "accessed_bit", "page_fault", targets=TARGETS)
        snapshot.regions.hits[1, :3] = 0
        snapshots.append(snapshot)
    return snapshots


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "heat.html"
    page_of(moving(), NAMES, title=f"Heat {EVIL}").save(path)
    return path


@pytest.fixture
def shown(browser: Browser, page: Path) -> Iterator[Browser]:
    """The page, opened in light colours; at the end nothing went wrong, and nothing was loaded."""
    browser.size(1000, 900)
    browser.dark(False)
    browser.requests.clear()
    browser.errors.clear()
    browser.open(page)
    yield browser
    assert browser.errors == []
    assert browser.requests == [page.as_uri()]


def pixel(browser: Browser, x: float, y: float) -> tuple[int, ...]:
    """The colour at shares of the picture, from its lower left; alpha last."""
    left, top, width, height = plot(browser)
    return tuple(
        browser.do(
            f"""(() => {{
                const canvas = document.getElementById("picture");
                const ratio = canvas.width / canvas.getBoundingClientRect().width;
                const [x, y] = [{left + width * x} * ratio, {top + height * (1 - y)} * ratio];
                const copy = new OffscreenCanvas(1, 1).getContext("2d", {READ});
                copy.drawImage(canvas, Math.floor(x), Math.floor(y), 1, 1, 0, 0, 1, 1);
                return [...copy.getImageData(0, 0, 1, 1).data];
            }})()"""
        )
    )


def plot(browser: Browser) -> list[float]:
    """Left, top, width, height of the heat in its canvas."""
    frame = browser.do("document.getElementById('overlay').dataset.plot")
    return [float(part) for part in frame.split()]


def at(browser: Browser, x: float, y: float) -> tuple[float, float]:
    """The place in the window of shares of the picture."""
    left, top, width, height = plot(browser)
    box = browser.do(
        "(({left, top}) => [left, top])(document.getElementById('overlay').getBoundingClientRect())"
    )
    return box[0] + left + width * x, box[1] + top + height * (1 - y)


def drawn(browser: Browser) -> str:
    """What the page says that it shows, once it has drawn what it was told."""
    browser.do("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    label: str = browser.do("document.getElementById('overlay').getAttribute('aria-label')")
    return label


def span(browser: Browser) -> tuple[float, float, int, int]:
    """Seconds and addresses that are shown."""
    found = re.search(r"Shown: ([\d.]+) s to ([\d.]+) s, (\w+) to (\w+)", drawn(browser))
    assert found
    return float(found[1]), float(found[2]), int(found[3], 16), int(found[4], 16)


def status(browser: Browser) -> str:
    text: str = browser.do("document.getElementById('status').textContent")
    return text


def choose(browser: Browser, select: str, number: int) -> None:
    browser.do(
        f"""(() => {{
            const select = document.getElementById("{select}");
            select.selectedIndex = {number};
            select.dispatchEvent(new Event("change"));
        }})()"""
    )
    drawn(browser)


def press(browser: Browser, button: str) -> None:
    browser.do(f"document.getElementById('{button}').click()")
    drawn(browser)


def test_hot_cells_have_the_hottest_colour_and_cold_ones_the_coldest(shown: Browser) -> None:
    # Of the 33 MiB the first 32 are drawn below; a quarter of them is hot at a time.
    for part in range(4):
        for time in range(4):
            color = pixel(shown, (time + 0.5) / 4, 0.95 * (part + 0.5) / 4)
            assert color == (*(ON_LIGHT[-1] if part == time else ON_LIGHT[0]), 255)


def test_it_follows_the_dark_of_the_system_and_its_button(shown: Browser) -> None:
    shown.dark(True)
    drawn(shown)
    assert pixel(shown, 0.1, 0.1)[:3] == ON_DARK[-1]
    press(shown, "theme")
    assert pixel(shown, 0.1, 0.1)[:3] == ON_LIGHT[-1]


def test_pointing_at_a_cell_tells_time_address_name_and_heat(shown: Browser) -> None:
    shown.mouse("mouseMoved", *at(shown, 0.6, 0.6))
    text = status(shown)
    assert re.match(r"4\.\d+ s  \(\d\d:\d\d:\d\d\); 7f0001\w+  hot\.so; 100 %", text), text
    assert "samples with an access" in text
    tip = shown.do("document.getElementById('tip').textContent")
    assert tip.replace("\n", "; ") == text
    shown.mouse("mouseMoved", *at(shown, 0.1, 0.6))
    assert "; 0 %" in status(shown)


def test_between_two_areas_there_is_no_address(shown: Browser) -> None:
    texts = set()
    for step in range(60):
        shown.mouse("mouseMoved", *at(shown, 0.5, 0.94 + step / 1000))
        texts.add(status(shown).split("; ", 1)[1])
    assert "addresses between two areas" in texts
    assert any(text.startswith("7ffff") for text in texts)


def test_the_wheel_zooms_and_leaves_the_cell_below_it(shown: Browser) -> None:
    place = at(shown, 0.6, 0.6)
    shown.mouse("mouseMoved", *place)
    before, whole = status(shown), span(shown)
    for _ in range(3):
        shown.mouse("mouseWheel", *place, deltaX=0, deltaY=-200)
    low, high, start, end = span(shown)
    assert high - low < (whole[1] - whole[0]) / 2
    assert end - start < 16 * MIB
    assert status(shown).split("; ")[2] == before.split("; ")[2]
    assert low < float(before.split(" s")[0]) < high
    for _ in range(9):
        shown.mouse("mouseWheel", *place, deltaX=0, deltaY=200)
    assert span(shown) == whole


def test_the_wheel_zooms_one_axis_with_shift_or_alt(shown: Browser) -> None:
    whole = span(shown)
    place = at(shown, 0.5, 0.5)
    shown.mouse("mouseWheel", *place, deltaX=0, deltaY=-300, modifiers=8)
    time_only = span(shown)
    assert time_only[2:] == whole[2:]
    assert time_only[1] - time_only[0] < whole[1] - whole[0]
    shown.mouse("mouseWheel", *place, deltaX=0, deltaY=-300, modifiers=1)
    assert span(shown)[:2] == time_only[:2]
    assert span(shown)[3] < whole[3]


def test_a_box_is_zoomed_into_and_back_leads_out(shown: Browser) -> None:
    whole = span(shown)
    shown.drag(at(shown, 0.25, 0.25), at(shown, 0.5, 0.5))
    low, high, start, end = span(shown)
    assert (low, high) == (pytest.approx(2, abs=0.1), pytest.approx(4, abs=0.1))
    assert 7 * MIB < start - BASE < 9 * MIB
    assert 15 * MIB < end - BASE < 18 * MIB
    assert pixel(shown, 0.5, 0.4)[:3] == ON_LIGHT[-1]
    press(shown, "back")
    assert span(shown) == whole


def test_moving_keeps_the_size_of_what_is_shown(shown: Browser) -> None:
    shown.drag(at(shown, 0.25, 0.25), at(shown, 0.5, 0.5))
    before = span(shown)
    press(shown, "move")
    shown.drag(at(shown, 0.8, 0.5), at(shown, 0.3, 0.5))
    after = span(shown)
    assert after[1] - after[0] == pytest.approx(before[1] - before[0], abs=0.03)
    assert after[0] == pytest.approx(3, abs=0.1)
    press(shown, "box")
    shown.drag(at(shown, 0.3, 0.5), at(shown, 0.8, 0.5), modifiers=8)
    assert span(shown)[0] == pytest.approx(before[0], abs=0.1)
    press(shown, "reset")
    assert span(shown)[:2] == (0, 8)


def test_a_click_changes_nothing(shown: Browser) -> None:
    whole = span(shown)
    shown.drag(at(shown, 0.4, 0.4), at(shown, 0.4, 0.4))
    assert span(shown) == whole
    assert shown.do("document.getElementById('back').disabled")


def test_two_fingers_zoom_and_one_moves(shown: Browser) -> None:
    shown.size(400, 800, ratio=2, touch=True)
    whole = span(shown)
    middle = at(shown, 0.5, 0.5)
    near, far = ([(middle[0] + way * by, middle[1]) for way in (-1, 1)] for by in (30, 90))
    shown.touch("touchStart", *near)
    shown.touch("touchMove", *far)
    shown.touch("touchEnd")
    zoomed = span(shown)
    assert zoomed[1] - zoomed[0] < (whole[1] - whole[0]) / 2
    shown.touch("touchStart", middle)
    shown.touch("touchMove", (middle[0] - 60, middle[1]))
    shown.touch("touchEnd")
    moved = span(shown)
    assert moved[0] > zoomed[0]
    assert moved[1] - moved[0] == pytest.approx(zoomed[1] - zoomed[0], abs=0.03)
    shown.size(1000, 900)


def test_another_target_is_shown_with_its_own_heat(shown: Browser) -> None:
    assert "target 1: pid 71 (busy)" in drawn(shown)
    choose(shown, "target", 1)
    assert "target 0: pid 70 (idle)" in drawn(shown)
    assert pixel(shown, 0.1, 0.1)[:3] == ON_LIGHT[-1]
    shown.mouse("mouseMoved", *at(shown, 0.6, 0.6))
    assert "; 10 %" in status(shown)


def test_another_measure_is_shown_with_its_unit(shown: Browser) -> None:
    unit = "document.getElementById('unit').textContent"
    assert shown.do(unit) == "% of samples with an access"
    choose(shown, "measure", 1)
    assert shown.do(unit) == "% of bytes accessed in a sampling interval"
    shown.mouse("mouseMoved", *at(shown, 0.1, 0.1))
    assert "; 12.5 %" in status(shown)
    choose(shown, "measure", 2)
    assert shown.do(unit).startswith("access reports per second and MiB")
    hot = pixel(shown, 0.1, 0.1)
    choose(shown, "measure", 3)
    assert pixel(shown, 0.1, 0.1)[:3] == ON_LIGHT[0] != hot[:3]
    shown.mouse("mouseMoved", *at(shown, 0.9, 0.9))
    assert "access reports per second and MiB" in status(shown)


def test_everything_can_be_done_with_keys(shown: Browser) -> None:
    shown.do("document.getElementById('overlay').focus()")
    whole = span(shown)
    shown.key("ArrowLeft", 37)
    shown.key("ArrowUp", 38)
    assert re.match(r"3\.\d+ s", status(shown))
    shown.key("+", 187)
    zoomed = span(shown)
    assert zoomed[1] - zoomed[0] == pytest.approx(4, abs=0.05)
    shown.key("ArrowRight", 39, modifiers=8)
    assert span(shown)[0] == pytest.approx(zoomed[0] + 0.5, abs=0.05)
    shown.key("Backspace", 8)
    shown.key("0", 48)
    assert span(shown) == whole
    shown.key("t", 84)
    assert "target 0" in drawn(shown)
    shown.key("h", 72)
    drawn(shown)
    assert "bytes" in shown.do("document.getElementById('unit').textContent")
    shown.key("Escape", 27)
    assert status(shown).startswith("Shown: ")


def test_controls_have_names_for_who_cannot_see_them(shown: Browser) -> None:
    nameless = shown.do(
        """[...document.querySelectorAll("button, select, canvas:not([aria-hidden])")]
            .filter((one) => !one.closest("[hidden]"))
            .filter((one) => !(one.textContent.trim() || one.getAttribute("aria-label")
                || one.labels?.[0]?.textContent.trim())).map((one) => one.id)"""
    )
    assert nameless == []


@pytest.mark.parametrize("width", [360, 800, 1920, 3840])
def test_it_fits_every_screen(shown: Browser, width: int) -> None:
    shown.size(width, max(740, width // 2), ratio=2 if width == 360 else 1, touch=width == 360)
    drawn(shown)
    assert shown.do("document.documentElement.scrollWidth") == width
    _, _, across, up = plot(shown)
    assert across > width * 0.7 - 80
    assert up > 240
    assert pixel(shown, 0.1, 0.1)[:3] == ON_LIGHT[-1]
    shown.size(1000, 900)


def test_names_are_texts(shown: Browser) -> None:
    assert shown.do("document.querySelectorAll('img').length") == 0
    assert shown.do("document.getElementById('title').textContent") == f"Heat {EVIL}"
    choose(shown, "target", 1)
    shown.mouse("mouseMoved", *at(shown, 0.6, 0.6))
    assert "script><img src=x onerror=alert(1)>" in status(shown)


def test_what_is_left_out_is_told(browser: Browser, tmp_path: Path) -> None:
    rows = [(n * 2**40, n * 2**40 + (n + 1) * MIB, 5, 0, 1, 71, NAN) for n in range(4)]
    path = tmp_path / "few.html"
    page_of([made_up_snapshot(0, rows, targets=TARGETS)], nr_columns=2).save(path)
    browser.open(path)
    text = browser.do("document.getElementById('left-out').textContent")
    assert text == "30.0 % of the accesses were in addresses not shown. Targets left out: 1."


def test_a_damaged_page_says_so(browser: Browser, page: Path, tmp_path: Path) -> None:
    text = page.read_text()
    start = text.index('"data":"') + 8
    cut = tmp_path / "cut.html"
    cut.write_text(text[:start] + "AAAA" + text[text.index('"', start) :])
    browser.call("Page.navigate", url=cut.as_uri())
    browser.until("document.getElementById('problem')?.textContent")
    assert "the file is damaged" in browser.do("document.getElementById('problem').textContent")


def test_the_page_of_everything_draws_its_lines_and_tables(
    browser: Browser, tmp_path: Path
) -> None:
    header = RecordHeader(Ops.VADDR, (PrimitiveInfo("accessed_bit"),), T0_NS)
    path = tmp_path / "all.html"
    holistic_page(header, moving(), NAMES).save(path)
    browser.size(1000, 900)
    browser.errors.clear()
    browser.open(path)
    nr_colored = browser.do(
        f"""(() => {{
            const canvas = document.getElementById("lines");
            const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", {READ});
            copy.drawImage(canvas, 0, 0);
            const {{data}} = copy.getImageData(0, 0, canvas.width, canvas.height);
            let nr = 0;
            for (let at = 0; at < data.length; at += 4)
                nr += data[at + 3] > 200 && Math.abs(data[at] - data[at + 2]) > 60;
            return nr;
        }})()"""
    )
    assert nr_colored > 500
    assert browser.do("document.getElementById('lines-key').textContent") == (
        "working setresident (RSS)"
    )
    tables = browser.do("[...document.querySelectorAll('td')].map((cell) => cell.textContent)")
    assert tables[:2] == ["hot.so", "1 MiB"]
    assert "target 0: pid 70 (idle)" in tables
    assert browser.errors == []
