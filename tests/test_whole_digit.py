from pathlib import Path

import keras
import numpy as np

from pipeline import cutouts, judge, whole_digit
from pipeline.reader.classify import Classifier
from pipeline.reader.cut import Cutter
from pipeline.reader.views import NO_DIGIT, alone
from pipeline.strokes import numerals
from tests.conftest import Digits


def test_examples_are_the_candidates_and_more(digits: Digits, cuts_nothing: bytes) -> None:
    cutter = Cutter(cuts_nothing)
    views, truths = alone(digits[0][:200]), np.where(np.arange(200) % 3, digits[1][:200], NO_DIGIT)
    first, again = (whole_digit.examples(*digits, views, truths, cutter, seed=1) for _ in range(2))
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert np.array_equal(first[0][:200], views)
    assert np.array_equal(first[1][:200], truths)
    more = first[1][200:]
    assert set(more) == set(range(11))
    assert 10 < (more == NO_DIGIT).sum() < (more != NO_DIGIT).sum()


def test_distortion_is_slight() -> None:
    views = alone(numerals(50, np.random.default_rng(0))[0])
    distorted = np.stack([whole_digit.distort(view, np.random.default_rng(1)) for view in views])
    assert not np.array_equal(distorted, views)
    correlation = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(views, distorted, strict=True)]
    assert np.mean(correlation) > 0.6


def test_the_judge_learns_and_serves(digits: Digits, cuts_nothing: bytes, tmp_path: Path) -> None:
    images, labels = digits
    _, views, truths = cutouts.of_pages(images[:300], labels[:300], 0, pages=45, cutter=cuts_nothing)
    keras.utils.set_random_seed(0)
    model = judge.network()
    judge.learn(model, views, truths, epochs=6, seed=0)
    model.export(str(tmp_path / "judge.tflite"), format="litert", verbose=False)
    network = Classifier((tmp_path / "judge.tflite").read_bytes())
    _, views, truths = cutouts.of_pages(images[300:], labels[300:], 9, pages=20, cutter=cuts_nothing)
    judged = network.probabilities(views)
    assert judged.shape == (len(views), 11)
    assert ((judged[:, NO_DIGIT] > 0.5) == (truths == NO_DIGIT)).mean() > 0.75
