"""The reader beside the way most MNIST projects take, and beside Tesseract where it is installed.

    python -m tests.bench.bench_ways      # after `dvc repro`, with the networks in models/

All read the same generated pages, each in a process of its own. The usual way has this project's own network, so
that the ways differ in nothing but how they bring a picture to it: grey, Otsu's threshold, outer contours from left
to right, each resized to 28×28, and `keras.Model.predict` digit by digit.
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from pipeline.common import paths
from pipeline.evaluation import scoring
from pipeline.synthetic.page import make_pages

PAGES, SEED = 150, 77
# A contour of less than this share of the picture's height is a speck.
SPECK = 0.05

Way = Callable[[Path], str]


def main() -> None:
    """Print a table in which each way has its ratio to this project's reader."""
    rows = measure_all()
    ours = next(iter(rows.values()))
    print(f"{'way':<12}{'pages exact':>12}{'digit errors':>14}", end="")
    print(
        "".join(f"{column:>20}" for column in ("ms a page", "first answer, s", "peak MB", "pages a second"))
    )
    for name, row in rows.items():
        print(f"{name:<12}{row['exact']:>12.1%}{row['digit_error_rate']:>14.1%}", end="")
        for column, digits in (("milliseconds", 1), ("cold", 2), ("megabytes", 0), ("throughput", 1)):
            shown = f"{row[column]:.{digits}f} ({row[column] / ours[column]:.2f} ×)"
            print(f"{shown:>20}", end="")
        print()


def measure_all() -> dict[str, dict[str, float]]:
    """What `measure` returns of each way, this project first, each in a process of its own."""
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        write_pages(Path(folder))
        for name in WAYS:
            if name == "Tesseract" and not shutil.which("tesseract"):
                print("Tesseract is not installed, and is left out.")
                continue
            start = time.perf_counter()
            command = [sys.executable, "-m", "tests.bench.bench_ways", name, folder]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            rows[name] = json.loads(done.stdout.splitlines()[-1])
            rows[name]["cold"] -= start
    return rows


def write_pages(folder: Path) -> None:
    images, labels = paths.read_split("test")
    truths = []
    for number, page in enumerate(make_pages(images, labels, PAGES, SEED)):
        pixels = page.picture if page.picture.ndim == 2 else cv2.cvtColor(page.picture, cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(folder / f"{number:03}.png"), pixels)
        truths.append(page.truth)
    (folder / "truths.json").write_text(json.dumps(truths))


def measure(make: Callable[[], Way], folder: Path) -> dict[str, float]:
    """Read all pages in this process; `cold` is when the first was read, by the clock that all processes share."""
    way = make()
    outcomes, cold = [], 0.0
    pages = sorted(folder.glob("*.png"))
    way(pages[0])
    cold = time.perf_counter()
    for page, truth in zip(pages, json.loads((folder / "truths.json").read_text()), strict=True):
        start = time.perf_counter()
        text = way(page)
        outcomes.append(scoring.Outcome(truth, text, (), time.perf_counter() - start))
    seconds = [outcome.seconds for outcome in outcomes]
    shares = scoring.shares(outcomes)
    return {
        "exact": shares["exact"],
        "digit_error_rate": shares["digit_error_rate"],
        "milliseconds": 1000 * statistics.median(seconds),
        "throughput": len(seconds) / sum(seconds),
        "megabytes": max(
            resource.getrusage(whose).ru_maxrss / 1024
            for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        ),
        "cold": cold,
    }


def this_project() -> Way:
    from pipeline.reader import version

    reader = version.build(paths.READER_PARTS)
    return lambda path: reader.read(path).text


def usual() -> Way:
    import keras

    model = keras.models.load_model(paths.KERAS_MODEL)

    def read(path: Path) -> str:
        grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        assert grey is not None
        _, ink = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
        contours, _ = cv2.findContours(ink, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        boxes = sorted(tuple(cv2.boundingRect(contour)) for contour in contours)
        text = ""
        for x, y, width, height in boxes:
            if height < SPECK * len(ink):
                continue
            digit = cv2.resize(ink[y : y + height, x : x + width], (20, 20), interpolation=cv2.INTER_AREA)
            image = np.pad(digit, 4).astype(np.float32)[None, ..., None] / 255
            text += str(model.predict(image, verbose=0).argmax())
        return text

    return read


def tesseract() -> Way:
    options = ("--psm", "6", "-c", "tessedit_char_whitelist=0123456789")

    def read(path: Path) -> str:
        command = ["tesseract", str(path), "stdout", *options]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return "".join(filter(str.isdigit, done.stdout))

    return read


WAYS: dict[str, Callable[[], Way]] = {"this project": this_project, "usual": usual, "Tesseract": tesseract}

if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if len(sys.argv) > 1:
        print(json.dumps(measure(WAYS[sys.argv[1]], Path(sys.argv[2]))))
    else:
        main()
