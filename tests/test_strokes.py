import cv2
import numpy as np

from pipeline import strokes


def test_drawn_numerals_have_the_form_of_digits() -> None:
    views, values = strokes.numerals(200, np.random.default_rng(0))
    assert set(values) == set(range(10))
    for view in views:
        assert view.shape == (28, 28)
        _, _, width, height = cv2.boundingRect((view > 127).astype(np.uint8))
        assert 17 <= max(width, height) <= 22
