"""What the cutter learns from, and that it learns."""

import cv2
import numpy as np

from pipeline import cutter, joints, scenes
from pipeline.reader import segment
from pipeline.reader.cut import GAP, ROWS, WINDOW, may_hold_several
from pipeline.reader.ink import find_ink
from tests.conftest import Digits


def joined(digits: Digits, effects: list[str]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Ink and joints of all components of some pages."""
    found = []
    for scene in scenes.pages(*digits, count=8, seed=2, effects=effects):
        ink = find_ink(scene.picture)
        found += [
            (c.mask, joints.joints(scene, ink, c))
            for c in segment.find_components(ink.mask)
            if may_hold_several(c)
        ]
    return found


def test_digits_that_touch_have_joints_between_them(digits: Digits) -> None:
    parted = 0
    for mask, joint in joined(digits, ["touching"]):
        assert (joint <= mask).all()
        assert joint.sum() < 0.2 * mask.sum()
        if joint.any():
            before, after = (cv2.connectedComponents(m, connectivity=8)[0] for m in (mask, mask - joint))
            parted += after > before
    assert parted >= 8


def test_digits_apart_have_none(digits: Digits) -> None:
    found = joined(digits, ["plain"])
    assert found
    assert not any(joint.any() for _, joint in found)


def test_an_example_has_the_form_that_the_network_sees(digits: Digits) -> None:
    for views in (joints.examples(*digits, number, seed=1) for number in range(4)):
        for view, truth in views:
            assert view.dtype == truth.dtype == np.uint8
            assert view.shape == truth.shape
            assert view.shape[0] == ROWS
            assert view.max() == 255


def test_windows_hold_all_examples_but_for_an_end() -> None:
    rng = np.random.default_rng(0)
    examples = [(np.full((ROWS, w), w, np.uint8), np.ones((ROWS, w), np.uint8)) for w in (30, 50, 70, 200)]
    views, truths = joints.windows(examples, rng)
    assert views.shape == truths.shape == ((350 + 4 * GAP) // WINDOW, ROWS, WINDOW, 1)
    assert np.array_equal(views > 0, truths > 0)
    assert set(np.unique(views)) <= {0, 30, 50, 70, 200}


def test_the_cutter_learns_where_digits_touch(digits: Digits) -> None:
    images, labels = digits
    model = cutter.train(images[:300], labels[:300], seed=0, epochs=20, pages=60)
    held_back = [e for n in range(20) for e in joints.examples(images[300:], labels[300:], n, seed=9)]
    views, truths = joints.windows(held_back, np.random.default_rng(0))
    odds = model.predict(views.astype(np.float32) / 255, verbose=0)
    joint, other = odds[truths > 0], odds[(truths == 0) & (views > 40)]
    assert len(joint) > 20
    # The chance that a joint has higher odds than other ink.
    assert (np.median(joint) > other).mean() > 0.8
