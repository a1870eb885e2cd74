import cv2
import numpy as np
import pytest

from pipeline.reader.binarize import Ink
from pipeline.reader.component import Component
from pipeline.reader.lines import (
    Candidate,
    find_candidates,
    find_components,
    find_lines,
    split_lines,
    typical_height,
)
from pipeline.reader.split import Splitter

SEVEN = [[(0, 0), (40, 0), (15, 80)]]
FOUR = [[(30, 80), (32, 0), (0, 50), (45, 50)]]
ZERO = [[(20 + round(20 * np.sin(t)), 40 - round(40 * np.cos(t))) for t in np.linspace(0, 2 * np.pi, 24)]]
TIED = [[(40, 40), (60, 40)]]
FIVE = [[(5, 8), (0, 35), (35, 40), (35, 75), (0, 80)], [(10, 0), (45, 0)]]


def page(*digits: tuple[list[list[tuple[int, int]]], int, int], shape: tuple[int, int] = (300, 500)) -> Ink:
    """Ink with digits, each as strokes and the place of its top left corner."""
    mask = np.zeros(shape, np.uint8)
    for strokes, x, y in digits:
        for points in strokes:
            cv2.polylines(mask, [np.add(points, (x, y)).astype(np.int32)], False, 1, 5)
    return Ink(mask * np.uint8(200), mask, 1.0)


def boxes(candidates: list[Candidate]) -> set[tuple[int, int, int, int]]:
    return {(c.component.x, c.component.y, c.component.width, c.component.height) for c in candidates}


def near(candidates: list[Candidate], box: tuple[int, int, int, int], tolerance: int) -> bool:
    return any(
        max(abs(a - b) for a, b in zip(box, other, strict=True)) <= tolerance for other in boxes(candidates)
    )


def test_lines_are_read_from_the_top_and_from_the_left() -> None:
    ink = page((SEVEN, 300, 160), (SEVEN, 40, 40), (FOUR, 150, 30), (FOUR, 60, 170))
    lines = find_lines(ink)
    assert [[component.x // 10 for component in line] for line in lines] == [[3, 14], [5, 29]]


def test_a_line_may_climb() -> None:
    ink = page(*((SEVEN, 20 + 80 * i, 160 - 25 * i) for i in range(6)))
    assert [len(line) for line in find_lines(ink)] == [6]


def test_pieces_of_one_digit_make_one_candidate() -> None:
    candidates = find_candidates(find_lines(page((FIVE, 50, 50), (SEVEN, 180, 50))))
    assert near(candidates, (48, 48, 50, 85), 3)


def test_far_digits_make_none_together() -> None:
    candidates = find_candidates(find_lines(page((SEVEN, 50, 50), (SEVEN, 180, 50))))
    assert len(candidates) == 2
    assert all(candidate.first == candidate.last for candidate in candidates)


def test_touching_digits_can_be_taken_apart(bridge_splitter: Splitter) -> None:
    ink = page((ZERO, 50, 50), (TIED, 50, 50), (ZERO, 110, 54))
    candidates = find_candidates(split_lines(find_lines(ink), bridge_splitter))
    assert near(candidates, (47, 47, 56, 86), 4)
    assert near(candidates, (99, 51, 56, 86), 4)


def test_what_is_known_to_be_one_digit_is_not_cut(bridge_splitter: Splitter) -> None:
    pair = (ZERO, 50, 50), (TIED, 50, 50), (ZERO, 110, 54)
    lower = tuple((strokes, x, y + 150) for strokes, x, y in pair)
    lines = find_lines(page(*pair, *lower))
    assert [len(line) for line in lines] == [1, 1]
    assert [len(line) for line in split_lines(lines, bridge_splitter)] == [2, 2]
    assert [len(line) for line in split_lines(lines, bridge_splitter, {(0, 0)})] == [1, 2]


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


def test_no_ink_no_candidates() -> None:
    empty = np.zeros((50, 60), np.uint8)
    assert find_candidates(find_lines(Ink(empty, empty, 1.0))) == []


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
