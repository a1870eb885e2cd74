import numpy as np
import pytest

from pipeline.reader.atom import Atom
from pipeline.reader.ink import Ink
from pipeline.reader.normalize import normalize
from pipeline.reader.segment import Candidate
from pipeline.reader.views import INNER, SURROUNDINGS, alone, look
from pipeline.strokes import numerals

NEAR, FAR = 0, 1
LEFTS = 40, 70, 140


@pytest.fixture
def page() -> np.ndarray:
    """Ink of three upright bars, 60 high and 12 wide."""
    page = np.zeros((100, 180), np.uint8)
    for left in LEFTS:
        page[20:80, left : left + 12] = 1
    return page


def seen(page: np.ndarray, atom: Atom) -> np.ndarray:
    """The views of an atom of a page's ink: uint8 28×28×2."""
    return look(Ink(page * np.uint8(200), page, 1.0), [Candidate(0, 0, 0, atom)])[1][0]


def test_neighbours_are_shown_dimmer_in_their_places() -> None:
    page = np.zeros((100, 120), np.uint8)
    page[20:80, 40:52] = 1
    page[20:80, 64:76] = 1
    own = page[20:80, 40:52]
    _, (_, _, side) = normalize(own * np.uint8(200), own)
    view = seen(page, Atom(40, 20, own))[..., NEAR]
    bright, dim = np.argwhere(view > 200), np.argwhere((view > 0.8 * SURROUNDINGS) & (view <= SURROUNDINGS))
    assert len(bright)
    assert dim[:, 1].min() == pytest.approx(bright[:, 1].min() + 24 / side * 28, abs=1)


def test_the_far_view_shows_neighbours_that_the_near_one_does_not(page: np.ndarray) -> None:
    own = page[20:80, 40:52]
    _, (_, _, side) = normalize(own * np.uint8(200), own)
    row = seen(page, Atom(40, 20, own))[14, :, FAR].astype(int)
    bright, dim = np.flatnonzero(row > 110), np.flatnonzero((row > 30) & (row <= SURROUNDINGS))
    assert len(bright)
    assert dim[dim > bright.max() + 1].min() == pytest.approx(bright.min() + 30 / side * INNER, abs=1)
    # The near view would show the third bar in column 47 of 28.
    assert row[round(14 + 85 / side * INNER) :].max() > SURROUNDINGS / 2


def test_views_of_what_stands_alone_show_nothing_else() -> None:
    images, _ = numerals(20, np.random.default_rng(0))
    views = alone(images)
    assert views.shape == (20, 28, 28, 2)
    assert np.array_equal(views[..., NEAR], images)
    for image, view in zip(images, views, strict=True):
        y, x = np.nonzero(view[..., FAR])
        assert 9 <= min(y.min(), x.min()) <= max(y.max(), x.max()) < 9 + INNER
        assert view[..., FAR].sum() == pytest.approx(image.sum() * (INNER / 28) ** 2, rel=0.05)


def test_the_views_may_reach_beyond_the_picture() -> None:
    own = np.ones((60, 30), np.uint8)
    images, views = look(Ink(own * np.uint8(200), own, 1.0), [Candidate(0, 0, 0, Atom(0, 0, own))])
    assert np.abs(views.astype(int) - alone(images)).max() <= SURROUNDINGS


def test_candidates_are_looked_at_where_they_stand(page: np.ndarray) -> None:
    bar = np.ones((60, 12), np.uint8)
    candidates = [Candidate(0, k, k, Atom(left, 20, bar)) for k, left in enumerate(LEFTS)]
    images, views = look(Ink(page * np.uint8(200), page, 1.0), candidates)
    assert np.array_equal(images[0], images[1])
    assert (views[..., NEAR] >= images).all()
    rows = views[:, 14, :, FAR].astype(int)
    sides = [(row[:12].max() > 0, row[17:].max() > 0) for row in rows]
    assert sides == [(False, True), (True, True), (True, False)]


def test_no_candidates_no_views(page: np.ndarray) -> None:
    images, views = look(Ink(page, page, 1.0), [])
    assert images.shape == (0, 28, 28)
    assert views.shape == (0, 28, 28, 2)
