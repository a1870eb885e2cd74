import cv2
import numpy as np
import pytest

from pipeline.reader.binarize import Ink
from pipeline.reader.component import Component
from pipeline.reader.lines import find_components, find_lines, typical_height
from tests.reader.drawing import FIVE, FOUR, SEVEN, page


def test_lines_are_read_from_the_top_and_from_the_left() -> None:
    ink = page((SEVEN, 300, 160), (SEVEN, 40, 40), (FOUR, 150, 30), (FOUR, 60, 170))
    lines = find_lines(ink)
    assert [[component.x // 10 for component in line] for line in lines] == [[3, 14], [5, 29]]


def test_a_line_may_climb() -> None:
    ink = page(*((SEVEN, 20 + 80 * i, 160 - 25 * i) for i in range(6)))
    assert [len(line) for line in find_lines(ink)] == [6]


def test_specks_are_dropped() -> None:
    ink = page((SEVEN, 50, 50), (SEVEN, 150, 50))
    for x in (10, 120, 300):
        cv2.circle(ink.mask, (x, 130), 4, 1, cv2.FILLED)
    assert len(find_components(ink.mask)) == 5
    assert sum(map(len, find_lines(ink))) == 2


def test_what_lies_along_the_border_is_no_digit() -> None:
    ink = page((SEVEN, 50, 50))
    ink.mask[:, :12] = 1
    ink.mask[-3:, 200:] = 1
    cv2.line(ink.mask, (300, 0), (320, 90), 1, 5)
    assert [component.x for component in find_components(ink.mask)] == [297, 47]


def test_a_frame_is_no_digit_and_what_it_holds_may_be() -> None:
    ink = page((SEVEN, 50, 50))
    cv2.rectangle(ink.mask, (20, 20), (140, 180), 1, 3)
    assert [component.x for component in find_components(ink.mask)] == [47]


@pytest.mark.parametrize("scale", [0.25, 3])
def test_scale_makes_no_difference(scale: float) -> None:
    mask = page((FIVE, 50, 50), (SEVEN, 180, 50), (FOUR, 250, 52)).mask
    large = (cv2.resize(mask * 255, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) > 127).astype(
        np.uint8
    )
    counts = [len(find_lines(Ink(m * np.uint8(200), m, 1.0))[0]) for m in (mask, large)]
    assert abs(counts[0] - counts[1]) <= 1


def test_typical_height_is_that_of_digits_not_of_specks() -> None:
    heights = [3] * 20 + [80, 82, 85]
    components = [Component(0, 0, np.ones((height, 5), np.uint8)) for height in heights]
    assert typical_height(components) in (80, 82)
    line = Component(0, 0, np.ones((400, 3), np.uint8))
    assert typical_height([*components, line, line]) in (82, 85)
    assert typical_height([]) == 0
