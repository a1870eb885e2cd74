"""Edit distance, alignment, calibration and the summary of many pictures."""

import time
from typing import Any

import numpy as np
import pytest

from pipeline.evaluation.scoring import (
    Outcome,
    edit_distance,
    expected_calibration_error,
    matches,
    summarize,
    time_reading,
)
from pipeline.reader.reading import Digit, Reading


@pytest.mark.parametrize(
    ("truth", "reading", "distance"),
    [
        ("", "", 0),
        ("123", "123", 0),
        ("123", "", 3),
        ("", "12", 2),
        ("123", "13", 1),
        ("123", "1923", 1),
        ("123", "173", 1),
        ("12", "21", 2),
        ("1234567", "2345678", 2),
    ],
)
def test_edit_distance(truth: str, reading: str, distance: int) -> None:
    assert edit_distance(truth, reading) == distance
    assert edit_distance(reading, truth) == distance


@pytest.mark.parametrize(
    ("truth", "reading", "right"),
    [
        ("123", "123", [True, True, True]),
        ("123", "173", [True, False, True]),
        ("123", "1923", [True, False, True, True]),
        ("1234567", "234567", [True] * 6),
        ("", "4", [False]),
        ("4", "", []),
    ],
)
def test_matches(truth: str, reading: str, right: list[bool]) -> None:
    assert matches(truth, reading) == right


def test_matches_agree_with_the_distance() -> None:
    rng = np.random.default_rng(5)
    for _ in range(200):
        truth, reading = ("".join(rng.choice(list("123"), rng.integers(0, 9))) for _ in range(2))
        right = sum(matches(truth, reading))
        # What is not matched must be edited, and an edit mends at most one digit on either side.
        distance = edit_distance(truth, reading)
        assert max(len(truth), len(reading)) - right <= distance <= len(truth) + len(reading) - 2 * right


def test_line_breaks_do_not_count() -> None:
    assert Outcome("12\n34", "1234", (), 0).exact
    assert Outcome("", "", (), 0).exact
    assert not Outcome("12\n34", "1243", (), 0).exact
    assert not Outcome("", "", (), 0, error="damaged").exact


class SlowReader:
    """Needs 20 ms, reads 12 with confidences 0.9 and 0.7 on any picture, and fails on an empty one."""

    def read(self, source: bytes) -> Reading:
        time.sleep(0.02)
        if not source:
            raise RuntimeError("nothing there")
        digits = ((1, 0.9), (2, 0.7))
        return Reading(tuple(Digit(value, sure, (0, 0, 9, 9), 0, 0) for value, sure in digits))


def test_a_reading_is_timed_and_a_failure_is_an_outcome() -> None:
    reader: Any = SlowReader()
    reading, outcome = time_reading(reader, b"picture", "12")
    assert reading.text == "12"
    assert (outcome.text, outcome.confidences, outcome.error) == ("12", (0.9, 0.7), None)
    assert 0.02 <= outcome.seconds < 2
    reading, failed = time_reading(reader, b"", "34", lambda error: f"sorry, {error}")
    assert reading == Reading(())
    assert (failed.truth, failed.text, failed.confidences) == ("34", "", ())
    assert failed.error == "sorry, nothing there"
    assert failed.seconds >= 0.02
    assert summarize([outcome, failed])["digit_error_rate"] == pytest.approx(2 / 4)


def test_summary() -> None:
    figures = summarize(
        [
            Outcome("12", "12", (0.9, 0.9), 0.2),
            Outcome("345", "35", (0.8, 0.6), 0.4),
            Outcome("", "7", (0.5,), 0.1),
            Outcome("8", "", (), 0.1),
            Outcome("99", "", (), 0.2, error="damaged"),
        ]
    )
    assert figures["pictures"] == 5
    assert figures["exact"] == pytest.approx(1 / 5)
    assert figures["digit_error_rate"] == pytest.approx((0 + 1 + 1 + 1 + 2) / 8)
    assert figures["rejected"] == pytest.approx(2 / 4)
    assert figures["seconds"] == pytest.approx(0.2)
    # Four digits right and one wrong, each pair of confidences in a bin of its own.
    assert figures["ece"] == pytest.approx((2 * 0.1 + 0.2 + 0.4 + 0.5) / 5)


def test_a_summary_of_empty_pages_has_no_digit_rates() -> None:
    figures = summarize([Outcome("", "", (), 0.1)])
    assert figures["exact"] == 1
    assert figures["digit_error_rate"] is None
    assert figures["rejected"] is None
    assert figures["ece"] is None


def test_calibration_error() -> None:
    assert expected_calibration_error([1, 1, 0], [True, True, False]) == 0
    assert expected_calibration_error([1, 1], [False, False]) == 1
    # 0.75 where three of four are right is calibrated.
    assert expected_calibration_error([0.75] * 4, [1, 1, 1, 0]) == pytest.approx(0)
    # Within one bin over- and underconfidence cancel, in two they do not.
    assert expected_calibration_error([0.1, 0.9], [1, 0], bins=1) == pytest.approx(0)
    assert expected_calibration_error([0.1, 0.9], [1, 0], bins=2) == pytest.approx(0.9)


def test_calibrated_samples_have_a_small_error() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1, 50_000)
    assert expected_calibration_error(confidence, rng.random(50_000) < confidence) < 0.01
    assert expected_calibration_error(confidence, rng.random(50_000) < confidence - 0.2) == pytest.approx(
        0.2, abs=0.02
    )


@pytest.mark.parametrize(
    ("confidence", "correct"), [([], []), ([0.5], [1, 0]), ([1.2], [1]), ([-0.1], [1]), ([np.nan], [1])]
)
def test_calibration_error_refuses_nonsense(confidence: list[float], correct: list[int]) -> None:
    with pytest.raises(ValueError, match="confidence"):
        expected_calibration_error(confidence, correct)
