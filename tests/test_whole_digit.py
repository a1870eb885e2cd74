from pathlib import Path

import cv2
import numpy as np
import pytest
from sklearn.datasets import load_digits

from pipeline import scenes, whole_digit
from pipeline.reader.classify import Classifier
from pipeline.reader.reader import NO_DIGIT

Digits = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def digits() -> Digits:
    """Handwritten digits of the size of MNIST's: uint8 N×28×28 and their values."""
    data = load_digits()
    large = [cv2.resize(image, (20, 20), interpolation=cv2.INTER_CUBIC) for image in data.images[:400] * 16]
    images = np.pad(np.stack(large).clip(0, 255), ((0, 0), (4, 4), (4, 4)))
    return images.astype(np.uint8), data.target[:400]


def test_a_candidate_in_the_place_of_a_digit_is_that_digit(digits: Digits) -> None:
    found = wanted = 0
    for scene in scenes.pages(*digits, count=8, seed=3, effects=["plain"]):
        views, truths = whole_digit.judged_candidates(scene)
        assert views.shape == (len(truths), 28, 28)
        assert views.dtype == np.uint8
        assert {str(truth) for truth in truths if truth != NO_DIGIT} <= set(scene.truth)
        found += len({str(truth) for truth in truths if truth != NO_DIGIT})
        wanted += len(set(scene.truth))
    assert found >= 0.8 * wanted


def test_a_page_without_digits_has_only_none(digits: Digits) -> None:
    truths = [
        whole_digit.judged_candidates(scene)[1]
        for scene in scenes.pages(*digits, count=6, seed=4, effects=["empty", "distractors"])
    ]
    assert sum(map(len, truths)) > 10
    assert set(np.concatenate(truths)) == {NO_DIGIT}


def test_touching_digits_teach_what_a_part_is(digits: Digits) -> None:
    pages = scenes.pages(*digits, count=12, seed=5, effects=["touching"])
    views, truths = whole_digit.from_pages(pages, np.random.default_rng(0))
    assert len(views) == len(truths)
    assert (truths != NO_DIGIT).sum() > 12
    assert (truths == NO_DIGIT).sum() > 12


@pytest.mark.parametrize(
    ("sides", "distance", "nearest"),
    [
        ((10, 10, 30, 60), 0, 0),
        ((110, 10, 131, 61), 0, 1),
        ((10, 10, 51, 60), 0.4, 0),
        ((10, 36, 30, 60), 0.5, 0),
        ((110, 10, 130, 71), 0.2, 1),
    ],
)
def test_deviation_is_that_of_the_worst_side(sides: tuple[int, ...], distance: float, nearest: int) -> None:
    boxes = np.array([[10, 10, 20, 50], [110, 10, 20, 50]], float)
    off, which = whole_digit.deviation(np.array(sides, float), boxes)
    assert off == pytest.approx(distance)
    assert which == nearest
    assert whole_digit.deviation(np.array(sides, float), np.empty((0, 4)))[0] == np.inf


def test_drawn_letters_and_numerals_have_the_form_of_digits() -> None:
    views, values = whole_digit.numerals(200, np.random.default_rng(0))
    assert set(values) == set(range(10))
    for view in (*views, *whole_digit.letters(100, np.random.default_rng(1))):
        assert view.shape == (28, 28)
        _, _, width, height = cv2.boundingRect((view > 127).astype(np.uint8))
        assert 17 <= max(width, height) <= 22


def test_examples_depend_on_the_seed_alone(digits: Digits) -> None:
    first, again = (whole_digit.examples(*digits, seed=1, pages=6) for _ in range(2))
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    other = whole_digit.examples(*digits, seed=2, pages=6)
    assert other[0].shape != first[0].shape or not np.array_equal(other[0], first[0])
    assert set(first[1]) == set(range(11))


def test_distortion_is_slight() -> None:
    views, _ = whole_digit.numerals(50, np.random.default_rng(0))
    distorted = np.stack([whole_digit.distort(view, np.random.default_rng(1)) for view in views])
    assert not np.array_equal(distorted, views)
    correlation = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(views, distorted, strict=True)]
    assert np.mean(correlation) > 0.6


def test_the_judge_learns_and_serves(digits: Digits, tmp_path: Path) -> None:
    images, labels = digits
    model = whole_digit.train(images[:300], labels[:300], seed=0, epochs=6, pages=45)
    model.export(str(tmp_path / "judge.tflite"), format="litert", verbose=False)
    judge = Classifier((tmp_path / "judge.tflite").read_bytes())
    views, truths = whole_digit.examples(images[300:], labels[300:], seed=9, pages=20)
    judged = judge.probabilities(views)
    assert judged.shape == (len(views), 11)
    assert ((judged[:, NO_DIGIT] > 0.5) == (truths == NO_DIGIT)).mean() > 0.75
