"""The viewer: how long a reader waits for the first image, and how fast images follow one another.

A real Chromium without a graphics card (SwiftShader) opens a study. What counts as the first image
is judged from outside: a script looks into every canvas of the page, one animation frame after the
other, until one is no longer uniform. Scrolling asks for the next image before every repaint, once
all are loaded, and counts those that appear.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from shutil import which

from playwright.sync_api import Browser, sync_playwright

from benchmarks.bench import Bench, fill
from benchmarks.row import Row, Target, Trial
from benchmarks.servers import TUNED, Isocenter

CHROMIUM_FLAGS = (
    *("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
    *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
)
SCRIPTS = [
    (Path(__file__).parent / name).read_text() for name in ("watch_canvases.js", "scroll_images.js")
]
TIMEOUT_MS = 30_000
# What the page is asked: milliseconds since its navigation began; images a second.
FIRST_IMAGE = "window.firstImage"
SCROLLING = "window.scrolled(3)"


def _asked(browser: Browser, url: str, question: str) -> float:
    """Open the page in a fresh profile and ask it something."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    try:
        page = context.new_page()
        for script in SCRIPTS:
            page.add_init_script(script)
        page.goto(url, wait_until="commit")
        page.set_default_timeout(TIMEOUT_MS)
        return float(page.evaluate(question))
    finally:
        context.close()


@contextmanager
def _contenders(question: str, bench: Bench) -> Iterator[Mapping[str, Trial]]:
    if not bench.takes_part("Isocenter"):
        yield {}
        return
    with Isocenter(bench.new_folder(), TUNED) as server, sync_playwright() as playwright:
        fill(server, bench.stacks)
        viewer = f"http://127.0.0.1:{server.http_port}/viewer?StudyInstanceUIDs="
        # A study is new to the server each time, as it is to a reader.
        urls = iter([viewer + study for study in bench.stacks.studies])
        browser = playwright.chromium.launch(
            executable_path=which("chromium"), args=list(CHROMIUM_FLAGS)
        )
        _asked(browser, next(urls), FIRST_IMAGE)  # a browser's very first page is read from disk
        yield {"Isocenter": lambda: _asked(browser, next(urls), question)}
        browser.close()


ROWS = (
    Row(
        "first-image",
        "first image in the viewer, 512² CT stack",
        "ms",
        (Target(500),),
        partial(_contenders, FIRST_IMAGE),
    ),
    Row(
        "scrolling",
        "scrolling a 512² CT stack, once loaded",
        "images/s",
        (Target(40),),
        partial(_contenders, SCROLLING),
    ),
)
