"""The app in a real Chromium, with a reader that was trained, in a minute, to read what these tests write."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import mlflow
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from app.champion import tracking_uri
from tests.app.conftest import Store, make_store
from tests.conftest import ROOT, free_port

# A slow answer on a busy machine is no failure; a missing one is.
expect.set_options(timeout=30_000)

# Strokes of a person's digits, in shares of a square.
STROKES: dict[str, list[list[tuple[float, float]]]] = {
    "2": [[(0.08, 0.3), (0.15, 0.1), (0.4, 0), (0.7, 0.06), (0.82, 0.28), (0.7, 0.5), (0.05, 1), (0.95, 1)]],
    "4": [[(0.45, 0), (0.2, 0.35), (0.02, 0.66), (0.95, 0.66)], [(0.7, 0.3), (0.68, 0.65), (0.66, 1)]],
    "7": [[(0.05, 0.02), (0.5, 0), (0.95, 0.02), (0.65, 0.5), (0.4, 1)]],
}
# The number that stands before the camera, for so many frames at 15 a second.
VIDEO_NUMBER, VIDEO_FRAMES = "427", 45
TEST_IMAGES = Path("data/prepared/test.npz")

_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


def _find_chromium() -> str | None:
    """Debian's Chromium, another one on the path, or Playwright's own."""
    installed = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    return next(filter(None, installed), str(own) if own.exists() else None)


CHROMIUM = _find_chromium()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def launch(playwright: Playwright) -> Callable[..., Browser]:
    """Start a Chromium with further flags."""

    def start(*flags: str) -> Browser:
        return playwright.chromium.launch(executable_path=CHROMIUM, args=[*_FLAGS, *flags])

    return start


@pytest.fixture(scope="session")
def browser(launch: Callable[..., Browser], video: Path) -> Iterator[Browser]:
    """A Chromium whose camera plays the video."""
    started = launch("--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={video}")
    yield started
    started.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(
        viewport={"width": 1280, "height": 900}, permissions=["camera", "clipboard-read"]
    )
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture(scope="session")
def trained(cuts_nothing: bytes, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small networks, trained by the pipeline's own code on digits that it draws, as LiteRT files."""
    from pipeline import cutouts, judge, networks, strokes, whole_digit

    images, labels = strokes.numerals(4000, np.random.default_rng(1))
    _, views, truths = cutouts.of_pages(images, labels, seed=1, pages=150, cutter=cuts_nothing)
    jury = judge.network()
    judge.learn(jury, *whole_digit.examples(images, labels, views, truths, seed=1), epochs=4, seed=1)
    classifier = networks.build("conv_pool_conv_pool_one_dropout")
    classifier.compile("adam", "sparse_categorical_crossentropy")
    classifier.fit(images[..., None].astype(np.float32) / 255, labels, batch_size=64, epochs=2, verbose=0)
    folder = tmp_path_factory.mktemp("trained")
    classifier.export(str(folder / "digits.tflite"), format="litert", verbose=False)
    jury.export(str(folder / "judge.tflite"), format="litert", verbose=False)
    (folder / "cutter.tflite").write_bytes(cuts_nothing)
    (folder / "calibration.json").write_text(json.dumps({"temperature": 1.0}))
    return {
        "cutter": folder / "cutter.tflite",
        "digits": folder / "digits.tflite",
        "judge": folder / "judge.tflite",
        "calibration": folder / "calibration.json",
    }


@dataclass(frozen=True)
class App:
    """The app as it runs: where, on which store, and from which copy of the repository."""

    url: str
    store: Store
    root: Path

    def corrections(self) -> list[Path]:
        return sorted((self.root / "data" / "feedback").glob("*/correction.json"))

    def register(self) -> str:
        """Register one more version as champion, with the same reports, and return it."""
        version = self.store.register(f"\n# {time.time()}\n")
        describe(self.store, version, self.root / TEST_IMAGES)
        return version


@pytest.fixture(scope="session")
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    root = copy_repository(tmp_path_factory.mktemp("app") / "repository")
    if "SCREENSHOTS" in os.environ:
        # README shows the reader in use, not that of the tests.
        (root / TEST_IMAGES).parent.mkdir(parents=True)
        shutil.copy(ROOT / TEST_IMAGES, root / TEST_IMAGES)
        yield from run(root, Store(tracking_uri(), lambda _: ""))
        return
    trained = request.getfixturevalue("trained")
    make_test_images(root / TEST_IMAGES)
    store = make_store(root.parent, trained)
    describe(store, store.register(""), root / TEST_IMAGES)
    yield from run(root, store)


@pytest.fixture
def app_without_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[App]:
    """The app with the tracking URI that the test's parameter is made from."""
    store = Store(str(request.param).format(folder=tmp_path), lambda _: "")
    yield from run(copy_repository(tmp_path / "repository"), store)


def copy_repository(root: Path) -> Path:
    """A copy of what the app needs, so that its corrections are not the user's."""
    for name in ("app", "pipeline", ".streamlit"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    return root


def run(root: Path, store: Store) -> Iterator[App]:
    """Run the app as `make app` does."""
    port, log = free_port(), root / "app.log"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "streamlit", "run", "app/server.py"),
            *(f"--server.port={port}", "--server.headless=true"),
        ],
        cwd=root,
        env={**os.environ, "MLFLOW_TRACKING_URI": store.uri},
        stdout=log.open("wb"),
        stderr=subprocess.STDOUT,
    )
    url = f"http://localhost:{port}"
    try:
        deadline = time.monotonic() + 60
        while not is_up(url):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield App(url, store, root)
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


def make_test_images(path: Path) -> None:
    """Test images to go with this repository's reports: each is a stroke."""
    images = np.zeros((10_000, 28, 28), np.uint8)
    images[:, 4:24, 12:16] = 255
    path.parent.mkdir(parents=True)
    np.savez_compressed(path, images=images, labels=np.ones(len(images), np.uint8))


def describe(store: Store, version: str, test_images: Path) -> None:
    """Give a version's run this repository's reports, as `register` does."""
    metrics = json.loads((ROOT / "reports" / "metrics.json").read_text())
    client = mlflow.MlflowClient(store.uri)
    run = str(client.get_model_version("digit-reader", version).run_id)
    for group in ("test", "pages"):
        for name, value in metrics[group].items():
            if isinstance(value, float):
                client.log_metric(run, f"{group}.{name}", value)
    client.log_param(run, "train.architecture", "batchnorm_cnn")
    client.set_tag(run, "git.commit", "0123456789abcdef")
    client.set_tag(run, "data.source", metrics["data"]["source"])
    digest = hashlib.md5(test_images.read_bytes(), usedforsecurity=False).hexdigest()
    client.set_tag(run, f"md5.{TEST_IMAGES.as_posix()}", digest)
    client.log_artifacts(run, str(ROOT / "reports"), "reports")
    client.set_model_version_tag("digit-reader", version, "promotion", "became champion")


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


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the camera sees: a number that sways a little, with a sensor's noise, as an uncompressed video."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("video") / "camera.y4m"
    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W640 H480 F15:1 Ip A1:1 C420jpeg\n")
        for k in range(VIDEO_FRAMES):
            sheet = written(VIDEO_NUMBER, shift=round(12 * np.sin(2 * np.pi * k / VIDEO_FRAMES)))
            noisy = np.clip(sheet + rng.normal(0, 3, sheet.shape), 0, 255).astype(np.uint8)
            file.write(b"FRAME\n" + noisy.tobytes() + np.full(640 * 480 // 2, 128, np.uint8).tobytes())
    return path
