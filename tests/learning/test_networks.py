"""The networks for digits and their recipes; splitter and verifier learn in the tests of what they learn from."""

import keras
import numpy as np
import pytest
import yaml
from keras import layers

from pipeline import train
from pipeline.common.params import Recipe
from pipeline.common.stage import StageError
from pipeline.learning import networks, trainer
from pipeline.learning.digit_batches import DigitBatches
from pipeline.synthetic.digit_forms import draw_digits
from tests.conftest import ROOT, Digits, settings


def test_each_network_has_a_recipe_and_each_recipe_a_network() -> None:
    assert set(yaml.safe_load((ROOT / "params.yaml").read_text())["recipes"]) == set(networks.ARCHITECTURES)


@pytest.fixture(scope="module")
def drawn() -> Digits:
    return draw_digits(2500, np.random.default_rng(0))


@pytest.mark.parametrize("name", networks.ARCHITECTURES)
def test_each_network_learns_to_read_drawn_digits_by_its_recipe(name: str, drawn: Digits) -> None:
    """Of 15 such trainings, 3 seeds of each network, the worst read 96.8 % of the digits kept back."""
    images, labels = drawn
    recipe = settings(Recipe, "recipes", name, epochs=4, batch_size=64)
    model = train.build(name, seed=1)
    train.compile_model(model, recipe)
    batches = DigitBatches(
        images[:2000], labels[:2000], recipe.batch_size, seed=1, augmentation=recipe.augmentation
    )
    trainer.fit(model, batches, recipe)
    probabilities = model.predict(images[2000:, :, :, np.newaxis].astype(np.float32) / 255, verbose=0)
    assert probabilities.shape == (500, 10)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert (probabilities.argmax(axis=1) == labels[2000:]).mean() > 0.95


def described(model: keras.Model) -> str:
    """The layers as the issue lists write them: conv32–pool–drop.25–…"""
    words = []
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            words.append(f"conv{layer.filters}")
        elif isinstance(layer, layers.MaxPooling2D):
            words.append("pool")
        elif isinstance(layer, layers.Dropout):
            words.append(f"drop{layer.rate:g}".replace("0.", "."))
        elif isinstance(layer, layers.Dense):
            words.append(f"dense{layer.units}")
    return "–".join(words)


@pytest.mark.parametrize(
    ("name", "layers_in_order"),
    [
        (
            "conv_pool_conv_pool_three_dropouts",
            "conv32–pool–drop.25–conv64–pool–drop.25–dense128–drop.5–dense10",
        ),
        ("conv_pool_conv_pool_one_dropout", "conv32–pool–conv64–pool–dense128–drop.2–dense10"),
        ("conv_conv_pool_two_dropouts", "conv32–conv64–pool–drop.25–dense128–drop.5–dense10"),
    ],
)
def test_the_well_known_networks_are_what_their_names_say(name: str, layers_in_order: str) -> None:
    assert described(networks.build(name)) == layers_in_order


def test_an_unknown_network_is_named_with_the_choices() -> None:
    with pytest.raises(StageError, match=r"'resnet'.*batchnorm_cnn"):
        train.build("resnet", seed=1)


def test_smoothed_labels_keep_a_share_for_each_class() -> None:
    model = keras.Sequential([keras.Input((10,)), layers.Softmax()])
    probabilities = np.full((1, 10), 0.02)
    probabilities[0, 3] = 0.82
    label = np.eye(10, dtype=np.float32)[[3]]
    for smoothing, share in ((0.0, 1.0), (0.1, 0.91)):
        recipe = settings(Recipe, "recipes", "batchnorm_cnn", optimizer="adam", label_smoothing=smoothing)
        train.compile_model(model, recipe)
        loss = model.evaluate(np.log(probabilities), label, verbose=0)[0]
        assert loss == pytest.approx(-share * np.log(0.82) - (1 - share) * np.log(0.02), rel=1e-5)
