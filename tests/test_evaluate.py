"""What evaluate writes, on predictions made by hand; the stage as a whole is in test_pipeline.py."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from pipeline import evaluate
from pipeline.common import paths
from pipeline.evaluation import calibration, comparison, plots, scoring
from pipeline.reader.classifier import Classifier, TTAClassifier
from tests.conftest import Digits

LABELS = np.arange(40) % 10


@pytest.fixture
def probabilities() -> np.ndarray:
    """Forty readings, 0.91 sure each; images 3 and 7 are misread, 7 with more confidence."""
    table = np.full((40, 10), 0.01)
    table[np.arange(40), LABELS] = 0.91
    table[3] = table[3][[0, 1, 2, 8, 4, 5, 6, 7, 3, 9]]  # a 3 read as 8
    table[7] = [0, 0, 0, 0, 0, 0, 0, 0.05, 0, 0.95]  # a 7 read as 9
    return table


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths.TEST_REPORTS.mkdir(parents=True)
    paths.MODELS.mkdir()


def test_the_temperature_is_the_best_for_the_classifier_in_use(digits: Digits, tmp_path: Path) -> None:
    """Not for a single look, where most images are looked at three times."""
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    )
    network.compile("adam", "sparse_categorical_crossentropy")
    network.fit(digits[0][:200, ..., None] / 255, digits[1][:200], epochs=8, verbose=0)
    network.export(str(tmp_path / "digits.tflite"), format="litert", verbose=False)
    model = (tmp_path / "digits.tflite").read_bytes()
    images, labels = digits[0][200:], digits[1][200:]
    fitted = evaluate.fit_classifier(model, images, labels)

    def loss(temperature: float) -> float:
        return calibration.cross_entropy(TTAClassifier(model, temperature).probabilities(images), labels)

    # The loss jumps a little where an image comes to be looked at again, so the best is found but for such a jump.
    assert loss(fitted) < min(map(loss, np.geomspace(fitted / 2, 2 * fitted, 41))) + 1e-3
    single_look = calibration.fit_temperature(
        lambda temperature: Classifier(model, temperature).probabilities(images), labels
    )
    assert loss(fitted) < loss(single_look)


def test_accuracy_comes_with_its_interval(probabilities: np.ndarray) -> None:
    summary = evaluate.summarize(probabilities, LABELS)
    assert summary["accuracy"] == 0.95
    # Wilson's interval for 38 of 40, from his formula.
    z, n, p = 1.959964, 40, 0.95
    centre, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert summary["accuracy_low"] == pytest.approx((centre - half) / (1 + z**2 / n), abs=1e-5)
    assert summary["accuracy_high"] == pytest.approx((centre + half) / (1 + z**2 / n), abs=1e-5)
    assert summary["loss"] == pytest.approx(-(38 * np.log(0.91) + np.log(0.01) + np.log(0.05)) / 40, abs=1e-5)


def test_the_confusion_matrix_has_a_row_for_each_true_class(probabilities: np.ndarray) -> None:
    evaluate.write_confusion(probabilities, LABELS)
    counts = pd.read_csv(paths.TEST_REPORTS / "confusion.csv", index_col="actual")
    assert counts.loc[3, "8"] == 1
    assert counts.loc[7, "9"] == 1
    assert np.trace(counts.to_numpy()) == 38
    classes = pd.read_csv(paths.TEST_REPORTS / "classes.csv", index_col="class")
    assert classes.loc[3, "recall"] == 0.75
    assert classes.loc[8, "precision"] == 0.8
    assert classes.loc[0, "f1-score"] == 1


def test_every_misread_image_is_listed_the_most_confident_first(probabilities: np.ndarray) -> None:
    evaluate.write_misread(np.zeros((40, 28, 28), np.uint8), probabilities, LABELS)
    misread = pd.read_csv(paths.TEST_REPORTS / "misread.csv")
    assert misread["image"].tolist() == [7, 3]
    assert misread["predicted"].tolist() == [9, 8]


def test_figures_show_the_numbers_of_their_tables(
    probabilities: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: dict[str, Figure] = {}
    monkeypatch.setattr(plots, "save", lambda figure, path: figures.update({path.name: figure}))
    images = np.arange(40, dtype=np.uint8)[:, None, None] + np.zeros((40, 28, 28), np.uint8)
    evaluate.write_confusion(probabilities, LABELS)
    evaluate.write_misread(images, probabilities, LABELS)
    sharper = probabilities**2 / (probabilities**2).sum(axis=1, keepdims=True)
    evaluate.write_calibration(probabilities, sharper, LABELS)

    (axes,) = figures["confusion.png"].axes
    shown = {text.get_position(): int(text.get_text()) for text in axes.texts}
    counts = pd.read_csv(paths.TEST_REPORTS / "confusion.csv", index_col="actual").to_numpy()
    assert shown == {(column, row): count for (row, column), count in np.ndenumerate(counts) if count}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("read as", "is")

    drawn = [axes for axes in figures["misread.png"].axes if axes.images]
    assert [int(np.asarray(axes.images[0].get_array())[0, 0]) for axes in drawn] == [7, 3]
    assert [axes.get_title() for axes in drawn] == ["7 read 9\n95%", "3 read 8\n91%"]

    (axes,) = figures["reliability.png"].axes
    _, before, after = axes.lines
    table = pd.read_csv(paths.TEST_REPORTS / "reliability.csv")
    for line, scaling in ((before, "before"), (after, "after")):
        rows = table[table["scaling"] == scaling]
        assert np.asarray(line.get_xydata()) == pytest.approx(
            rows[["confidence", "accuracy"]].to_numpy(), abs=1e-6
        )
    assert [text.get_text() for text in axes.texts] == [str(count) for count in rows["count"]]
    assert "before" in str(before.get_label())


def test_a_picture_that_fails_is_in_the_readings_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    read = scoring.Outcome("5", "5", (0.9,), 0.01)
    failed = scoring.Outcome("7", "", (), 0.01, "out of luck")
    evaluate.write_readings({"test": zip(np.zeros((2, 28, 28), np.uint8), [read, failed], strict=True)})
    table = comparison.load(paths.READINGS)
    assert table["text"].tolist() == ["5", comparison.UNREADABLE]
    assert table["truth"].tolist() == ["5", "7"]
    evaluate.warn_of_failures([read])
    assert capsys.readouterr().err == ""
    evaluate.warn_of_failures([read, failed])
    assert (
        "failed on 1 of 2 pictures, which count as misread; the first: out of luck" in capsys.readouterr().err
    )


def test_equal_figures_have_equal_bytes(probabilities: np.ndarray) -> None:
    evaluate.write_confusion(probabilities, LABELS)
    once = (paths.TEST_REPORTS / "confusion.png").read_bytes()
    evaluate.write_confusion(probabilities, LABELS)
    assert (paths.TEST_REPORTS / "confusion.png").read_bytes() == once
