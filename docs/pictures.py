"""Makes the pictures of the documentation anew, from a recording of the demo's workload.

    python docs/pictures.py [--recording FILE] [--folder FOLDER]

Without a recording it makes one, which needs what the demo needs and takes half a minute; the
picture of the page also needs Chromium.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from damon_core.figures import holistic_figure, save_figure
from damon_core.record import Record, open_record
from damon_core.report.overview import Overview
from damon_core.report.page import page_of

ROOT = Path(__file__).parent.parent
SECONDS = 6.0
SIZE = (1200, 860)

sys.path[:0] = [str(ROOT), str(ROOT / "examples")]


def record_demo(folder: Path) -> Path:
    """Record the workload of the demo: 16 MiB of 128 MiB are hot, another part every 6 s."""
    import demo  # type: ignore[import-not-found]  # of the folder of examples

    os.chdir(folder)
    demo.check_primitive()
    with demo.Toucher(demo.workload(SECONDS), demo.TRUTH) as toucher:
        demo.monitor(toucher.pid, 4 * SECONDS)
    return folder / demo.RECORD


def draw_sheet(record: Record, folder: Path) -> None:
    """The figure of everything: holistic.png."""
    names = record.names()
    overview = Overview(record.header, record, names, nr_rows=600, nr_columns=400, least=5)
    figure = holistic_figure(overview)
    figure.set_dpi(100)
    with (folder / "holistic.png").open("wb") as file:
        save_figure(figure, file, "png")


def draw_pages(record: Record, folder: Path) -> None:
    """What a browser shows of the pages: page.png, page-dark.png."""
    from tests.browser import MISSING, Browser, find_browser

    if not find_browser():
        print(f"no picture of the page: it {MISSING}", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as made, Browser(Path(made)) as browser:
        page = Path(made) / "page.html"
        page_of(record, record.names(), title="A hot area that moves").save(page)
        browser.size(*SIZE)
        for name, dark in (("page.png", False), ("page-dark.png", True)):
            browser.dark(dark)
            browser.open(page)
            browser.mouse("mouseMoved", SIZE[0] * 0.57, SIZE[1] * 0.43)
            browser.screenshot(folder / name)


def main() -> None:
    """Draw all of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--recording", type=Path)
    parser.add_argument("--folder", type=Path, default=ROOT / "docs" / "pictures")
    args = parser.parse_args()
    folder = args.folder.absolute()
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        path = args.recording or record_demo(Path(made))
        record = open_record(path.absolute())
        draw_sheet(record, folder)
        draw_pages(record, folder)
        os.chdir(ROOT)
    for picture in sorted(folder.glob("*.png")):
        print(f"{picture}: {picture.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
