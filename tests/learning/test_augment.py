import numpy as np
import pytest

from pipeline.learning.augment import distort

STILL = {"rotation": 0.0, "shear": 0.0, "scale": 0.0, "shift": 0.0, "elastic": 0.0}


@pytest.fixture
def digits() -> np.ndarray:
    """Two hundred times an upright bar of 4×16 pixels in the middle, like a 1."""
    images = np.zeros((200, 28, 28), np.uint8)
    images[:, 6:22, 12:16] = 255
    return images


def centres(images: np.ndarray) -> np.ndarray:
    """Centre of mass of each image, N×2 (x, y)."""
    weights = images / images.sum(axis=(1, 2), keepdims=True)
    y, x = np.indices(images.shape[1:])
    return np.stack([(weights * x).sum(axis=(1, 2)), (weights * y).sum(axis=(1, 2))], axis=1)


def slants(images: np.ndarray) -> np.ndarray:
    """By how many pixels the top of the bar lies right of its bottom."""
    return centres(images[:, :14])[:, 0] - centres(images[:, 14:])[:, 0]


def test_no_distortion_leaves_every_pixel(digits: np.ndarray) -> None:
    assert np.array_equal(distort(digits, np.random.default_rng(0), **STILL), digits)


def test_the_same_seed_gives_the_same_bytes(digits: np.ndarray) -> None:
    amounts = {"rotation": 10.0, "shear": 0.1, "scale": 0.1, "shift": 1.0, "elastic": 0.5}
    once, again, other = (distort(digits, np.random.default_rng(seed), **amounts) for seed in (1, 1, 2))
    assert once.dtype == np.uint8
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)


def test_shift_moves_up_to_its_amount_both_ways(digits: np.ndarray) -> None:
    moved = centres(distort(digits, np.random.default_rng(0), **STILL | {"shift": 2.0})) - centres(digits)
    assert np.abs(moved).max() <= 2.01
    assert (moved.min(axis=0) < -1.5).all()
    assert (moved.max(axis=0) > 1.5).all()


def test_rotation_and_shear_slant_both_ways(digits: np.ndarray) -> None:
    for name, amount in (("rotation", 15.0), ("shear", 0.25)):
        slanted = slants(distort(digits, np.random.default_rng(0), **STILL | {name: amount}))
        # The halves' centres are 8 rows apart; tan 15° is 0.27.
        assert 1.2 < slanted.max() < 2.4, name
        assert -2.4 < slanted.min() < -1.2, name


def test_scale_changes_width_and_height_by_amounts_of_their_own(digits: np.ndarray) -> None:
    scaled = distort(digits, np.random.default_rng(0), **STILL | {"scale": 0.25})
    heights = (scaled.max(axis=2) > 127).sum(axis=1)
    widths = scaled[:, 14].astype(float).sum(axis=1) / 255
    assert heights.min() <= 14
    assert heights.max() >= 19
    assert widths.min() < 3.5
    assert widths.max() > 4.8
    assert abs(np.corrcoef(widths, heights)[0, 1]) < 0.3


def test_elastic_bends_the_bar_and_keeps_its_ink(digits: np.ndarray) -> None:
    bent = distort(digits, np.random.default_rng(0), **STILL | {"elastic": 1.0})
    columns = np.stack([centres(bent[:, row : row + 2])[:, 0] for row in range(8, 20, 2)])
    straight = np.array([np.polyval(np.polyfit(range(6), column, 1), range(6)) for column in columns.T]).T
    assert np.abs(columns - straight).max(axis=0).mean() > 0.1
    assert np.allclose(bent.sum(axis=(1, 2)) / digits.sum(axis=(1, 2)), 1, atol=0.5)
