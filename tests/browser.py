"""A headless Chromium, driven over WebDriver's HTTP by nothing but the standard library."""

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.acceptance.scrapes import free_port
from tests.waiting import wait_until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
_ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--lang=en-US",
)  # fmt: skip


class Browser:
    """One window. Whatever a page writes to its console, refused loads too, is in `complaints`."""

    def __init__(self, session: str) -> None:
        self._session = session

    def open(self, url: str) -> None:
        self._post("url", {"url": url})

    def run(self, script: str, *arguments: object) -> Any:
        """What the script returns."""
        return self._post("execute/sync", {"script": script, "args": arguments})

    def text(self, selector: str) -> str:
        """What is to be read there; empty where there is nothing, or it is hidden."""
        shown = "found?.checkVisibility() ? found.innerText : ''"
        return str(self.run(f"const found = document.querySelector(arguments[0]); return {shown}", selector))

    def wait_for(self, selector: str, text: str) -> None:
        """Until that is to be read there; AssertionError after 30 s."""
        look = "found?.checkVisibility() && found.innerText.includes(text)"
        script = "const [selector, text, done] = arguments; const look = () => {"
        script += f"const found = document.querySelector(selector); {look} ? done() : setTimeout(look, 100) }}; look()"
        self._post("execute/async", {"script": script, "args": [selector, text]})

    def click(self, selector: str) -> None:
        self.run("document.querySelector(arguments[0]).click()", selector)

    def look_like(self, *, scheme: str = "light", width: int = 1280, height: int = 900) -> None:
        """The scheme of colours that the user prefers, and the size of the window."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._devtools("Emulation.setEmulatedMedia", features=features)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._devtools("Emulation.setDeviceMetricsOverride", **size)

    def screenshot(self, path: Path) -> None:
        """Of the whole page."""
        taken = self._devtools("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(taken["data"]))

    @property
    def complaints(self) -> list[str]:
        """Since the last time that they were asked for."""
        return [entry["message"] for entry in self._post("se/log", {"type": "browser"})]

    def _devtools(self, command: str, **parameters: object) -> Any:
        return self._post("goog/cdp/execute", {"cmd": command, "params": parameters})

    def _post(self, command: str, body: Mapping[str, object]) -> Any:
        return _ask(f"{self._session}/{command}", body)


@contextmanager
def open_browser(profile: Path) -> Iterator[Browser]:
    """With an empty profile in this folder; ended with all its processes."""
    assert CHROMIUM
    assert DRIVER
    port = free_port()
    with subprocess.Popen([DRIVER, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as driver:
        try:
            root = f"http://127.0.0.1:{port}"
            wait_until(lambda: _is_ready(root), 30, "the browser's driver is ready")
            options = {"binary": CHROMIUM, "args": [*_ARGUMENTS, f"--user-data-dir={profile}"]}
            wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
            made = _ask(f"{root}/session", {"capabilities": {"alwaysMatch": wanted}})
            session = f"{root}/session/{made['sessionId']}"
            try:
                yield Browser(session)
            finally:
                _ask(session, method="DELETE")
        finally:
            driver.terminate()


def _is_ready(root: str) -> bool:
    try:
        return bool(_ask(f"{root}/status")["ready"])
    except OSError:
        return False


def _ask(url: str, body: Mapping[str, object] | None = None, method: str | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"Content-Type": "application/json"}, method=method)  # noqa: S310 - our own driver's
    try:
        with urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.loads(answer.read())["value"]
    except HTTPError as error:
        raise AssertionError(error.read().decode()) from None
