import cv2
import numpy as np
import pytest

from pipeline import lean, strokes
from pipeline.reader.log import slant
from pipeline.reader.views import alone


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    return strokes.numerals(400, np.random.default_rng(0))


@pytest.mark.parametrize("amount", [-0.6, 0.0, 0.5])
def test_digits_are_leaned_and_keep_the_form_of_mnist(
    digits: tuple[np.ndarray, np.ndarray], amount: float
) -> None:
    images, labels = digits[0][:100], digits[1][:100]
    views = alone(images)
    before = views.copy()
    both = lean.leaned(views, np.full(len(images), amount))
    assert np.array_equal(views, before)
    assert both.shape == views.shape
    assert both.dtype == np.uint8
    leaning = both[..., 0]
    # The far view goes with the near one.
    assert np.mean(np.abs(both[..., 1].astype(int) - alone(leaning)[..., 1])) < 3
    for image in leaning:
        _, _, width, height = cv2.boundingRect((image > 127).astype(np.uint8))
        assert 17 <= max(width, height) <= 22
    assert np.mean(lean.leans(leaning, labels, *digits)) == pytest.approx(
        amount + np.mean(lean.leans(images, labels, *digits)), abs=0.1
    )


def test_a_digit_leans_by_how_far_it_leans_more_than_its_like(digits: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = digits
    amounts = lean.leans(images, labels, images, labels)
    for value in range(10):
        assert np.mean(amounts[labels == value]) == pytest.approx(0, abs=1e-9)
    assert np.std(amounts) > 0.1


def test_what_stands_around_leans_with_the_digit() -> None:
    view = np.zeros((28, 28, 2), np.uint8)
    view[4:24, 12:16, 0] = 255
    view[10:18, 13:15, 1] = 255
    view[:, 22:24] = 96
    (both,) = lean.leaned(view[None], np.array([0.4]))
    for leaning in (both[..., 0], both[..., 1]):
        for shown in (leaning > 160, (leaning > 40) & (leaning < 110)):
            assert slant(shown.astype(np.uint8)) == pytest.approx(0.4, abs=0.15)


def test_none_of_none() -> None:
    none = np.empty((0, 28, 28, 2), np.uint8)
    assert lean.leaned(none, np.empty(0)).shape == none.shape
    blank = np.zeros((1, 28, 28, 2), np.uint8)
    assert np.array_equal(lean.leaned(blank, np.array([0.4])), blank)
