from pathlib import Path

import numpy as np

from pipeline.common.params import Candidates, Verifier
from pipeline.labels import candidates_of_pages, verifier_examples
from pipeline.learning import networks, trainer
from pipeline.learning.crop_batches import CropBatches
from pipeline.reader.classifier import Classifier
from pipeline.reader.crops import NO_DIGIT, crop_alone
from pipeline.reader.normalize import SIDE
from pipeline.reader.split import Splitter
from pipeline.synthetic.digit_forms import draw_digits
from tests.conftest import Digits, settings

SETTINGS = settings(Verifier, "verifier")


def test_examples_are_the_candidates_and_more(digits: Digits, cuts_nothing: bytes) -> None:
    splitter = Splitter(cuts_nothing)
    crops, truths = crop_alone(digits[0][:200]), np.where(np.arange(200) % 3, digits[1][:200], NO_DIGIT)
    first, again = (
        verifier_examples.add_examples(*digits, crops, truths, splitter, SETTINGS.mixture, seed=1)
        for _ in range(2)
    )
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert np.array_equal(first[0][:200], crops)
    assert np.array_equal(first[1][:200], truths)
    more = first[1][200:]
    assert set(more) == set(range(11))
    assert 10 < (more == NO_DIGIT).sum() < (more != NO_DIGIT).sum()


def test_distortion_is_slight() -> None:
    crops = crop_alone(draw_digits(50, np.random.default_rng(0))[0])
    distorted = np.stack(
        [verifier_examples.distort(crop, SETTINGS.distortion, np.random.default_rng(1)) for crop in crops]
    )
    assert not np.array_equal(distorted, crops)
    correlation = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(crops, distorted, strict=True)]
    assert np.mean(correlation) > 0.6


def test_the_verifier_learns_and_serves(digits: Digits, cuts_nothing: bytes, tmp_path: Path) -> None:
    images, labels = digits
    pages = settings(Candidates, "candidates", pages=120)
    learning = settings(Verifier, "verifier", epochs=20)
    _, crops, truths = candidates_of_pages.cut_pages(images[:300], labels[:300], pages, cuts_nothing, seed=0)
    trainer.make_repeatable(0)
    model = networks.verifier(SIDE, NO_DIGIT + 1)
    trainer.compile_model(model, learning, "sparse_categorical_crossentropy")
    trainer.fit(model, CropBatches(crops, truths, learning, seed=0), learning)
    model.export(str(tmp_path / "verifier.tflite"), format="litert", verbose=False)
    network = Classifier((tmp_path / "verifier.tflite").read_bytes())
    pages = settings(Candidates, "candidates", pages=40)
    _, crops, truths = candidates_of_pages.cut_pages(images[300:], labels[300:], pages, cuts_nothing, seed=9)
    verified = network.probabilities(crops)
    assert verified.shape == (len(crops), 11)
    is_digit = truths != NO_DIGIT
    assert 30 < (~is_digit).sum() < is_digit.sum()
    # One that says the same of all has a balanced accuracy of 0.5, and names a tenth of the digits.
    accepted = verified[:, NO_DIGIT] < 0.5
    assert (accepted[is_digit].mean() + (~accepted[~is_digit]).mean()) / 2 > 0.9
    named = verified[is_digit, :NO_DIGIT].argmax(axis=1)
    assert (named == truths[is_digit]).mean() > 0.85
