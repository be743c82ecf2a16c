"""The viewer: how long a reader waits from following a link to a study until its first image shows.

A real Chromium without a graphics card (SwiftShader) opens the study. What counts as an image is
judged from outside: a script looks into every canvas of the page, one animation frame after the
other, until one is no longer uniform.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
WATCH_CANVASES = (Path(__file__).parent / "watch_canvases.js").read_text()
TIMEOUT_MS = 30_000


def _first_image(browser: Browser, url: str) -> float:
    """Open the page in a fresh profile; give the milliseconds since its navigation began."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    try:
        page = context.new_page()
        page.add_init_script(WATCH_CANVASES)
        page.goto(url, wait_until="commit")
        page.set_default_timeout(TIMEOUT_MS)
        return float(page.evaluate("window.firstImage"))
    finally:
        context.close()


@contextmanager
def _contenders(bench: Bench) -> Iterator[Mapping[str, Trial]]:
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
        _first_image(browser, next(urls))  # a browser's very first page is read from the disk
        yield {"Isocenter": lambda: _first_image(browser, next(urls))}
        browser.close()


ROWS = (
    Row(
        "first-image",
        "first image in the viewer, 512² CT stack",
        "ms",
        (Target(500),),
        _contenders,
    ),
)
