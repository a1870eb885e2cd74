"""When a picture is read again otherwise."""

import pytest

from pipeline.reader.reading import Digit, Reading, Rejection
from pipeline.reader.retries import is_clearer, is_upright


@pytest.mark.parametrize(
    ("before", "inverted", "refused", "clearer"),
    [
        ([], [0.9999, 0.9999, 0.6], 0, True),
        ([], [0.9999, 0.6, 0.6], 0, False),
        ([], [0.9999, 0.9999], 2, False),
        ([0.9999, 0.9999], [0.9999], 0, False),
        ([], [], 0, False),
    ],
)
def test_the_other_polarity_is_right_if_nearly_all_of_it_is_digits(
    before: list[float], inverted: list[float], refused: int, clearer: bool
) -> None:
    def reading(confidences: list[float], rejections: int) -> Reading:
        box = (0, 0, 10, 20)
        digits = tuple(Digit(4, confidence, box, 0, 0) for confidence in confidences)
        return Reading(digits, (Rejection(box, "looks like no digit"),) * rejections, (100, 100), 0.0)

    assert is_clearer(reading(inverted, refused), reading(before, 8)) is clearer


@pytest.mark.parametrize(
    ("text", "upright"),
    [
        ("47547", True),
        ("417511", True),
        ("33113", True),
        ("41711", False),
        ("41111", False),
        ("3131", False),
        ("475", False),
    ],
)
def test_dashes_and_letters_are_not_taken_for_digits_that_lie_on_their_side(text: str, upright: bool) -> None:
    digits = tuple(Digit(int(value), 0.99, (0, 0, 10, 20), 0, 0) for value in text)
    nothing = Reading((), (), (100, 100), 0.0)
    assert is_upright(Reading(digits, (), (100, 100), 0.0), nothing) is upright
