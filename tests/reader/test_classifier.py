from pathlib import Path

import keras
import numpy as np
import pytest

from pipeline.reader.classifier import LOOK_SIZES, SURE_ENOUGH, Classifier, TTAClassifier, resize_digits


@pytest.fixture(scope="module")
def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Flatten(), keras.layers.Dense(10, "softmax", kernel_initializer="glorot_normal")]
    return keras.Sequential([keras.Input((28, 28, 1)), *layers])


@pytest.fixture(scope="module")
def model(network: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path: Path = tmp_path_factory.mktemp("model") / "network.tflite"
    network.export(str(path), format="litert", verbose=False)
    return path.read_bytes()


@pytest.fixture
def digits() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (9, 28, 28), dtype=np.uint8)


def test_says_what_keras_says(network: keras.Model, model: bytes, digits: np.ndarray) -> None:
    expected = network(digits[..., None].astype(np.float32) / 255).numpy()
    assert Classifier(model).probabilities(digits) == pytest.approx(expected, abs=1e-5)


def test_batches_of_any_size_agree(model: bytes, digits: np.ndarray) -> None:
    classifier = Classifier(model)
    together = classifier.probabilities(digits)
    assert together.dtype == np.float32
    assert np.vstack([classifier.probabilities(digits[:4]), classifier.probabilities(digits[4:])]) == (
        pytest.approx(together, abs=1e-6)
    )
    assert classifier.probabilities(digits[:0]).shape == (0, 10)


def test_temperature_softens_and_keeps_the_order(model: bytes, digits: np.ndarray) -> None:
    sharp, soft = (Classifier(model, temperature=t).probabilities(digits) for t in (1.0, 2.0))
    assert soft.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (soft.max(axis=1) < sharp.max(axis=1)).all()
    assert (soft.argmax(axis=1) == sharp.argmax(axis=1)).all()
    expected = np.sqrt(sharp) / np.sqrt(sharp).sum(axis=1, keepdims=True)
    assert soft == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("temperature", [0, -1])
def test_temperature_must_be_positive(model: bytes, temperature: float) -> None:
    with pytest.raises(ValueError, match=r"temperature must be above 0, got"):
        Classifier(model, temperature=temperature)


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((1, 28, 28), np.float32), np.zeros((28, 28), np.uint8), np.zeros((1, 14, 14), np.uint8)],
)
def test_wrong_arrays_are_named(model: bytes, wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"pictures must be uint8 N×28×28×1, got"):
        Classifier(model).probabilities(wrong)


def test_unsure_digits_are_looked_at_again(model: bytes, digits: np.ndarray) -> None:
    """Also of a temperature that makes some sure, and of none at all."""
    for temperature in (1.0, 0.05):
        once, careful = (kind(model, temperature) for kind in (Classifier, TTAClassifier))
        first, said = once.probabilities(digits), careful.probabilities(digits)
        unsure = first.max(axis=1) < SURE_ENOUGH
        again = [once.probabilities(resize_digits(digits, size)) for size in LOOK_SIZES]
        assert said[~unsure] == pytest.approx(first[~unsure], abs=1e-6)
        assert said[unsure] == pytest.approx(np.mean([first, *again], axis=0)[unsure], abs=1e-6)
        assert unsure.any()
    assert not unsure.all()
    assert careful.probabilities(digits[:0]).shape == (0, 10)


def test_a_digit_is_resized_about_its_centre() -> None:
    square = np.zeros((1, 28, 28), np.uint8)
    square[0, 9:20, 9:20] = 255
    for size in LOOK_SIZES:
        seen = resize_digits(square, size)[0]
        assert np.argwhere(seen > 127).mean(axis=0) == pytest.approx([14, 14])
        assert np.sqrt(seen.sum() / 255) == pytest.approx(11 * size, rel=0.02)
