"""A headless Chromium, driven over a pipe by its DevTools protocol: no driver, no port."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path
from select import select
from typing import Any

from attrs import define, field

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
MISSING = "needs Chromium: apt-get install chromium"
_TIMEOUT_S = 120
# The browser reads at 3 and writes at 4, whatever these are here.
_LAUNCH = """
import os, sys
theirs = [os.dup2(int(fd), to) for fd, to in zip(sys.argv[1:3], (200, 201))]
for fd, to in zip(theirs, (3, 4)):
    os.dup2(fd, to)
os.execv(sys.argv[3], sys.argv[3:])
"""
_MOUSE = {"button": "left", "buttons": 1, "clickCount": 1}


def find_browser() -> str | None:
    """The path of a Chromium, or None."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


@define(eq=False)
class Browser:
    """One page in a browser of its own; notes errors, messages and requests of the page."""

    profile: Path
    errors: list[str] = field(factory=list)
    requests: list[str] = field(factory=list)
    _ids: count[int] = field(factory=lambda: count(1))
    _buffer: bytes = b""
    _session: str | None = None
    _process: Any = None
    _writes: int = -1
    _reads: int = -1

    def __enter__(self) -> Browser:
        program = find_browser()
        assert program, MISSING
        theirs_in, self._writes = os.pipe()
        self._reads, theirs_out = os.pipe()
        arguments = [
            program,
            "--headless=new",
            "--no-sandbox",  # tests may run as root
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            "--hide-scrollbars",
            "--remote-debugging-pipe",
            f"--user-data-dir={self.profile}",
            "about:blank",
        ]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, str(theirs_in), str(theirs_out), *arguments],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(self.profile)},
        )
        os.close(theirs_in)
        os.close(theirs_out)
        try:
            target = self.call("Target.createTarget", url="about:blank")["targetId"]
            attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
            self._session = attached["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                self.call(f"{domain}.enable")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._session = None
        with suppress(AssertionError, OSError, subprocess.TimeoutExpired):
            self.call("Browser.close")
            self._process.wait(_TIMEOUT_S)
        self._end()

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._writes)
        os.close(self._reads)

    def call(self, method: str, **params: Any) -> Any:
        """Call a method, and return its result."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._writes, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self._note(answer)

    def size(self, width: int, height: int, *, ratio: float = 1, touch: bool = False) -> None:
        """The size of the window in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=ratio,
            mobile=touch,
        )
        self.call("Emulation.setTouchEmulationEnabled", enabled=touch)

    def dark(self, dark: bool) -> None:
        """What the system prefers."""
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[feature])

    def open(self, page: Path) -> None:
        """Open a file, and wait until its picture is drawn."""
        self.call("Page.navigate", url=page.absolute().as_uri())
        self.until("document.getElementById('overlay')?.dataset.drawn")

    def do(self, script: str) -> Any:
        """The value of an expression in the page; awaits promises."""
        result = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def until(self, condition: str) -> None:
        """Wait, frame by frame, until an expression holds."""
        self.do(
            f"""new Promise((done, fail) => {{
                const end = performance.now() + {_TIMEOUT_S * 500};
                const look = () => ({condition}) ? done() : performance.now() > end
                    ? fail(new Error("never")) : setTimeout(look, 10);
                look();
            }})"""
        )

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """A mouse event: mousePressed, mouseMoved, mouseReleased, mouseWheel."""
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def drag(self, start: tuple[float, float], end: tuple[float, float], **more: Any) -> None:
        """Press the left button at one place, and let it go at another."""
        self.mouse("mousePressed", *start, **_MOUSE, **more)
        for share in (0.5, 1.0):
            x, y = (a + (b - a) * share for a, b in zip(start, end, strict=True))
            self.mouse("mouseMoved", x, y, **{**_MOUSE, "clickCount": 0}, **more)
        self.mouse("mouseReleased", *end, **{**_MOUSE, "buttons": 0}, **more)

    def touch(self, kind: str, *points: tuple[float, float]) -> None:
        """A touch event: touchStart, touchMove, touchEnd, with all fingers that are down."""
        fingers = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        self.call("Input.dispatchTouchEvent", type=kind, touchPoints=fingers)

    def key(self, key: str, code: int, **more: Any) -> None:
        """Press and release a key."""
        for kind in ("keyDown", "keyUp"):
            text = {"text": key} if len(key) == 1 and kind == "keyDown" else {}
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                windowsVirtualKeyCode=code,
                **text,
                **more,
            )

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """What is seen, as a PNG; ``whole``: also what is below."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _read(self) -> Any:
        while b"\0" not in self._buffer:
            ready, _, _ = select([self._reads], [], [], _TIMEOUT_S)
            assert ready, "the browser says nothing"
            read = os.read(self._reads, 1 << 20)
            assert read, "the browser ended"
            self._buffer += read
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def _note(self, event: Any) -> None:
        method, params = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(params["exceptionDetails"])[:2000])
        elif method == "Runtime.consoleAPICalled":
            self.errors.append(json.dumps(params["args"])[:2000])
        elif method == "Log.entryAdded":
            self.errors.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
