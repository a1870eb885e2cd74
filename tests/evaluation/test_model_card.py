"""The model card says what was measured."""

from typing import Any

import pandas as pd
import pytest

from pipeline.evaluation import model_card
from pipeline.mnist.record import SAMPLE

TRAINING = {"architecture": "batchnorm_cnn", "parameters": 273706, "recipe": {"epochs": 18}}
CLASSES = pd.DataFrame(
    {"precision": [0.99, 0.9], "recall": [0.98, 0.97], "support": [980, 1135]}, index=[0, 1]
)
CORRECTIONS = pd.DataFrame(
    {"side": ["train", "train", "train", "evaluation"], "digits": [6, 5, 0, 0], "truth": ["1"] * 4}
)


def written(source: str = "mirror example.org", feedback: dict[str, float] | None = None) -> str:
    metrics: dict[str, Any] = {
        "data": {"source": source, "train": 55000, "validation": 5000, "test": 10000},
        "test": {
            "accuracy": 0.9958,
            "accuracy_low": 0.9943,
            "accuracy_high": 0.9969,
            "ece": 0.0013,
            "reader_accuracy": 0.9959,
        },
        "pages": {
            "pictures": 1500,
            "exact": 0.758,
            "digit_error_rate": 0.139,
            "ece": 0.0415,
            "by_effect": {
                "plain": {"exact": 0.96, "digit_error_rate": 0.009},
                "touching": {"exact": 0.22, "digit_error_rate": 0.4},
                "empty": {"exact": 0.9},
                "table": {},
            },
        },
        "feedback": {"pictures": 0} | (feedback or {}),
    }
    return model_card.write(metrics, TRAINING, CLASSES, CORRECTIONS, ece_uncalibrated=0.0042)


def test_every_figure_stands_where_it_belongs() -> None:
    text = written(feedback={"pictures": 12, "exact": 0.75, "digit_error_rate": 0.1, "ece": 0.05})
    assert "| test images, the classifier alone | 10,000 | 99.58% (99.43% to 99.69%) | | 0.0013 |" in text
    assert "| generated pages | 1,500 | 75.80% | 13.90% | 0.0415 |" in text
    assert "| corrected pictures kept for evaluation | 12 | 75.00% | 10.00% | 0.0500 |" in text
    assert "| 1 | 1,135 | 97.00% | 90.00% |" in text
    assert "0.0042 before temperature scaling" in text
    assert "- 11 digits from 2 pictures that people corrected." in text
    assert "Corrections: 4 pictures from this installation, 1 of them never trained on" in text


def test_the_worst_effects_come_first_and_are_named_as_limits() -> None:
    text = written()
    assert text.index("| touching: ") < text.index("| empty: ") < text.index("| plain: ")
    assert "Read worst: touching (22%), empty (90%), plain (96%)." in text
    assert "| table: " not in text


def test_what_was_not_measured_has_no_figure() -> None:
    assert "| corrected pictures kept for evaluation | 0 | – | – | – |" in written()


@pytest.mark.parametrize(
    ("source", "licences"),
    [
        ("mirror example.org", ["CC BY-SA 3.0"]),
        (SAMPLE, ["CC BY 4.0"]),
        ("user", ["the user's own files"]),
        (f"train: user; test: {SAMPLE}", ["the user's own files", "CC BY 4.0"]),
    ],
)
def test_the_licence_is_that_of_the_data(source: str, licences: list[str]) -> None:
    section = written(source).split("## Licence of the data")[1]
    known = ["CC BY-SA 3.0", "CC BY 4.0", "the user's own files"]
    assert [licence for licence in known if licence in section] == sorted(licences, key=known.index)
