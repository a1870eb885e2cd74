"""Measure the classifier and the whole reader on the test images as they will be used: in LiteRT, calibrated.

    python -m pipeline.evaluate

Reads data/prepared/{validation,test}.npz, data/feedback/, models/ and reports/; writes models/calibration.json,
models/readings.csv.gz, reports/metrics.json, reports/model_card.md and the tables and figures in reports/test/ and
reports/pages/. Nothing that a reader is made of follows from the test images.
"""

import json
import sys
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import pandas as pd
from scipy.stats import binomtest
from sklearn.metrics import classification_report, confusion_matrix
from tqdm import tqdm

from pipeline.common import params, paths
from pipeline.common.stage import StageError, run, whole_file
from pipeline.evaluation import calibration, comparison, model_card, page_scores, plots, scoring
from pipeline.labels import feedback
from pipeline.reader import version
from pipeline.reader.classifier import Classifier, TTAClassifier
from pipeline.reader.reader import Reader
from pipeline.synthetic.page import EFFECTS

# How far a probability of the exported network may lie from that of the trained one: room for float32 sums in another
# order, chosen before it was measured.
AGREEMENT = 1e-4


def evaluate() -> None:
    """Calibrate on the validation images, then report on the test images and on pages written with them.

    "Before" and "after" compare the classifier that the reader uses, test-time augmentation included, at temperature
    1 and at the fitted one.
    """
    settings = params.read(params.Evaluate, "evaluate")
    reader = calibrate(settings.calibration_pages)

    images, labels = paths.read_split("test")
    model = paths.read_bytes(paths.LITERT_MODEL)
    check_agreement(Classifier(model).probabilities(images), images)
    uncalibrated = TTAClassifier(model).probabilities(images)
    probabilities = reader.classifier.probabilities(images)

    paths.TEST_REPORTS.mkdir(parents=True, exist_ok=True)
    write_confusion(probabilities, labels)
    write_calibration(uncalibrated, probabilities, labels)
    write_misread(images, probabilities, labels)
    plots.save(plots.curves(pd.read_csv(paths.HISTORY)), paths.HISTORY.with_name("curves.png"))

    read = read_images(reader, images, labels)
    pages = page_scores.read_pages(reader, images, labels, settings.pages, comparison.page_seed())
    write_pages(pages)
    corrections = comparison.load_evaluated()
    corrected = [scoring.time_reading(reader, it.picture, it.truth)[1] for it in corrections]
    write_readings(
        {
            "test": zip(images, read, strict=True),
            "pages": ((page.synthetic.picture, page.outcome) for page in pages),
            "feedback": zip((correction.picture for correction in corrections), corrected, strict=True),
        }
    )
    warn_of_failures([*read, *(page.outcome for page in pages), *corrected])
    metrics = {
        "data": paths.read_json(paths.SPLITS_REPORT) | {"corrections": len(feedback.load())},
        "test": summarize(probabilities, labels) | {"reader_accuracy": scoring.shares(read)["exact"]},
        "pages": page_scores.summarize(pages),
        "feedback": {"pictures": len(corrected)} | scoring.shares(corrected),
    }
    paths.write_json(paths.METRICS, metrics)
    write_card(metrics, uncalibrated, labels)
    print(json.dumps(metrics["test"], indent=2))
    print(page_scores.tabulate_effects(pages).to_string(index=False))


def calibrate(pages: int) -> Reader:
    """Fit both temperatures on validation digits, as images and on pages, and return the reader that has them.

    Each is fitted to what is used: the classifier's with its test-time augmentation, the pages' to what classifier and
    verifier say together.

    Args:
        pages: Number of pages to generate.
    """
    images, labels = paths.read_split("validation")
    temperature = fit_classifier(paths.read_bytes(paths.LITERT_MODEL), images, labels)
    fitted = {"temperature": round(temperature, 6), "page_temperature": 1.0}
    paths.write_json(paths.CALIBRATION, fitted)
    read = page_scores.read_pages(
        version.build(paths.READER_PARTS), images, labels, pages, comparison.page_seed()
    )
    fitted["page_temperature"] = round(page_scores.fit_temperature(read), 6)
    paths.write_json(paths.CALIBRATION, fitted)
    return version.build(paths.READER_PARTS)


def fit_classifier(model: bytes, images: np.ndarray, labels: np.ndarray) -> float:
    """The best temperature of the classifier in use for images, uint8 N×28×28, and their labels."""
    return calibration.fit_temperature(lambda t: TTAClassifier(model, t).probabilities(images), labels)


def write_card(metrics: dict[str, Any], uncalibrated: np.ndarray, labels: np.ndarray) -> None:
    """Write the model card; `uncalibrated`: float32 N×10, the classifier's probabilities at temperature 1."""
    text = model_card.write(
        metrics,
        training=paths.read_json(paths.TRAINING),
        classes=pd.read_csv(paths.TEST_REPORTS / "classes.csv", index_col="class"),
        corrections=pd.read_csv(paths.CORRECTIONS_REPORT),
        ece_uncalibrated=scoring.expected_calibration_error(
            uncalibrated.max(axis=1), uncalibrated.argmax(axis=1) == labels
        ),
    )
    with whole_file(paths.MODEL_CARD) as file:
        file.write(text.encode())


def check_agreement(exported: np.ndarray, images: np.ndarray) -> None:
    """Check that the exported network agrees with the trained one.

    Args:
        exported: float32, N×10, LiteRT's probabilities for each image as it is, at temperature 1.
        images: uint8, N×28×28.

    Raises:
        StageError: a class differs, or a probability by more than AGREEMENT.
    """
    model = keras.models.load_model(paths.KERAS_MODEL)
    trained = model.predict(images[..., np.newaxis].astype(np.float32) / 255, batch_size=500, verbose=0)
    farthest = float(np.abs(trained - exported).max())
    different = int(np.sum(trained.argmax(axis=1) != exported.argmax(axis=1)))
    if different or farthest > AGREEMENT:
        raise StageError(
            f"{paths.LITERT_MODEL} does not agree with {paths.KERAS_MODEL}: another class on {different} of "
            f"{len(images)} test images, probabilities up to {farthest:.2g} apart (allowed: {AGREEMENT}); "
            "run `dvc repro --force train`"
        )


def summarize(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Accuracy with its 95 % interval (Wilson 1927), cross-entropy and expected calibration error."""
    correct = probabilities.argmax(axis=1) == labels
    low, high = binomtest(int(correct.sum()), len(labels)).proportion_ci(method="wilson")
    ece = scoring.expected_calibration_error(probabilities.max(axis=1), correct)
    return {
        "accuracy": round(float(correct.mean()), 6),
        "accuracy_low": round(float(low), 6),
        "accuracy_high": round(float(high), 6),
        "loss": round(calibration.cross_entropy(probabilities, labels), 6),
        "ece": round(ece, 6),
    }


def read_images(reader: Reader, images: np.ndarray, labels: np.ndarray) -> list[scoring.Outcome]:
    """Read images, uint8 N×28×28, with the whole reader, each given as a picture of its own."""
    return [
        scoring.time_reading(reader, image, str(label))[1]
        for image, label in zip(tqdm(images, unit="image", disable=None), labels, strict=True)
    ]


def write_readings(
    outcomes: dict[str, Iterable[tuple[np.ndarray | bytes, scoring.Outcome]]],
) -> None:
    """Write what was read on each picture, by kind, which is what `register` compares versions by."""
    rows = [
        comparison.make_row(
            kind, picture, outcome.truth, comparison.UNREADABLE if outcome.error is not None else outcome.text
        )
        for kind, read in outcomes.items()
        for picture, outcome in read
    ]
    # Without its time, so that equal tables are equal files.
    pd.DataFrame(rows).to_csv(paths.READINGS, index=False, compression={"method": "gzip", "mtime": 0})


def warn_of_failures(outcomes: list[scoring.Outcome]) -> None:
    """Say on stderr how many pictures the reader failed on, and why it failed on the first."""
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    if errors:
        print(
            f"warning: the reader failed on {len(errors)} of {len(outcomes)} pictures, which count as misread; "
            f"the first: {errors[0]}",
            file=sys.stderr,
        )


def write_pages(read: list[page_scores.ReadPage]) -> None:
    """How each effect is read, as table and figure; and the misread pages, the most confident first."""
    paths.PAGE_REPORTS.mkdir(parents=True, exist_ok=True)
    table = page_scores.tabulate_effects(read)
    table.to_csv(paths.PAGE_REPORTS / "effects.csv", index=False)
    plots.save(plots.effects(table), paths.PAGE_REPORTS / "effects.png")
    misread = sorted(
        (page for page in read if not page.outcome.exact), key=page_scores.confidence, reverse=True
    )
    title = f"{len(misread)} of {len(read)} generated pages misread, the most confident first"
    plots.save(plots.page_gallery(misread, title), paths.PAGE_REPORTS / "misread.png")
    exact = [page for page in read if page.outcome.exact and page.reading.digits]
    title = "Pages read without a mistake, one for each effect"
    plots.save(plots.page_gallery(one_for_each_effect(exact), title), paths.PAGE_REPORTS / "read.png")


def one_for_each_effect(read: list[page_scores.ReadPage]) -> list[page_scores.ReadPage]:
    """The first page with each effect that is not shown yet."""
    shown: dict[int, page_scores.ReadPage] = {}
    for effect in EFFECTS:
        for page in page_scores.select_effect(read, effect):
            if id(page) not in shown:
                shown[id(page)] = page
                break
    return list(shown.values())


def write_confusion(probabilities: np.ndarray, labels: np.ndarray) -> None:
    """The confusion matrix, as DVC's plot, as numbers and as a figure, and precision, recall and F1 by class."""
    predicted = probabilities.argmax(axis=1)
    pd.DataFrame({"actual": labels, "predicted": predicted}).to_csv(
        paths.TEST_REPORTS / "predictions.csv", index=False
    )
    counts = confusion_matrix(labels, predicted, labels=range(10))
    pd.DataFrame(counts).rename_axis("actual").to_csv(paths.TEST_REPORTS / "confusion.csv")
    plots.save(plots.confusion(counts), paths.TEST_REPORTS / "confusion.png")
    report = classification_report(labels, predicted, labels=range(10), output_dict=True, zero_division=0)
    by_class = pd.DataFrame({digit: report[str(digit)] for digit in range(10)}).T.rename_axis("class")
    by_class.astype({"support": int}).round(5).to_csv(paths.TEST_REPORTS / "classes.csv")


def write_calibration(uncalibrated: np.ndarray, calibrated: np.ndarray, labels: np.ndarray) -> None:
    """Write the reliability diagram and its table.

    Args:
        uncalibrated: float32, N×10, the classifier's probabilities at temperature 1.
        calibrated: float32, N×10, those at the fitted temperature.
        labels: N integers from 0 to 9.
    """
    tables = {}
    for name, probabilities in (("before", uncalibrated), ("after", calibrated)):
        correct = probabilities.argmax(axis=1) == labels
        tables[name] = calibration.reliability(probabilities.max(axis=1), correct)
    title = "Reliability, test images (numbers: images in each bin)"
    plots.save(
        plots.reliability(tables["before"], tables["after"], title), paths.TEST_REPORTS / "reliability.png"
    )
    columns = ["count", "confidence", "accuracy"]
    frames = [pd.DataFrame(rows, columns=columns).assign(scaling=name) for name, rows in tables.items()]
    table = pd.concat(frames)[["scaling", *columns]].astype({"count": int})
    table.round(6).to_csv(paths.TEST_REPORTS / "reliability.csv", index=False)


def write_misread(images: np.ndarray, probabilities: np.ndarray, labels: np.ndarray) -> None:
    """Every misread image, the most confident first: a figure and a table."""
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    misread = np.flatnonzero(predicted != labels)
    misread = misread[np.argsort(-confidence[misread], kind="stable")]
    table = pd.DataFrame(
        {
            "image": misread,
            "actual": labels[misread],
            "predicted": predicted[misread],
            "confidence": confidence[misread].round(5),
        }
    )
    table.to_csv(paths.TEST_REPORTS / "misread.csv", index=False)
    captions = [f"{row.actual} read {row.predicted}\n{row.confidence:.0%}" for row in table.itertuples()]
    title = f"{len(misread)} of {len(labels)} test images misread, the most confident first"
    plots.save(plots.gallery(images[misread], captions, title), paths.TEST_REPORTS / "misread.png")


if __name__ == "__main__":
    run(evaluate)
