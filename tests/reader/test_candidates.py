"""What may be a digit on a page."""

import numpy as np

from pipeline.reader.binarize import Ink
from pipeline.reader.candidates import Candidate, combine_components, propose, split_lines
from pipeline.reader.lines import find_lines
from pipeline.reader.split import Splitter
from tests.reader.drawing import FIVE, SEVEN, TIED, ZERO, page


def boxes(candidates: list[Candidate]) -> set[tuple[int, int, int, int]]:
    return {(c.component.x, c.component.y, c.component.width, c.component.height) for c in candidates}


def near(candidates: list[Candidate], box: tuple[int, int, int, int], tolerance: int) -> bool:
    return any(
        max(abs(a - b) for a, b in zip(box, other, strict=True)) <= tolerance for other in boxes(candidates)
    )


def test_pieces_of_one_digit_make_one_candidate() -> None:
    candidates = combine_components(find_lines(page((FIVE, 50, 50), (SEVEN, 180, 50))))
    assert near(candidates, (48, 48, 50, 85), 3)


def test_far_digits_make_none_together() -> None:
    candidates = combine_components(find_lines(page((SEVEN, 50, 50), (SEVEN, 180, 50))))
    assert len(candidates) == 2
    assert all(candidate.first == candidate.last for candidate in candidates)


def test_touching_digits_can_be_taken_apart(bridge_splitter: Splitter) -> None:
    ink = page((ZERO, 50, 50), (TIED, 50, 50), (ZERO, 110, 54))
    candidates = propose(ink, bridge_splitter)
    assert near(candidates, (47, 47, 56, 86), 4)
    assert near(candidates, (99, 51, 56, 86), 4)


def test_what_is_known_to_be_one_digit_is_not_split(bridge_splitter: Splitter) -> None:
    pair = (ZERO, 50, 50), (TIED, 50, 50), (ZERO, 110, 54)
    lower = tuple((strokes, x, y + 150) for strokes, x, y in pair)
    lines = find_lines(page(*pair, *lower))
    assert [len(line) for line in lines] == [1, 1]
    assert [len(line) for line in split_lines(lines, bridge_splitter)] == [2, 2]
    assert [len(line) for line in split_lines(lines, bridge_splitter, {(0, 0)})] == [1, 2]


def test_no_ink_no_candidates(no_splitter: Splitter) -> None:
    empty = np.zeros((50, 60), np.uint8)
    assert propose(Ink(empty, empty, 1.0), no_splitter) == []
