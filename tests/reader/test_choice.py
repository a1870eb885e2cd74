"""Which candidates are digits."""

import numpy as np
import pytest

from pipeline.reader.candidates import Candidate
from pipeline.reader.choice import choose, choose_digits, leave_out_words
from pipeline.reader.component import Component, union
from pipeline.reader.crops import NO_DIGIT
from pipeline.reader.verification import Candidates


def on_line(
    line: list[Component], candidates: list[Candidate], verified: np.ndarray | None = None
) -> Candidates:
    count = len(candidates)
    crops = np.zeros((count, 28, 28, 2), np.uint8)
    probabilities = np.zeros((count, 11), np.float32) if verified is None else verified
    return Candidates([line], candidates, crops[..., 0], crops, probabilities)


def candidates(*spans: tuple[int, int]) -> Candidates:
    def components(first: int, last: int) -> Component:
        return Component(10 * first, 0, np.ones((10, 10 * (last - first + 1)), np.uint8))

    count = 1 + max(last for _, last in spans)
    line = [components(i, i) for i in range(count)]
    return on_line(line, [Candidate(0, *span, components(*span)) for span in spans])


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
    assert choose(candidates(*spans), np.array(probability)) == kept


def test_a_speck_is_taken_along_only_if_the_digit_is_no_less_one_with_it() -> None:
    digit, speck = Component(0, 0, np.ones((20, 10), np.uint8)), Component(12, 0, np.ones((3, 3), np.uint8))
    options = [Candidate(0, 0, 0, digit), Candidate(0, 0, 1, union([digit, speck]))]
    assert choose(on_line([digit, speck], options), np.array([0.99, 0.9])) == [0]
    assert choose(on_line([digit, speck], options), np.array([0.9, 0.99])) == [1]


def beside(*probabilities: float, last: int = 20) -> tuple[list[int], np.ndarray]:
    """What is found on a line of things as probable, the last one `last` pixels high; and the probabilities."""
    count = len(probabilities)
    heights = [*[20] * (count - 1), last]
    line = [Component(30 * i, 0, np.ones((heights[i], 10), np.uint8)) for i in range(count)]
    verified = np.zeros((count, 11), np.float32)
    verified[:, 3], verified[:, NO_DIGIT] = probabilities, 1 - np.array(probabilities)
    return choose_digits(
        on_line(line, [Candidate(0, i, i, component) for i, component in enumerate(line)], verified)
    )


def test_what_stands_among_digits_is_rather_a_digit_and_among_others_rather_none() -> None:
    found, verified = beside(0.99, 0.99, 0.99, 0.3)
    assert found == [0, 1, 2, 3]
    assert verified[3, 3] == pytest.approx(0.3 * 4 / (0.3 * 4 + 0.7), abs=1e-4)
    found, verified = beside(0.02, 0.02, 0.02, 0.6)
    assert found == []
    assert verified[3, 3] < 0.6


def test_what_stands_alone_is_taken_for_what_it_is_by_itself() -> None:
    found, verified = beside(0.4)
    assert found == []
    assert verified[0, 3] == pytest.approx(0.4)


def test_a_dash_beside_digits_is_no_likelier_a_digit_for_that() -> None:
    found, verified = beside(0.99, 0.99, 0.99, 0.3, last=5)
    assert found == [0, 1, 2]
    assert verified[3, 3] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("digits", "distance", "remaining"),
    [([0], 12, []), ([0], 20, []), ([0], 26, [0]), ([0, 1], 12, [0, 1]), ([], 12, [])],
)
def test_a_digit_among_letters_is_a_letter(digits: list[int], distance: int, remaining: list[int]) -> None:
    line = [Component(distance * i, 0, np.ones((20, 10), np.uint8)) for i in range(3)]
    candidates = [Candidate(0, i, i, component) for i, component in enumerate(line)]
    assert leave_out_words(on_line(line, candidates), digits) == remaining
