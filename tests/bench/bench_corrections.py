"""How much corrections help: one hand that MNIST's digits do not prepare for, before and after 30 corrected pages.

    python -m tests.bench.bench_corrections

Needs a built project; works in a copy of it, and takes as long as a training. The hand slants its digits by about 31°
farther than MNIST's writers do on average, and gives its 1s long flags. Its other digits are MNIST's validation digits,
slanted all alike, as those of one hand are: those of its corrected pages and of its further pages are not the same.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from pipeline.common import paths
from pipeline.evaluation import scoring
from pipeline.labels.slant import excess_slants
from pipeline.reader import version
from pipeline.synthetic import digit_forms
from pipeline.synthetic.page import SyntheticPage, draw_page

ROOT = Path(__file__).parents[2]
CORRECTED, FURTHER = 30, 500
SLANT = 0.6  # pixels to the right for each pixel up
# Strokes in the unit square, y down, for digit_forms.drawn: a 1 whose flag reaches nearly to its foot.
FLAGGED: list[list[tuple[float, float]]] = [[(0, 0.8), (0.45, 0), (0.45, 0), (0.45, 1)]]
STAGES = ("corrections", "train", "evaluate")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = copy_project(Path(folder))
        with np.load(project / paths.split_path("validation")) as validation:
            images, labels = validation["images"], validation["labels"]
        half = len(labels) // 2
        further = hand(images[half:], labels[half:], FURTHER, seed=2)
        before = measure(project, further)
        for page in hand(images[:half], labels[:half], CORRECTED, seed=1):
            correct(project, page)
        for stage in STAGES:
            subprocess.run([sys.executable, "-m", f"pipeline.{stage}"], cwd=project, check=True)
        after = measure(project, further)
    print(f"{'':24}{'before':>9}{'after':>9}")
    for name in before:
        print(f"{name:24}{before[name]:>9.2%}{after[name]:>9.2%}")


def copy_project(to: Path) -> Path:
    for name in ("pipeline", "params.yaml", "data/prepared", "models", "reports"):
        source, target = ROOT / name, to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    return to


def hand(images: np.ndarray, labels: np.ndarray, count: int, seed: int) -> list[SyntheticPage]:
    """Pages in this hand: four to eight digits in a line, on paper, in uneven light or a little out of focus."""
    rng = np.random.default_rng(seed)
    own = excess_slants(images, labels, images, labels)
    pages = []
    for _ in range(count):
        chosen = rng.integers(len(images), size=rng.integers(4, 9))
        written = [
            (digit_forms.fit_to_mnist(digit_forms.draw_strokes(FLAGGED, rng)), 0.0)
            if labels[k] == 1
            else (images[k], own[k])
            for k in chosen
        ]
        digits = np.stack([slanted(image, SLANT - slant + rng.normal(0, 0.05)) for image, slant in written])
        effect = rng.choice(["plain", "paper", "uneven_light", "blur"])
        pages.append(draw_page(digits, labels[chosen], rng, [str(effect)]))
    return pages


def slanted(image: np.ndarray, slant: float) -> np.ndarray:
    """A digit, uint8 28×28, sheared, and again 20 pixels high or wide."""
    large = cv2.resize(np.pad(image, 28), None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    side = len(large)
    shear = np.array([[1, -slant, slant * side / 2], [0, 1, 0]])
    large = cv2.warpAffine(large, shear, (side, side))
    x, y, width, height = cv2.boundingRect((large > 60).astype(np.uint8))
    factor = 20 / max(width, height)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    digit = cv2.resize(large[y : y + height, x : x + width], size, interpolation=cv2.INTER_AREA)
    top, left = (28 - digit.shape[0]) // 2, (28 - digit.shape[1]) // 2
    result = np.zeros((28, 28), np.uint8)
    result[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return result


def correct(project: Path, page: SyntheticPage) -> None:
    """Keep a page with its truth, as the app does."""
    encoded = cv2.imencode(".png", cv2.cvtColor(page.picture, cv2.COLOR_RGB2BGR))[1].tobytes()
    folder = project / paths.FEEDBACK / hashlib.sha256(encoded).hexdigest()
    folder.mkdir(parents=True)
    (folder / "picture.png").write_bytes(encoded)
    (folder / "correction.json").write_text(json.dumps({"truth": page.truth}))


def measure(project: Path, pages: list[SyntheticPage]) -> dict[str, float]:
    """How the project's networks read the pages, and what `evaluate` measured of them."""
    parts = {name: project / path for name, path in paths.READER_PARTS.items()}
    reader = version.build(parts)
    outcomes = []
    for page in pages:
        reading = reader.read(page.picture)
        outcomes.append(scoring.Outcome(page.truth, reading.text, (), 0.0))
    summary = scoring.summarize([*outcomes])
    metrics = json.loads((project / paths.METRICS).read_text())
    return {
        "hand, digit errors": float(summary["digit_error_rate"] or 0),
        "hand, pages exact": float(summary["exact"] or 0),
        "MNIST test accuracy": metrics["test"]["accuracy"],
        "generated pages exact": metrics["pages"]["exact"],
    }


if __name__ == "__main__":
    main()
