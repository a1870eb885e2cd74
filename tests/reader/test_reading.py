import dataclasses
import json

import numpy as np
import pytest

from pipeline.reader.reading import Digit, Reading, Rejection

GREEN = (0, 230, 118)
AMBER = (255, 179, 0)


def digit(
    value: int, line: int = 0, box: tuple[int, int, int, int] = (0, 0, 8, 10), confidence: float = 0.99
) -> Digit:
    return Digit(value, confidence, box, line, (value + 1) % 10)


def test_text_has_a_row_for_each_line() -> None:
    assert Reading((digit(5), digit(2), digit(8, line=1), digit(3, line=2))).text == "52\n8\n3"


def test_text_of_a_page_without_digits_is_empty() -> None:
    assert Reading((), (Rejection((0, 0, 3, 3), "a dot"),)).text == ""


def test_json_form_is_exactly_the_agreed_one_and_of_plain_types() -> None:
    box = tuple(np.array([3, 4, 20, 28], np.int32))
    seven = Digit(np.int64(7), np.float32(0.987654), box, np.int64(0), np.uint8(1))  # type: ignore[arg-type]
    as_json = json.loads(json.dumps(Reading((seven,), (), (40, 40), np.float64(3.14159)).to_dict()))
    assert as_json == {
        "text": "7",
        "digits": [{"digit": 7, "confidence": 0.9877, "box": [3, 4, 20, 28], "line": 0, "runner_up": 1}],
        "milliseconds": 3.14,
    }


def test_readings_compare_and_do_not_change() -> None:
    with_image = dataclasses.replace(digit(4), image=np.zeros((28, 28), np.uint8))
    assert Reading((with_image,)) == Reading((digit(4),))
    with pytest.raises(dataclasses.FrozenInstanceError):
        with_image.digit = 9  # type: ignore[misc]


def colours(drawing: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(int(v) for v in colour) for colour in np.unique(drawing.reshape(-1, 3), axis=0)}


@pytest.mark.parametrize("ground", [0, 118, 255])
def test_a_box_shows_on_any_ground(ground: int) -> None:
    picture = np.full((480, 640), ground, np.uint8)
    drawing = Reading((digit(5, box=(100, 200, 50, 70)),), (), (480, 640)).draw(picture)
    assert drawing.shape == (480, 640, 3)
    assert drawing.dtype == np.uint8
    # Its left edge, and beside it the dark rim that sets it off from a light ground.
    assert tuple(drawing[235, 100]) == GREEN
    assert tuple(drawing[235, 98:103].min(axis=0)) == (0, 0, 0)
    assert (picture == ground).all(), "the picture given was drawn upon"


def test_what_is_unsure_has_another_colour() -> None:
    picture = np.zeros((480, 640, 3), np.uint8)
    assert AMBER in colours(Reading((digit(5, box=(100, 200, 50, 70), confidence=0.6),)).draw(picture))


@pytest.mark.parametrize("value", range(10))
@pytest.mark.parametrize(("height", "width"), [(28, 28), (480, 640), (3000, 4000)])
def test_labels_are_large_enough_to_read_and_differ(height: int, width: int, value: int) -> None:
    box = (width // 4, height // 4, width // 4, height // 2)
    picture = np.full((height, width), 255, np.uint8)
    drawing = Reading((digit(value, box=box),)).draw(picture)
    unlabelled = Reading((), (Rejection(box, ""),)).draw(picture)
    assert max(drawing.shape[:2]) >= 400
    zoom = drawing.shape[0] / height
    above = drawing[: int(box[1] * zoom) - 5]
    rows = np.flatnonzero((above == GREEN).all(axis=2).any(axis=1))
    assert np.ptp(rows) + 1 >= max(11, max(drawing.shape[:2]) / 90)
    assert not np.array_equal(drawing, unlabelled)


@pytest.mark.parametrize("box", [(0, 0, 28, 28), (-5, -5, 100, 100), (27, 27, 1, 1), (0, 0, 1, 1)])
def test_boxes_at_and_beyond_the_edge_are_drawn(box: tuple[int, int, int, int]) -> None:
    drawing = Reading((digit(8, box=box),)).draw(np.full((28, 28), 255, np.uint8))
    assert GREEN in colours(drawing)


def test_a_strip_with_room_neither_above_nor_below_keeps_its_label() -> None:
    drawing = Reading((digit(8, box=(30, 2, 20, 36)),)).draw(np.full((40, 500), 255, np.uint8))
    assert (drawing[5:30, 33:48] == GREEN).all(axis=2).sum() > 10
