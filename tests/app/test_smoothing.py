"""Numbers of a video: steady where single frames are not, and still following what changes."""

import numpy as np
import pytest

from app.smoothing import Smoother
from pipeline.reader.reading import Box, Digit, Reading

LEFT, RIGHT = (100, 100, 40, 60), (160, 100, 40, 60)


def frame(*digits: tuple[int, Box], confidence: float = 0.98) -> Reading:
    return Reading(tuple(Digit(value, confidence, box, 0, (value + 1) % 10) for value, box in digits))


def texts(smoother: Smoother, frames: list[Reading]) -> list[str]:
    return [smoother.follow(each).text for each in frames]


def test_a_digit_appears_after_three_frames_and_stays_while_it_is_read() -> None:
    assert texts(Smoother(), [frame((4, LEFT), (2, RIGHT))] * 5) == ["", "", "42", "42", "42"]


def test_a_frame_that_misreads_or_misses_changes_nothing() -> None:
    smoother = Smoother()
    texts(smoother, [frame((4, LEFT), (2, RIGHT))] * 5)
    bad = [
        frame((9, LEFT), (2, RIGHT)),
        frame((4, LEFT)),
        frame(),
        frame((4, LEFT), (7, RIGHT)),
        frame((4, LEFT), (2, RIGHT)),
    ]
    assert texts(smoother, bad) == ["42"] * 5


def test_every_third_frame_misread_never_shows() -> None:
    frames = [frame((9 if k % 3 == 0 else 4, LEFT)) for k in range(1, 60)]
    assert set(texts(Smoother(), frames)[2:]) == {"4"}


def test_what_was_read_once_never_shows() -> None:
    frames = [frame((4, LEFT), *([(1, (400, 300, 20, 60))] if k == 5 else [])) for k in range(20)]
    assert set(texts(Smoother(), frames)) == {"", "4"}


def test_another_number_in_its_place_is_soon_shown() -> None:
    smoother = Smoother()
    texts(smoother, [frame((4, LEFT))] * 30)
    after = texts(smoother, [frame((9, LEFT))] * 12)
    assert after[0] == "4"
    assert after[-1] == "9"
    assert "" not in after


def test_what_is_gone_goes_and_does_not_come_back() -> None:
    smoother = Smoother()
    texts(smoother, [frame((4, LEFT))] * 30)
    after = texts(smoother, [frame()] * 12)
    assert after[0] == "4"
    assert after[-1] == ""
    assert after == sorted(after, reverse=True)


@pytest.mark.parametrize("speed", [5, 15])
def test_digits_that_move_keep_their_order_and_their_boxes(speed: int) -> None:
    smoother = Smoother()
    for k in range(20):
        moved = [(value, (x + speed * k, y, w, h)) for value, (x, y, w, h) in ((4, LEFT), (2, RIGHT))]
        shown = smoother.follow(frame(*moved))
        if k >= 2:
            assert shown.text == "42"
            assert [
                abs(d.box[0] - box[0]) <= speed for d, (_, box) in zip(shown.digits, moved, strict=True)
            ] == [
                True,
                True,
            ]


def test_doubt_between_frames_lowers_the_confidence() -> None:
    rng = np.random.default_rng(0)
    smoother = Smoother()
    for _ in range(60):
        shown = smoother.follow(frame((4 if rng.random() < 0.7 else 9, LEFT), confidence=0.9))
    assert shown.digits[0].confidence < 0.9


def test_the_rest_of_the_reading_is_that_of_the_frame() -> None:
    reading = Reading((), (), (480, 640), 12.5)
    assert Smoother().follow(reading) == reading
