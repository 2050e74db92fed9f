"""The console in a browser: a file is dropped, the graph of its execution turns green, log and outputs are shown.

``CONSOLE_SCREENSHOTS=docs/images`` writes the pictures of the documentation.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_wine

from smproc.console import Console
from smproc.local import LocalAws
from tests.helpers.chromium import Browser, chromium
from tests.helpers.deployment import Deployment
from tests.helpers.stacks import ROOT

pytestmark = pytest.mark.exhaustive

_MODES: dict[str, dict[str, Any]] = {
    "light": {"width": 1200, "height": 800},
    "dark": {"width": 1200, "height": 800, "media": {"prefers-color-scheme": "dark"}},
}
_FOCUSED = "(({innerText, value, className}) => (innerText || value || className || '').trim())(document.activeElement)"


@pytest.fixture(scope="module")
def console(deployment: Deployment) -> Iterator[Console]:
    chromium()
    console = Console(LocalAws(deployment.port, state_dir=deployment.environment["SMPROC_HOME"]))
    yield console
    console.stop()


@pytest.fixture(scope="module")
def browser(console: Console, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser")) as browser:
        browser.emulate()
        browser.open(console.open())
        browser.wait_for("location.pathname === '/' && document.querySelector('table')")
        yield browser
        problems = [
            event["params"]
            for event in browser.events
            if event.get("method") == "Runtime.exceptionThrown"
            or (event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] == "error")
        ]
        assert [one for one in problems if "status of 4" not in json.dumps(one)] == []


def picture(browser: Browser, name: str, mode: str) -> None:
    """Write what the page shows to a picture of the documentation, if that is asked for."""
    if directory := os.environ.get("CONSOLE_SCREENSHOTS"):
        (ROOT / directory).mkdir(exist_ok=True)
        browser.emulate(**_MODES[mode])
        time.sleep(0.6)  # transitions of colours
        browser.screenshot(ROOT / directory / f"console-{name}-{mode}.png")
        browser.emulate()


def drop(browser: Browser, name: str, content: bytes) -> None:
    """Drop a file on the page, once its script takes drops."""
    browser.wait_for(
        "(() => { const transfer = new DataTransfer(); transfer.items.add(new File([], 'x'));"
        " return !document.getElementById('drop').dispatchEvent("
        "new DragEvent('dragover', { dataTransfer: transfer, bubbles: true, cancelable: true })); })()"
    )
    browser.evaluate(
        f"""(() => {{
        const bytes = Uint8Array.from(atob("{base64.b64encode(content).decode()}"), (one) => one.charCodeAt(0));
        const transfer = new DataTransfer();
        transfer.items.add(new File([bytes], {json.dumps(name)}));
        for (const kind of ["dragover", "drop"])
          document.getElementById("drop").dispatchEvent(
            new DragEvent(kind, {{ dataTransfer: transfer, bubbles: true, cancelable: true }}));
        }})()"""
    )


def follow_link(browser: Browser, selector: str) -> None:
    browser.evaluate(f"document.querySelector({json.dumps(selector)}).click()")


def test_a_dropped_file_runs_and_the_graph_turns_green(browser: Browser) -> None:
    browser.wait_for("document.body.innerText.includes('ProcessingDemo/Pipeline')")
    follow_link(browser, 'a[href="/pipelines/ProcessingDemo/Pipeline"]')
    browser.wait_for("document.getElementById('drop')")
    content = load_wine(as_frame=True).frame.to_csv(index=False).encode()
    drop(browser, "wine.csv", content)
    browser.wait_for("document.getElementById('transfers').innerText.includes('uploaded')")
    browser.wait_for("document.querySelector('#uploads a[href^=\"/executions/\"]')")
    assert "incoming/wine.csv" in browser.text()
    picture(browser, "pipeline", "light")

    # Nothing is reloaded from here on: the page itself follows the execution.
    follow_link(browser, '#uploads a[href^="/executions/"]')
    browser.wait_for("document.querySelector('.graph svg')")
    browser.evaluate("window.mark = 1")
    seen = browser.wait_for(
        "document.querySelector('[data-state=Split].running, [data-state=Split].succeeded')?.getAttribute('class')"
    )
    if "running" in seen:
        picture(browser, "execution-running", "light")
    browser.wait_for("document.querySelector('[data-state=Split].succeeded')")
    browser.wait_for("document.getElementById('status').innerText.includes('succeeded')")
    if "running" in seen:
        assert "succeeded" in browser.wait_for("document.getElementById('announcer').textContent")
    assert browser.evaluate("window.mark") == 1
    assert browser.evaluate("getComputedStyle(document.querySelector('.succeeded .shape')).stroke") != "none"

    follow_link(browser, '#jobs a[href^="/jobs/"]')
    browser.wait_for("document.getElementById('log')?.innerText.includes('178 rows, 14 columns')")
    browser.wait_for("document.querySelector('#outputs a')")
    picture(browser, "job", "dark")
    assert browser.evaluate("document.querySelector('nav a[href^=\"/executions/\"]').innerText").startswith(
        "Execution "
    )
    follow_link(browser, "#outputs a")
    browser.wait_for("document.querySelector('table.data')")
    assert "alcohol" in browser.text()
    picture(browser, "output", "light")


def test_a_fault_and_the_repetition_by_the_keyboard(browser: Browser) -> None:
    base = browser.evaluate("location.origin")
    browser.open(f"{base}/faults")
    browser.press("Tab", 9)
    assert browser.evaluate(_FOCUSED) == "Skip to content"
    browser.press("Enter", 13, "\r")
    browser.wait_for("document.activeElement.id === 'main'")
    browser.press("Tab", 9)
    assert browser.evaluate("document.activeElement.name") == "kind"
    assert browser.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    browser.press("ArrowDown", 40)
    browser.press("ArrowDown", 40)
    browser.press("ArrowDown", 40)
    assert browser.evaluate("document.activeElement.value") == "error"
    browser.press("Tab", 9)
    browser.press("1", 49, "1")
    browser.press("Enter", 13, "\r")
    browser.wait_for("document.getElementById('active').innerText.includes('InternalServerError')")
    assert "The fault error is active." in browser.text()

    browser.open(f"{base}/pipelines/ProcessingDemo/Pipeline")
    drop(browser, "<b>wine</b> & .csv", load_wine(as_frame=True).frame.to_csv(index=False).encode())
    row = "[...document.querySelectorAll('#uploads tr')].find((one) => one.innerText.includes('<b>wine</b> & .csv'))"
    browser.wait_for(f"{row}?.innerText.includes('failed')", 180)

    # It is repeated, and its dead letter, which would repeat it once more, is sent back without effect.
    follow_link(browser, '#uploads a[href^="/executions/"]')
    browser.wait_for("document.querySelector('form[action=\"/executions/retry\"] button')")
    browser.evaluate("document.querySelector('form[action=\"/executions/retry\"] button').focus()")
    browser.press("Enter", 13, "\r")
    browser.wait_for("document.body.innerText.includes('runs again, in a new execution')")
    browser.open(f"{base}/pipelines/ProcessingDemo/Pipeline")
    repeated = row.replace("'<b>wine</b> & .csv'", "'repeated'")
    browser.wait_for(f"{repeated}?.innerText.includes('succeeded')", 180)
    for _ in range(60):  # this page does not follow what happens
        browser.open(f"{base}/dead-letters")
        if "Send all back" in browser.text():
            break
        time.sleep(1)
    follow_link(browser, "form[action='/dead-letters/redrive'] button")
    browser.wait_for("document.body.innerText.includes('Sent 1 dead letter back')")


def test_a_browser_without_a_session_gets_nothing(console: Console, tmp_path: Path) -> None:
    base = console.open().partition("/open")[0]
    with Browser(tmp_path) as stranger:
        stranger.open(base)
        assert "This browser is not signed in" in stranger.text()
        assert "smproc local open" in stranger.text()
        assert "ProcessingDemo" not in stranger.text()
