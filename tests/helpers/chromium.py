"""A headless Chromium, driven by the DevTools protocol through a pipe: no driver, no port.

See: https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_TIMEOUT_IN_SECONDS = 60.0
# Chromium reads commands from the third descriptor and writes answers to the fourth.
_PIPE = (
    "import fcntl, os, sys; "
    "commands, answers = (fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]); "
    "os.dup2(commands, 3); os.dup2(answers, 4); os.execv(sys.argv[3], sys.argv[3:])"
)


def chromium() -> str:
    """Return the path of Chromium; skip the test without it."""
    found = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if found is None:
        pytest.skip("needs Chromium (apt install chromium)")
    return found


class Browser:
    """A browser with one page.

    Args:
        directory: the directory of its profile.
    """

    def __init__(self, directory: Path) -> None:
        command_reader, self._writer = os.pipe()
        self._reader, answer_writer = os.pipe()
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        with (directory / "chromium.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-c", _PIPE, str(command_reader), str(answer_writer), chromium(), *options),
                    *("--remote-debugging-pipe", f"--user-data-dir={directory / 'profile'}", "about:blank"),
                ],
                pass_fds=[command_reader, answer_writer],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"HOME": str(directory)},
            )
        os.close(command_reader)
        os.close(answer_writer)
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        try:
            self._attach()
        except BaseException:
            self.close()
            raise

    def _attach(self) -> None:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End Chromium."""
        self._process.terminate()
        self._process.wait()
        os.close(self._reader)
        os.close(self._writer)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._writer, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def _next(self) -> dict[str, Any]:
        deadline = time.monotonic() + _TIMEOUT_IN_SECONDS
        while b"\0" not in self._buffer:
            assert select.select([self._reader], [], [], max(0.0, deadline - time.monotonic()))[0], "no answer"
            chunk = os.read(self._reader, 1 << 20)
            assert chunk, "Chromium has ended"
            self._buffer += chunk
        text, _, self._buffer = self._buffer.partition(b"\0")
        answer: dict[str, Any] = json.loads(text)
        return answer

    def open(self, url: str) -> None:
        """Show a page and wait until it is loaded."""
        self.call("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete'")

    def evaluate(self, expression: str) -> Any:  # noqa: ANN401 - a value of JavaScript
        """Return the value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, (expression, found["exceptionDetails"])
        return found["result"].get("value")

    def wait_for(self, expression: str, seconds: float = _TIMEOUT_IN_SECONDS) -> Any:  # noqa: ANN401 - the same
        """Wait until an expression is true in the page, and return its value."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                # An element has no value outside of the page.
                value = self.evaluate(f"((found) => found instanceof Node || found)({expression})")
            except AssertionError:  # the page is just being replaced
                if time.monotonic() > deadline:
                    raise
                value = None
            if value:
                return value
            assert time.monotonic() < deadline, f"never: {expression}\n{self.text()}"
            time.sleep(0.05)

    def text(self) -> str:
        """Return the text that the page shows."""
        return str(self.evaluate("document.body.innerText"))

    def press(self, key: str, code: int, text: str = "") -> None:
        """Press a key."""
        event = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **event)
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def emulate(self, *, width: int = 1280, height: int = 860, media: Mapping[str, str] | None = None) -> None:
        """Show the page in a size, and with features of the media such as ``prefers-color-scheme``."""
        features = [{"name": name, "value": value} for name, value in (media or {}).items()]
        self.call("Emulation.setEmulatedMedia", features=features)
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def screenshot(self, path: Path) -> None:
        """Write what the page shows to a PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))
