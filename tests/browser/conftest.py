"""A real server with studies in it, and a real Chromium that looks at it."""

import base64
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.browser import objects
from tests.factories import part10_bytes
from tests.running_server import RunningServer, running_server, wait_until

import isocenter
from isocenter.server import viewer_files

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
WAIT = 30_000
expect.set_options(timeout=WAIT)

READ_CANVAS = """(canvas) => {
    const copy = new OffscreenCanvas(canvas.width, canvas.height);
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    const { data } = context.getImageData(0, 0, copy.width, copy.height);
    let text = "";
    for (let i = 0; i < data.length; i += 32768) {
        text += String.fromCharCode(...data.subarray(i, i + 32768));
    }
    return [btoa(text), copy.width, copy.height];
}"""


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(__file__.rpartition("/")[0]):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for the whole session: its event loop would stand in the way of other tests' own."""
    if not shutil.which(CHROMIUM):
        pytest.skip("needs Chromium (Debian's package chromium; scripts/test installs it)")
    if not (viewer_files.STATIC / "index.html").exists():
        pytest.skip("needs the built viewer: python hatch_build.py")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[RunningServer]:
    data = tmp_path_factory.mktemp("browser") / "data"
    with isocenter.open(data, durability="fast") as archive:
        for dataset in objects.everything():
            archive.ingest(part10_bytes(dataset))
    with running_server(data) as server:
        yield server


@dataclass
class Viewer:
    """A page of the viewer, and what it complained about."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        self.page.goto(self.address + path)

    def open_series(self, dataset: Any, more: str = "") -> None:
        """Open the series of an object and wait for its first image."""
        study, series = dataset.StudyInstanceUID, dataset.SeriesInstanceUID
        self.open(f"/viewer?StudyInstanceUIDs={study}&SeriesInstanceUID={series}{more}")
        renderer = "canvas" if "renderer=canvas" in more else "webgl2"
        self.wait(f"isocenter?.firstImage != null && isocenter.renderer === '{renderer}'")
        self.settled()

    def wait(self, condition: str) -> None:
        """Wait for a condition in JavaScript; `isocenter` is the page's state."""
        # Playwright's own wait evaluates a string in the page, which the server's policy forbids.
        script = f"(() => {{ const isocenter = window.isocenter; return Boolean({condition}) }})()"
        wait_until(lambda: self.page.evaluate(script))

    def state(self, viewport: int = 0) -> dict[str, Any]:
        return self.page.evaluate("window.isocenter")["viewports"][viewport]

    def settled(self) -> None:
        """Wait until what is wanted is drawn, and what was asked for before has been."""
        self.wait(
            "isocenter.viewports.every((v) => v.count === 0 || v.failure || v.wanted === v.index)"
        )
        frame = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        self.page.evaluate(frame)
        # What moves is sketched where there is no graphics card, and drawn once it rests.
        self.wait("isocenter.viewports.every((v) => v.drawn)")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.settled()

    def canvas(self, viewport: int = 0, layer: str = "image") -> np.ndarray:
        """Read a viewport's picture, or what lies over it, back: rows, columns, RGBA."""
        wrapped = layer in ("sketch", "stack-bar")
        selector = f".{layer} canvas" if wrapped else f"canvas.{layer}"
        canvas = self.page.locator(f".viewport {selector}").nth(viewport)
        text, width, height = canvas.evaluate(READ_CANVAS)
        return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)


@pytest.fixture
def viewer(browser, server) -> Iterator[Viewer]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(WAIT)
    viewer = Viewer(page, server.http)
    page.on("pageerror", lambda error: viewer.complaints.append(str(error)))
    page.on(
        "console",
        lambda message: message.type == "error" and viewer.complaints.append(message.text),
    )
    yield viewer
    context.close()
    assert viewer.complaints == []
