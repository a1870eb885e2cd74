"""What the splitter learns from, and that it learns."""

import cv2
import numpy as np

from pipeline import splitter
from pipeline.common.params import Splitter
from pipeline.labels import split_targets
from pipeline.reader import lines
from pipeline.reader.binarize import find_ink
from pipeline.reader.split import GAP, ROWS, WINDOW, may_hold_several
from pipeline.synthetic.page import make_page
from tests.conftest import Digits, settings


def joined(digits: Digits, effects: list[str]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Ink and splits of all components of some pages."""
    found = []
    for number in range(8):
        page = make_page(*digits, number, seed=2, effects=effects)
        ink = find_ink(page.picture)
        found += [
            (c.mask, split_targets.split_target(page, ink, c))
            for c in lines.find_components(ink.mask)
            if may_hold_several(c)
        ]
    return found


def test_digits_that_touch_have_splits_between_them(digits: Digits) -> None:
    parted = 0
    for mask, split in joined(digits, ["touching"]):
        assert (split <= mask).all()
        assert split.sum() < 0.2 * mask.sum()
        if split.any():
            before, after = (cv2.connectedComponents(m, connectivity=8)[0] for m in (mask, mask - split))
            parted += after > before
    assert parted >= 8


def test_digits_apart_have_none(digits: Digits) -> None:
    found = joined(digits, ["plain"])
    assert found
    assert not any(split.any() for _, split in found)


def test_an_example_has_the_form_that_the_network_sees(digits: Digits) -> None:
    for crops in (split_targets.find_examples(*digits, number, seed=1) for number in range(4)):
        for crop, truth in crops:
            assert crop.dtype == truth.dtype == np.uint8
            assert crop.shape == truth.shape
            assert crop.shape[0] == ROWS
            assert crop.max() == 255


def test_windows_hold_all_examples_but_for_an_end() -> None:
    rng = np.random.default_rng(0)
    examples = [(np.full((ROWS, w), w, np.uint8), np.ones((ROWS, w), np.uint8)) for w in (30, 50, 70, 200)]
    crops, truths = split_targets.fill_windows(examples, rng)
    assert crops.shape == truths.shape == ((350 + 4 * GAP) // WINDOW, ROWS, WINDOW, 1)
    assert np.array_equal(crops > 0, truths > 0)
    assert set(np.unique(crops)) <= {0, 30, 50, 70, 200}


def test_the_splitter_learns_where_digits_touch(digits: Digits) -> None:
    images, labels = digits
    few_pages = settings(Splitter, "splitter", epochs=20, pages=60)
    model = splitter.train(images[:300], labels[:300], few_pages, seed=0)
    held_back = [
        e for n in range(20) for e in split_targets.find_examples(images[300:], labels[300:], n, seed=9)
    ]
    crops, truths = split_targets.fill_windows(held_back, np.random.default_rng(0))
    odds = model.predict(crops.astype(np.float32) / 255, verbose=0)
    split, other = odds[truths > 0], odds[(truths == 0) & (crops > 40)]
    assert len(split) > 20
    # The chance that a split has higher odds than other ink.
    assert (np.median(split) > other).mean() > 0.8
