import cv2
import numpy as np
import pytest

from pipeline.labels import slant
from pipeline.reader.crops import crop_alone
from pipeline.reader.log import measure_slant
from pipeline.synthetic import digit_forms


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    return digit_forms.draw_digits(400, np.random.default_rng(0))


@pytest.mark.parametrize("amount", [-0.6, 0.0, 0.5])
def test_digits_are_slanted_and_keep_the_form_of_mnist(
    digits: tuple[np.ndarray, np.ndarray], amount: float
) -> None:
    images, labels = digits[0][:100], digits[1][:100]
    crops = crop_alone(images)
    before = crops.copy()
    both = slant.add_slant(crops, np.full(len(images), amount))
    assert np.array_equal(crops, before)
    assert both.shape == crops.shape
    assert both.dtype == np.uint8
    slanted = both[..., 0]
    # The context crop goes with the near one.
    assert np.mean(np.abs(both[..., 1].astype(int) - crop_alone(slanted)[..., 1])) < 3
    for image in slanted:
        _, _, width, height = cv2.boundingRect((image > 127).astype(np.uint8))
        assert 17 <= max(width, height) <= 22
    assert np.mean(slant.excess_slants(slanted, labels, *digits)) == pytest.approx(
        amount + np.mean(slant.excess_slants(images, labels, *digits)), abs=0.1
    )


def test_a_digit_slants_by_how_far_it_slants_more_than_its_like(
    digits: tuple[np.ndarray, np.ndarray],
) -> None:
    images, labels = digits
    amounts = slant.excess_slants(images, labels, images, labels)
    for value in range(10):
        assert np.mean(amounts[labels == value]) == pytest.approx(0, abs=1e-9)
    assert np.std(amounts) > 0.1


def test_what_stands_around_slants_with_the_digit() -> None:
    crop = np.zeros((28, 28, 2), np.uint8)
    crop[4:24, 12:16, 0] = 255
    crop[10:18, 13:15, 1] = 255
    crop[:, 22:24] = 96
    (both,) = slant.add_slant(crop[None], np.array([0.4]))
    for slanted in (both[..., 0], both[..., 1]):
        for shown in (slanted > 160, (slanted > 40) & (slanted < 110)):
            assert measure_slant(shown.astype(np.uint8)) == pytest.approx(0.4, abs=0.15)


def test_none_of_none() -> None:
    none = np.empty((0, 28, 28, 2), np.uint8)
    assert slant.add_slant(none, np.empty(0)).shape == none.shape
    blank = np.zeros((1, 28, 28, 2), np.uint8)
    assert np.array_equal(slant.add_slant(blank, np.array([0.4])), blank)
