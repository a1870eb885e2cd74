"""How quick the app is in a real Chromium, and how much memory it takes, beside what is promised.

    python -m tests.bench.bench_app      # after `dvc repro`, with the champion of MLflow's store

Server and browser run on the same machine, as on a user's own. Exit code 1 says that a promise is not kept.
"""

import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from pipeline.registry.store import tracking_uri
from tests.browser.running import (
    CHROMIUM,
    NO_CHROMIUM,
    Server,
    camera,
    copy_repository,
    draw,
    film,
    launch,
    open_sheet,
    serve,
)
from tests.conftest import ROOT

STARTS, STROKES, PHOTOS = 9, 80, 20
# What is drawn on one sheet, a stroke each.
DIGITS = "7272"
# Seconds of live video, and those before the rate is looked at.
LIVE, SETTLE = 10, 3
TEST_IMAGES = Path("data/prepared/test.npz")

# Unit, and the most that is allowed; of frames a second the fewest.
PROMISES = {
    "start to first page": ("s", 3.0),
    "a stroke answered": ("ms", 150),
    "memory, 100 readings": ("MB", 350),
    "and the page Model": ("MB", 350),
    "live at 640×480": ("fps", 15),
}

# From the end of each stroke to the frame of the screen that shows another number than before it.
WATCH_STROKES = """() => {
    const shown = () => document.querySelector(".number")?.textContent;
    let ended = null, before = null;
    window.answered = [];
    document.querySelector("[data-testid=stMain]").addEventListener("pointerup", () => {
        [ended, before] = [performance.now(), shown()];
    }, true);
    const look = now => {
        if (ended !== null && shown() !== before) {
            answered.push(performance.now() - ended);
            ended = null;
        }
        requestAnimationFrame(look);
    };
    look();
}"""


def main() -> int:
    """Measure all that is promised, print a table, and return the exit code."""
    if CHROMIUM is None:
        print(f"The app was not measured: {NO_CHROMIUM}.")
        return 0
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        root = copy_repository(Path(folder) / "repository")
        if (ROOT / TEST_IMAGES).exists():
            # The page Model shows those that were misread.
            (root / TEST_IMAGES).parent.mkdir(parents=True)
            shutil.copy(ROOT / TEST_IMAGES, root / TEST_IMAGES)
        browser = launch(playwright, *camera(film(Path(folder) / "camera.y4m", rate=30)))
        # The first start is not counted: it compiles what is imported and brings it into the disk's cache.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        starts = [start(root, browser) for _ in range(STARTS + 1)][1:]
        with serve(root, tracking_uri()) as server:
            stroke = strokes(server, browser)
            photos(server, browser)
            after_readings = megabytes(server)
            model(server, browser)
            after_model = megabytes(server)
            rate = live(server, browser)
        browser.close()
    values = statistics.median(starts), stroke, after_readings, after_model, rate
    kept = True
    print(f"{'what':<24}{'measured':>10}{'allowed':>10}")
    for (name, (unit, allowed)), value in zip(PROMISES.items(), values, strict=True):
        digits = 1 if unit == "s" else 0
        print(f"{name:<24}{value:>10.{digits}f}{allowed:>10} {unit}")
        kept &= value >= allowed if unit == "fps" else value <= allowed
    print(f"Load of the last minute on {os.cpu_count()} cores: {os.getloadavg()[0]:.1f}")
    print("All promises are kept." if kept else "A promise is NOT kept.")
    return 0 if kept else 1


def start(root: Path, browser: Browser) -> float:
    """Seconds from the start of the server to a sheet that can be written on, in a browser that runs already."""
    page = opened(browser)
    began = time.perf_counter()
    with serve(root, tracking_uri()) as server:
        open_sheet(page, server.url)
        seconds = time.perf_counter() - began
        page.context.close()
    return seconds


def strokes(server: Server, browser: Browser) -> float:
    """Median milliseconds from the end of a stroke to the number that it makes."""
    page = opened(browser)
    open_sheet(page, server.url)
    page.evaluate(WATCH_STROKES)
    for number in range(STROKES):
        place = number % len(DIGITS)
        draw(page, DIGITS[place], start=0.05 + 0.22 * place)
        page.wait_for_function(f"answered.length > {number}")
        # A hand takes longer to begin the next one.
        page.wait_for_timeout(150)
        if place == len(DIGITS) - 1:
            page.keyboard.press("c")
            page.get_by_text("Your number appears here").wait_for()
            page.wait_for_timeout(150)
    milliseconds: list[float] = page.evaluate("answered")
    page.context.close()
    return statistics.median(milliseconds)


def photos(server: Server, browser: Browser) -> None:
    """Read the samples, again and again."""
    page = opened(browser)
    samples = sorted((ROOT / "app" / "samples").glob("*.jpg"))
    for number in range(PHOTOS):
        page.goto(f"{server.url}/upload")
        page.locator("input[type=file]").set_input_files(samples[number % len(samples)])
        page.locator(".number").wait_for()
    page.context.close()


def model(server: Server, browser: Browser) -> None:
    """Look at all that the page Model shows."""
    page = opened(browser)
    page.goto(f"{server.url}/model")
    for tab in ("Pages", "Calibration", "Training", "Mistakes"):
        page.get_by_role("tab", name=tab).click()
        page.locator("[data-testid=stVegaLiteChart]:visible svg").first.wait_for()
    page.context.close()


def live(server: Server, browser: Browser) -> float:
    """The median of the frames a second that the page Live says."""
    page = opened(browser)
    page.goto(f"{server.url}/live")
    page.get_by_role("button", name="Start camera").click()
    page.locator(".fps").wait_for()
    page.wait_for_timeout(1000 * SETTLE)
    rates = []
    for _ in range(2 * LIVE):
        page.wait_for_timeout(500)
        rates.append(int(page.locator(".fps").inner_text().split()[0]))
    page.context.close()
    return statistics.median(rates)


def opened(browser: Browser) -> Page:
    """A page of a browser that knows nothing yet, 1280×900."""
    return browser.new_context(viewport={"width": 1280, "height": 900}, permissions=["camera"]).new_page()


def megabytes(server: Server) -> float:
    """What the server's process has in memory."""
    return psutil.Process(server.pid).memory_info().rss / 2**20


if __name__ == "__main__":
    sys.exit(main())
