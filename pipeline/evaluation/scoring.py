"""How well readings agree with the truth, and how well confidence agrees with being right."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from pipeline.reader.reading import Reading

if TYPE_CHECKING:
    from pipeline.reader.reader import Reader


@dataclass(frozen=True)
class Outcome:
    """What became of one picture.

    Attributes:
        truth: What is written there: digits, lines parted by line breaks; empty for no digit.
        text: What was read, in the same form.
        confidences: Of each digit of `text`, 0 to 1.
        seconds: How long it took.
        error: Why it could not be read at all; None if it could.
    """

    truth: str
    text: str
    confidences: tuple[float, ...]
    seconds: float
    error: str | None = None

    @property
    def exact(self) -> bool:
        """Whether the digits are the right ones in the right order; line breaks do not count."""
        return self.error is None and join_lines(self.truth) == join_lines(self.text)


def time_reading(
    reader: "Reader",
    picture: bytes | Path | np.ndarray,
    truth: str,
    describe: Callable[[Exception], str] = str,
) -> tuple[Reading, Outcome]:
    """Read one picture and measure the time that takes.

    Whatever the reader raises becomes the outcome's `error`, in the words of `describe`, so that one picture does
    not end a run over many; the reading is then an empty one.
    """
    error = None
    start = time.perf_counter()
    try:
        reading = reader.read(picture)
    except Exception as raised:
        reading, error = Reading(()), describe(raised)
    seconds = time.perf_counter() - start
    confidences = tuple(digit.confidence for digit in reading.digits)
    return reading, Outcome(truth, reading.text, confidences, seconds, error)


def summarize(outcomes: Sequence[Outcome]) -> dict[str, float | int | None]:
    """Score pictures together.

    A picture that could not be read counts as one in which every digit was missed.

    Returns:
        pictures: Their number.
        exact: Share that was read without a mistake.
        digit_error_rate: Edits that turn the readings into the truths, over the digits of the truths; None
            without any.
        rejected: Share of the pictures with digits in which none was read; None without any.
        ece: Expected calibration error of the digits read; None without any.
        seconds: Mean time a picture.
    """
    written = [outcome for outcome in outcomes if join_lines(outcome.truth)]
    digits = sum(len(join_lines(outcome.truth)) for outcome in written)
    edits = sum(edit_distance(join_lines(outcome.truth), join_lines(outcome.text)) for outcome in outcomes)
    confidences = [confidence for outcome in outcomes for confidence in outcome.confidences]
    right = [
        is_right
        for outcome in outcomes
        for is_right in matches(join_lines(outcome.truth), join_lines(outcome.text))
    ]
    return {
        "pictures": len(outcomes),
        "exact": _mean([outcome.exact for outcome in outcomes]),
        "digit_error_rate": edits / digits if digits else None,
        "rejected": _mean([not join_lines(outcome.text) for outcome in written]),
        "ece": expected_calibration_error(confidences, right) if confidences else None,
        "seconds": _mean([outcome.seconds for outcome in outcomes]),
    }


def shares(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Of `summarize` what reports show, rounded; what there is not, as an error rate without digits, is left out."""
    summary = summarize(outcomes)
    return {
        name: round(value, 6)
        for name in ("exact", "digit_error_rate", "ece")
        if (value := summary[name]) is not None
    }


def join_lines(text: str) -> str:
    """Put the digits of all lines into one row."""
    return "".join(text.split())


def edit_distance(truth: str, reading: str) -> int:
    """Least number of insertions, deletions and substitutions that turn one text into the other."""
    return int(_costs(truth, reading)[-1, -1])


def matches(truth: str, reading: str) -> list[bool]:
    """For each digit read, whether it is right, in an alignment with the least number of edits."""
    cost = _costs(truth, reading)
    right = [False] * len(reading)
    i, j = len(truth), len(reading)
    while i and j:
        same = truth[i - 1] == reading[j - 1]
        if cost[i, j] == cost[i - 1, j - 1] + (not same):
            i, j = i - 1, j - 1
            right[j] = same
        elif cost[i, j] == cost[i - 1, j] + 1:
            i -= 1
        else:
            j -= 1
    return right


def _costs(truth: str, reading: str) -> np.ndarray:
    """At [i, j] the edits between the first i digits of the truth and the first j of the reading."""
    cost = np.zeros((len(truth) + 1, len(reading) + 1), int)
    cost[:, 0] = np.arange(len(truth) + 1)
    cost[0] = np.arange(len(reading) + 1)
    for i, wanted in enumerate(truth, 1):
        for j, got in enumerate(reading, 1):
            cost[i, j] = min(cost[i - 1, j - 1] + (wanted != got), cost[i - 1, j] + 1, cost[i, j - 1] + 1)
    return cost


def expected_calibration_error(confidence: ArrayLike, correct: ArrayLike, bins: int = 15) -> float:
    """How far confidence is from the share that is right, on average (Naeini et al. 2015).

    Args:
        confidence: N numbers from 0 to 1.
        correct: N truth values.
        bins: Number of equally wide intervals of confidence that are compared.

    Raises:
        ValueError: N is 0 or not the same for both, or a confidence lies outside 0 to 1.
    """
    confidences = np.asarray(confidence, float)
    hits = np.asarray(correct, float)
    if confidences.ndim != 1 or confidences.shape != hits.shape or not len(confidences):
        raise ValueError(
            f"confidence and correct must be N > 0 numbers each, got {confidences.shape} and {hits.shape}"
        )
    if not (confidences.min() >= 0 and confidences.max() <= 1):
        raise ValueError(f"confidence must lie in 0 to 1, got {confidences.min():g} to {confidences.max():g}")
    number = np.minimum((confidences * bins).astype(int), bins - 1)
    gaps = np.bincount(number, weights=confidences - hits, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidences))


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
