"""The app in a real Chromium, with a reader that was trained, in a minute, to read what these tests write."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mlflow
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from pipeline.registry import tracking
from pipeline.registry.store import tracking_uri
from tests.app.conftest import Store, make_store
from tests.browser.running import camera, copy_repository, film, launch, serve
from tests.conftest import ROOT, settings

# A slow answer on a busy machine is no failure; a missing one is.
expect.set_options(timeout=30_000)

TEST_IMAGES = Path("data/prepared/test.npz")


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(playwright: Playwright, video: Path) -> Iterator[Browser]:
    """A Chromium whose camera plays the video."""
    started = launch(playwright, *camera(video))
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
    from pipeline.common.params import Candidates, Verifier
    from pipeline.labels import candidates_of_pages, verifier_examples
    from pipeline.learning import networks, trainer
    from pipeline.learning.crop_batches import CropBatches
    from pipeline.reader.crops import NO_DIGIT
    from pipeline.reader.normalize import SIDE
    from pipeline.reader.split import Splitter
    from pipeline.synthetic import digit_forms

    images, labels = digit_forms.draw_digits(4000, np.random.default_rng(1))
    pages = settings(Candidates, "candidates", pages=150)
    _, crops, truths = candidates_of_pages.cut_pages(images, labels, pages, cuts_nothing, seed=1)
    learning, splitter = settings(Verifier, "verifier", epochs=4), Splitter(cuts_nothing)
    crops, truths = verifier_examples.add_examples(
        images, labels, crops, truths, splitter, learning.mixture, seed=1
    )
    jury = networks.verifier(SIDE, NO_DIGIT + 1)
    trainer.compile_model(jury, learning, "sparse_categorical_crossentropy")
    trainer.fit(jury, CropBatches(crops, truths, learning, seed=1), learning)
    classifier = networks.build("conv_pool_conv_pool_one_dropout")
    classifier.compile("adam", "sparse_categorical_crossentropy")
    classifier.fit(images[..., None].astype(np.float32) / 255, labels, batch_size=64, epochs=2, verbose=0)
    folder = tmp_path_factory.mktemp("trained")
    classifier.export(str(folder / "digits.tflite"), format="litert", verbose=False)
    jury.export(str(folder / "verifier.tflite"), format="litert", verbose=False)
    (folder / "splitter.tflite").write_bytes(cuts_nothing)
    (folder / "calibration.json").write_text(json.dumps({"temperature": 1.0}))
    return {
        "cutter": folder / "splitter.tflite",
        "digits": folder / "digits.tflite",
        "judge": folder / "verifier.tflite",
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


def run(root: Path, store: Store) -> Iterator[App]:
    with serve(root, store.uri) as server:
        yield App(server.url, store, root)


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
    client.set_model_version_tag("digit-reader", version, tracking.DECIDED, "became champion")


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the camera sees."""
    return film(tmp_path_factory.mktemp("video") / "camera.y4m")
