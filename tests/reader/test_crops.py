import numpy as np
import pytest

from pipeline.reader.binarize import Ink
from pipeline.reader.component import Component
from pipeline.reader.crops import INNER, SURROUNDINGS, crop_alone, make_crops
from pipeline.reader.normalize import normalize
from pipeline.synthetic.digit_forms import draw_digits

NEAR, CONTEXT = 0, 1
LEFTS = 40, 70, 140


@pytest.fixture
def page() -> np.ndarray:
    """Ink of three upright bars, 60 high and 12 wide."""
    page = np.zeros((100, 180), np.uint8)
    for left in LEFTS:
        page[20:80, left : left + 12] = 1
    return page


def seen(page: np.ndarray, component: Component) -> np.ndarray:
    """The crops of a component of a page's ink: uint8 28×28×2."""
    return make_crops(Ink(page * np.uint8(200), page, 1.0), [component])[1][0]


def test_neighbours_are_shown_dimmer_in_their_places() -> None:
    page = np.zeros((100, 120), np.uint8)
    page[20:80, 40:52] = 1
    page[20:80, 64:76] = 1
    own = page[20:80, 40:52]
    _, (_, _, side) = normalize(own * np.uint8(200), own)
    crop = seen(page, Component(40, 20, own))[..., NEAR]
    bright, dim = np.argwhere(crop > 200), np.argwhere((crop > 0.8 * SURROUNDINGS) & (crop <= SURROUNDINGS))
    assert len(bright)
    assert dim[:, 1].min() == pytest.approx(bright[:, 1].min() + 24 / side * 28, abs=1)


def test_the_context_crop_shows_neighbours_that_the_near_one_does_not(page: np.ndarray) -> None:
    own = page[20:80, 40:52]
    _, (_, _, side) = normalize(own * np.uint8(200), own)
    row = seen(page, Component(40, 20, own))[14, :, CONTEXT].astype(int)
    bright, dim = np.flatnonzero(row > 110), np.flatnonzero((row > 30) & (row <= SURROUNDINGS))
    assert len(bright)
    assert dim[dim > bright.max() + 1].min() == pytest.approx(bright.min() + 30 / side * INNER, abs=1)
    # The near crop would show the third bar in column 47 of 28.
    assert row[round(14 + 85 / side * INNER) :].max() > SURROUNDINGS / 2


def test_crops_of_what_stands_alone_show_nothing_else() -> None:
    images, _ = draw_digits(20, np.random.default_rng(0))
    crops = crop_alone(images)
    assert crops.shape == (20, 28, 28, 2)
    assert np.array_equal(crops[..., NEAR], images)
    for image, crop in zip(images, crops, strict=True):
        y, x = np.nonzero(crop[..., CONTEXT])
        assert 9 <= min(y.min(), x.min()) <= max(y.max(), x.max()) < 9 + INNER
        assert crop[..., CONTEXT].sum() == pytest.approx(image.sum() * (INNER / 28) ** 2, rel=0.05)


def test_the_crops_may_reach_beyond_the_picture() -> None:
    own = np.ones((60, 30), np.uint8)
    images, crops = make_crops(Ink(own * np.uint8(200), own, 1.0), [Component(0, 0, own)])
    assert np.abs(crops.astype(int) - crop_alone(images)).max() <= SURROUNDINGS


def test_candidates_are_looked_at_where_they_stand(page: np.ndarray) -> None:
    bar = np.ones((60, 12), np.uint8)
    candidates = [Component(left, 20, bar) for left in LEFTS]
    images, crops = make_crops(Ink(page * np.uint8(200), page, 1.0), candidates)
    assert np.array_equal(images[0], images[1])
    assert (crops[..., NEAR] >= images).all()
    rows = crops[:, 14, :, CONTEXT].astype(int)
    sides = [(row[:12].max() > 0, row[17:].max() > 0) for row in rows]
    assert sides == [(False, True), (True, True), (True, False)]


def test_no_candidates_no_crops(page: np.ndarray) -> None:
    images, crops = make_crops(Ink(page, page, 1.0), [])
    assert images.shape == (0, 28, 28)
    assert crops.shape == (0, 28, 28, 2)
