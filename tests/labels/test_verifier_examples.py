from pathlib import Path

import keras
import numpy as np

from pipeline.labels import candidates_of_pages, verifier_examples
from pipeline.learning import verifier_training
from pipeline.reader.classifier import Classifier
from pipeline.reader.crops import NO_DIGIT, crop_alone
from pipeline.reader.split import Splitter
from pipeline.synthetic.digit_forms import draw_digits
from tests.conftest import Digits


def test_examples_are_the_candidates_and_more(digits: Digits, cuts_nothing: bytes) -> None:
    splitter = Splitter(cuts_nothing)
    crops, truths = crop_alone(digits[0][:200]), np.where(np.arange(200) % 3, digits[1][:200], NO_DIGIT)
    first, again = (verifier_examples.examples(*digits, crops, truths, splitter, seed=1) for _ in range(2))
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert np.array_equal(first[0][:200], crops)
    assert np.array_equal(first[1][:200], truths)
    more = first[1][200:]
    assert set(more) == set(range(11))
    assert 10 < (more == NO_DIGIT).sum() < (more != NO_DIGIT).sum()


def test_distortion_is_slight() -> None:
    crops = crop_alone(draw_digits(50, np.random.default_rng(0))[0])
    distorted = np.stack([verifier_examples.distort(crop, np.random.default_rng(1)) for crop in crops])
    assert not np.array_equal(distorted, crops)
    correlation = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(crops, distorted, strict=True)]
    assert np.mean(correlation) > 0.6


def test_the_verifier_learns_and_serves(digits: Digits, cuts_nothing: bytes, tmp_path: Path) -> None:
    images, labels = digits
    _, crops, truths = candidates_of_pages.of_pages(
        images[:300], labels[:300], 0, pages=45, splitter=cuts_nothing
    )
    keras.utils.set_random_seed(0)
    model = verifier_training.network()
    verifier_training.learn(model, crops, truths, epochs=6, seed=0)
    model.export(str(tmp_path / "verifier.tflite"), format="litert", verbose=False)
    network = Classifier((tmp_path / "verifier.tflite").read_bytes())
    _, crops, truths = candidates_of_pages.of_pages(
        images[300:], labels[300:], 9, pages=20, splitter=cuts_nothing
    )
    verified = network.probabilities(crops)
    assert verified.shape == (len(crops), 11)
    assert ((verified[:, NO_DIGIT] > 0.5) == (truths == NO_DIGIT)).mean() > 0.75
