"""The app as `make app` runs it, a Chromium to open it in, and a hand that writes on its sheet."""

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.conftest import ROOT, free_port

# Strokes of a person's digits, in shares of a square.
STROKES: dict[str, list[list[tuple[float, float]]]] = {
    "2": [[(0.08, 0.3), (0.15, 0.1), (0.4, 0), (0.7, 0.06), (0.82, 0.28), (0.7, 0.5), (0.05, 1), (0.95, 1)]],
    "4": [[(0.45, 0), (0.2, 0.35), (0.02, 0.66), (0.95, 0.66)], [(0.7, 0.3), (0.68, 0.65), (0.66, 1)]],
    "7": [[(0.05, 0.02), (0.5, 0), (0.95, 0.02), (0.65, 0.5), (0.4, 1)]],
}
# The number that stands before the camera, for so many frames.
VIDEO_NUMBER, VIDEO_FRAMES = "427", 45

_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


def find_chromium() -> str | None:
    """Debian's Chromium, another one on the path, or Playwright's own."""
    installed = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    return next(filter(None, installed), str(own) if own.exists() else None)


CHROMIUM = find_chromium()
NO_CHROMIUM = "no Chromium is installed; `playwright install chromium` or your system's packages bring one"


def launch(playwright: Playwright, *flags: str) -> Browser:
    """Start a Chromium with further flags."""
    return playwright.chromium.launch(executable_path=CHROMIUM, args=[*_FLAGS, *flags])


def camera(video: Path) -> tuple[str, str]:
    """The flags for a Chromium whose camera plays a video."""
    return "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={video}"


def copy_repository(root: Path) -> Path:
    """A copy of what the app needs, so that its corrections are not the user's."""
    for name in ("app", "pipeline", ".streamlit"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    return root


@dataclass(frozen=True)
class Server:
    """The app's process, and where it answers."""

    url: str
    pid: int


@contextmanager
def serve(root: Path, uri: str) -> Iterator[Server]:
    """Run the app as `make app` does, from a copy of the repository and on the MLflow store at `uri`."""
    port, log = free_port(), root / "app.log"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "streamlit", "run", "app/server.py"),
            *(f"--server.port={port}", "--server.headless=true"),
        ],
        cwd=root,
        env={**os.environ, "MLFLOW_TRACKING_URI": uri},
        stdout=log.open("wb"),
        stderr=subprocess.STDOUT,
    )
    url = f"http://localhost:{port}"
    try:
        deadline = time.monotonic() + 60
        while not is_up(url):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        yield Server(url, process.pid)
    finally:
        process.terminate()
        process.wait()
    assert "Traceback" not in log.read_text()


def is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def open_sheet(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_text("Write a number here").wait_for()


def draw(page: Page, text: str, start: float = 0.1) -> None:
    """Write with the mouse, each digit a sixth of the sheet wide, from a share of its width on."""
    for stroke in strokes_on_sheet(page, text, start):
        page.mouse.move(*stroke[0])
        page.mouse.down()
        for point in stroke[1:]:
            page.mouse.move(*point, steps=4)
        page.mouse.up()


def strokes_on_sheet(page: Page, text: str, start: float) -> list[list[tuple[float, float]]]:
    sheet = page.locator(".sheet canvas").bounding_box()
    assert sheet is not None
    side = sheet["width"] / 6
    return [
        [
            (
                sheet["x"] + start * sheet["width"] + (1.4 * k + x) * side,
                sheet["y"] + 0.2 * sheet["height"] + 1.4 * y * side,
            )
            for x, y in stroke
        ]
        for k, digit in enumerate(text)
        for stroke in STROKES[digit]
    ]


def written(number: str, width: int = 640, height: int = 480, shift: int = 0) -> np.ndarray:
    """A sheet with a number written on it: uint8 H×W."""
    sheet = np.full((height, width), 228, np.uint8)
    side, gap = height // 4, height // 10
    left = (width - len(number) * (side + gap)) // 2 + shift
    for k, digit in enumerate(number):
        corner = np.array([left + k * (side + gap), (height - side) // 2])
        for stroke in STROKES[digit]:
            points = np.rint((np.array(stroke) * [0.75 * side, side] + corner) * 16).astype(np.int32)
            cv2.polylines(sheet, [points], False, 30, max(3, side // 11), cv2.LINE_AA, 4)
    return sheet


def film(path: Path, rate: int = 15) -> Path:
    """Make what the camera sees: a number that sways a little, with a sensor's noise, uncompressed 640×480.

    Args:
        path: Where the video is to be, .y4m.
        rate: Its frames a second.
    """
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W640 H480 F{rate}:1 Ip A1:1 C420jpeg\n".encode())
        for k in range(VIDEO_FRAMES):
            sheet = written(VIDEO_NUMBER, shift=round(12 * np.sin(2 * np.pi * k / VIDEO_FRAMES)))
            noisy = np.clip(sheet + rng.normal(0, 3, sheet.shape), 0, 255).astype(np.uint8)
            file.write(b"FRAME\n" + noisy.tobytes() + np.full(640 * 480 // 2, 128, np.uint8).tobytes())
    return path
