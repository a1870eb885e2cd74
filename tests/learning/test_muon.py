"""The optimizer: what it changes, and how."""

import keras
import numpy as np
import pytest
from keras import layers

from pipeline.learning.muon import Muon, as_matrix

RATE = 0.01


def changes(weight_decay: float = 0.0) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The weights of a small network by their names, and by how much one step changes each of them."""
    keras.utils.set_random_seed(1)
    network = [
        layers.Conv2D(16, 3, use_bias=False, name="convolution"),
        layers.BatchNormalization(name="normalisation"),
        layers.ReLU(),
        layers.Flatten(),
        layers.Dense(12, name="hidden"),
        layers.Dense(16, name="output"),
    ]
    model = keras.Sequential([keras.Input((8, 8, 3)), *network], name="small")
    model.compile(Muon(model.layers[-1], RATE, weight_decay), "mse", jit_compile=False)
    before = weights(model)
    rng = np.random.default_rng(1)
    model.train_on_batch(rng.normal(size=(32, 8, 8, 3)), rng.normal(size=(32, 16)))
    after = weights(model)
    return before, {name: after[name] - before[name] for name in before}


def weights(model: keras.Model) -> dict[str, np.ndarray]:
    return {weight.path.removeprefix("small/"): weight.numpy() for weight in model.trainable_variables}


@pytest.mark.parametrize(("name", "matrix"), [("convolution/kernel", (27, 16)), ("hidden/kernel", (576, 12))])
def test_what_is_between_changes_in_all_directions_alike(name: str, matrix: tuple[int, int]) -> None:
    """Newton and Schulz's five steps bring singular values to 0.7 to 1.2, says Jordan; AdamW's differ far more."""
    change = np.asarray(as_matrix(changes()[1][name]))
    assert change.shape == matrix
    # Liu et al. 2025: as large as AdamW's, 0.2 times the rate in the root mean square.
    values = np.linalg.svd(change, compute_uv=False) / (RATE * 0.2 * np.sqrt(max(matrix)))
    assert values.min() > 0.5
    assert values.max() < 1.4


@pytest.mark.parametrize("name", ["output/kernel", "output/bias", "normalisation/gamma", "hidden/bias"])
def test_the_output_and_what_is_no_matrix_are_adamws(name: str) -> None:
    change = changes()[1][name]
    # AdamW's first step is the rate, whatever the gradient.
    assert np.abs(change) == pytest.approx(RATE, rel=0.01)


def test_weights_decay() -> None:
    """Before a step each weight loses the share of it that is weight decay times rate."""
    before, decayed = changes(weight_decay=0.5)
    _, changed = changes()
    for name, weight in before.items():
        assert decayed[name] - changed[name] == pytest.approx(-0.5 * RATE * weight, abs=1e-5)
