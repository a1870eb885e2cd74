"""Which candidates are digits."""

import numpy as np
import pytest

from pipeline.reader.candidates import Candidate
from pipeline.reader.choice import choose_digits, leave_out_words
from pipeline.reader.component import Component, union
from pipeline.reader.crops import NO_DIGIT
from pipeline.reader.verification import Candidates


def on_line(
    line: list[Component], candidates: list[Candidate], probability: list[float] | float = 0.5
) -> Candidates:
    count = len(candidates)
    crops = np.zeros((count, 28, 28, 2), np.uint8)
    probabilities = np.zeros((count, 11), np.float32)
    probabilities[:, 3], probabilities[:, NO_DIGIT] = probability, 1 - np.array(probability)
    return Candidates([line], candidates, crops[..., 0], crops, probabilities)


def candidates(spans: list[tuple[int, int]], probability: list[float]) -> Candidates:
    def components(first: int, last: int) -> Component:
        return Component(10 * first, 0, np.ones((10, 10 * (last - first + 1)), np.uint8))

    count = 1 + max(last for _, last in spans)
    line = [components(i, i) for i in range(count)]
    return on_line(line, [Candidate(0, *span, components(*span)) for span in spans], probability)


@pytest.mark.parametrize(
    ("spans", "probability", "kept"),
    [
        ([(0, 0), (1, 1)], [0.9, 0.9], [0, 1]),
        ([(0, 0), (1, 1)], [0.9, 0.2], [0]),
        ([(0, 0), (1, 1), (0, 1)], [0.9, 0.9, 0.2], [0, 1]),
        ([(0, 0), (1, 1), (0, 1)], [0.8, 0.8, 0.9], [2]),
        ([(0, 0), (1, 1), (2, 2), (0, 1), (1, 2)], [0.1, 0.1, 0.99, 0.99, 0.3], [3, 2]),
        ([(0, 0)], [0.4], []),
    ],
)
def test_the_best_explanation_is_chosen(
    spans: list[tuple[int, int]], probability: list[float], kept: list[int]
) -> None:
    assert choose_digits(candidates(spans, probability)) == kept


def test_a_speck_is_taken_along_only_if_the_digit_is_no_less_one_with_it() -> None:
    digit, speck = Component(0, 0, np.ones((20, 10), np.uint8)), Component(12, 0, np.ones((3, 3), np.uint8))
    options = [Candidate(0, 0, 0, digit), Candidate(0, 0, 1, union([digit, speck]))]
    assert choose_digits(on_line([digit, speck], options, [0.99, 0.9])) == [0]
    assert choose_digits(on_line([digit, speck], options, [0.9, 0.99])) == [1]


@pytest.mark.parametrize(
    ("digits", "distance", "remaining"),
    [([0], 12, []), ([0], 20, []), ([0], 26, [0]), ([0, 1], 12, [0, 1]), ([], 12, [])],
)
def test_a_digit_among_letters_is_a_letter(digits: list[int], distance: int, remaining: list[int]) -> None:
    line = [Component(distance * i, 0, np.ones((20, 10), np.uint8)) for i in range(3)]
    candidates = [Candidate(0, i, i, component) for i, component in enumerate(line)]
    assert leave_out_words(on_line(line, candidates), digits) == remaining
