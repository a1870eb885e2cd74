import cv2
import numpy as np
import pytest
from sklearn.datasets import load_digits

from pipeline.reader.normalize import normalize


def stroke(height: int, pen: float) -> np.ndarray:
    """A 2 of this height on black, drawn with a pen of this share of it."""
    page = np.zeros((2 * height, 2 * height), np.uint8)
    points = np.array([(0, 0.2), (0.15, 0.03), (0.4, 0), (0.6, 0.2), (0.5, 0.45), (0, 1), (0.65, 1)])
    fixed = np.rint((points * height + height / 2) * 16).astype(np.int32)
    cv2.polylines(page, [fixed], False, 255, max(1, round(pen * height)), cv2.LINE_AA, 4)
    return page


def normalized(page: np.ndarray) -> np.ndarray:
    mask = (page > page.max() / 2).astype(np.uint8)
    x, y, width, height = cv2.boundingRect(mask)
    part = np.s_[y : y + height, x : x + width]
    return normalize(page[part], mask[part])[0]


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Mean absolute difference as a share of the mean ink."""
    return float(np.abs(a.astype(int) - b).sum() / b.astype(int).sum())


def handwritten() -> np.ndarray:
    """Handwritten digits in MNIST's form: uint8 N×28×28."""
    small = load_digits().images[:60].astype(np.float32) * 16
    large = [cv2.resize(digit, (80, 80), interpolation=cv2.INTER_CUBIC).clip(0, 255) for digit in small]
    return np.stack([normalized(digit.astype(np.uint8)) for digit in large])


def test_the_box_is_20_pixels_and_the_mass_is_central() -> None:
    for digit in handwritten():
        _, _, width, height = cv2.boundingRect((digit > 127).astype(np.uint8))
        assert max(width, height) in (19, 20, 21)
        rows, columns = np.mgrid[:28, :28]
        assert (digit * rows).sum() / digit.sum() == pytest.approx(14, abs=0.6)
        assert (digit * columns).sum() / digit.sum() == pytest.approx(14, abs=0.6)


@pytest.mark.parametrize("scale", [1, 2, 4, 7])
def test_what_has_mnist_form_keeps_it_at_any_scale(scale: int) -> None:
    differences = []
    for digit in handwritten():
        large = cv2.resize(digit, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        again = normalized(large)
        shifts = [np.roll(again, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
        differences.append(min(difference(shifted, digit) for shifted in shifts))
    assert np.mean(differences) < 0.2


def test_faint_ink_comes_out_as_bright_as_strong() -> None:
    page = stroke(100, 0.12)
    assert difference(normalized(page // 8), normalized(page)) < 0.06


def test_pens_of_any_width_come_out_alike() -> None:
    ink = [int((normalized(stroke(200, pen)) > 127).sum()) for pen in (0.01, 0.03, 0.06, 0.1)]
    assert min(ink) > 0.75 * max(ink)


def test_aspect_is_kept() -> None:
    bar = np.zeros((120, 120), np.uint8)
    bar[10:110, 50:62] = 255
    _, _, width, height = cv2.boundingRect((normalized(bar) > 127).astype(np.uint8))
    assert height == 20
    assert width in (2, 3)


@pytest.mark.parametrize("shape", [(1, 6), (6, 1), (3, 300), (700, 2), (6, 6)])
def test_any_shape_comes_out(shape: tuple[int, int]) -> None:
    image, (_, _, side) = normalize(np.full(shape, 90, np.uint8), np.ones(shape, np.uint8))
    assert image.shape == (28, 28)
    assert image.max() > 100
    assert side == pytest.approx(max(shape) * 1.4, rel=0.2)
