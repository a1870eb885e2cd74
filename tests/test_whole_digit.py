from pathlib import Path

import cv2
import numpy as np
import pytest
from sklearn.datasets import load_digits

from pipeline import judge, scenes, whole_digit
from pipeline.reader.classify import Classifier
from pipeline.reader.reader import NO_DIGIT
from pipeline.strokes import numerals

Digits = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def digits() -> Digits:
    """Handwritten digits of the size of MNIST's: uint8 N×28×28 and their values."""
    data = load_digits()
    large = [cv2.resize(image, (20, 20), interpolation=cv2.INTER_CUBIC) for image in data.images[:400] * 16]
    images = np.pad(np.stack(large).clip(0, 255), ((0, 0), (4, 4), (4, 4)))
    return images.astype(np.uint8), data.target[:400]


def candidates(
    digits: Digits, cutter: bytes, seed: int, effects: list[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[np.ndarray, np.ndarray]:
    """What is cut out of ten pages with these effects."""
    page = scenes.page
    monkeypatch.setattr(
        scenes, "page", lambda images, labels, number, seed, _, tallest: page(
            images, labels, number, seed, effects, tallest
        )
    )  # fmt: skip
    pages = [whole_digit.judged_candidates(*digits, number, seed, cutter) for number in range(10)]
    views, truths = zip(*pages, strict=True)
    return np.concatenate(views), np.concatenate(truths)


def test_a_candidate_with_the_ink_of_a_digit_is_that_digit(
    digits: Digits, cuts_nothing: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    views, truths = candidates(digits, cuts_nothing, 3, ["plain"], monkeypatch)
    assert views.shape == (len(truths), 28, 28)
    assert views.dtype == np.uint8
    wanted = [scenes.page(*digits, number, 3, None).truth for number in range(10)]
    assert (truths != NO_DIGIT).sum() >= 0.8 * len("".join(wanted).replace("\n", ""))
    assert set("".join(map(str, truths[truths != NO_DIGIT]))) <= set("".join(wanted))


def test_a_page_without_digits_has_only_none(
    digits: Digits, cuts_nothing: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, truths = candidates(digits, cuts_nothing, 4, ["empty", "distractors"], monkeypatch)
    assert len(truths) > 10
    assert set(truths) == {NO_DIGIT}


def test_two_digits_that_were_not_parted_are_none(
    digits: Digits, cuts_nothing: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, truths = candidates(digits, cuts_nothing, 5, ["touching"], monkeypatch)
    assert (truths != NO_DIGIT).sum() > 10
    assert (truths == NO_DIGIT).sum() > 8


def test_examples_depend_on_the_seed_alone(digits: Digits, cuts_nothing: bytes) -> None:
    first, again = (whole_digit.examples(*digits, seed=1, pages=9, cutter=cuts_nothing) for _ in range(2))
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    other = whole_digit.examples(*digits, seed=2, pages=9, cutter=cuts_nothing)
    assert other[0].shape != first[0].shape or not np.array_equal(other[0], first[0])
    assert set(first[1]) == set(range(11))


def test_distortion_is_slight() -> None:
    views, _ = numerals(50, np.random.default_rng(0))
    distorted = np.stack([whole_digit.distort(view, np.random.default_rng(1)) for view in views])
    assert not np.array_equal(distorted, views)
    correlation = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(views, distorted, strict=True)]
    assert np.mean(correlation) > 0.6


def test_the_judge_learns_and_serves(digits: Digits, cuts_nothing: bytes, tmp_path: Path) -> None:
    images, labels = digits
    model = judge.train(images[:300], labels[:300], seed=0, epochs=6, pages=45, cutter=cuts_nothing)
    model.export(str(tmp_path / "judge.tflite"), format="litert", verbose=False)
    network = Classifier((tmp_path / "judge.tflite").read_bytes())
    views, truths = whole_digit.examples(images[300:], labels[300:], seed=9, pages=20, cutter=cuts_nothing)
    judged = network.probabilities(views)
    assert judged.shape == (len(views), 11)
    assert ((judged[:, NO_DIGIT] > 0.5) == (truths == NO_DIGIT)).mean() > 0.75
