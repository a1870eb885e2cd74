"""Networks and recipes; what a whole training does is in test_pipeline.py."""

from typing import Any

import keras
import numpy as np
import pytest
import yaml
from keras import layers

from pipeline import train
from pipeline.common.stage import StageError
from pipeline.learning import networks
from tests.conftest import ROOT

RECIPES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "params.yaml").read_text())["recipes"]


def test_each_network_has_a_recipe_and_each_recipe_a_network() -> None:
    assert set(RECIPES) == set(networks.ARCHITECTURES)


@pytest.mark.parametrize("name", networks.ARCHITECTURES)
def test_each_network_learns_by_its_recipe(name: str) -> None:
    """A few steps on two kinds of images, told apart by where their ink is."""
    rng = np.random.default_rng(0)
    labels = np.tile([0, 1], 64).astype(np.uint8)
    images = np.zeros((128, 28, 28), np.uint8)
    images[labels == 0, 8:20, 6:10] = images[labels == 1, 8:12, 6:20] = 255
    images += rng.integers(0, 30, images.shape, np.uint8)
    model = train.build(name, seed=1)
    recipe = RECIPES[name] | {"batch_size": 32, "epochs": 8, "learning_rate": 0.001}
    batches = train.Batches(images, labels, recipe, seed=1)
    train.compile_model(model, recipe)
    rates = train.LearningRate(recipe, len(batches))
    losses = model.fit(batches.dataset(), epochs=8, callbacks=[rates], verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 2
    probabilities = model.predict(images[:, :, :, np.newaxis].astype(np.float32) / 255, verbose=0)
    assert probabilities.shape == (128, 10)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)


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


def test_an_unknown_network_or_optimizer_is_named_with_the_choices() -> None:
    with pytest.raises(StageError, match=r"'resnet'.*batchnorm_cnn"):
        train.build("resnet", seed=1)
    with pytest.raises(StageError, match=r"'sgd'.*adam, adamw"):
        train.compile_model(networks.build("batchnorm_cnn"), RECIPES["batchnorm_cnn"] | {"optimizer": "sgd"})


def test_smoothed_labels_keep_a_share_for_each_class() -> None:
    model = keras.Sequential([keras.Input((10,)), layers.Softmax()])
    probabilities = np.full((1, 10), 0.02)
    probabilities[0, 3] = 0.82
    label = np.eye(10, dtype=np.float32)[[3]]
    plain = {"optimizer": "adam", "learning_rate": 0.001}
    for recipe, share in ((plain, 1.0), (plain | {"label_smoothing": 0.1}, 0.91)):
        train.compile_model(model, recipe)
        loss = model.evaluate(np.log(probabilities), label, verbose=0)[0]
        assert loss == pytest.approx(-share * np.log(0.82) - (1 - share) * np.log(0.02), rel=1e-5)


@pytest.fixture
def batches() -> train.Batches:
    images = np.arange(50 * 784, dtype=np.uint32).astype(np.uint8).reshape(50, 28, 28)
    labels = np.arange(50, dtype=np.uint8) % 10
    return train.Batches(images, labels, RECIPES["batchnorm_cnn"] | {"batch_size": 16}, seed=3)


def test_a_batch_follows_from_seed_epoch_and_index_alone(batches: train.Batches) -> None:
    first = [batches.batch(index) for index in range(len(batches))]
    again = [batches.batch(index) for index in reversed(range(len(batches)))][::-1]
    assert all(
        np.array_equal(a, b)
        for one, two in zip(first, again, strict=True)
        for a, b in zip(one, two, strict=True)
    )
    batches.begin(1)
    assert not np.array_equal(batches.batch(0)[0], first[0][0])


def test_an_epoch_holds_each_image_once(batches: train.Batches) -> None:
    labels = np.concatenate([batches.batch(index)[1] for index in range(len(batches))])
    assert len(batches) == 4
    assert labels.sum(axis=0).tolist() == [5] * 10
    images = batches.batch(0)[0]
    assert images.dtype == np.float32
    assert images.shape == (16, 28, 28, 1)
    assert images.max() <= 1


def test_the_rate_climbs_over_the_warm_up_and_falls_to_zero(batches: train.Batches) -> None:
    """Whatever the epoch with which a training begins: one that was interrupted goes on with the rate it had."""
    recipe = RECIPES["quick_cnn"] | {"epochs": 10, "batch_size": 16, "warmup": 0.2, "learning_rate": 0.01}
    model = networks.build("quick_cnn")
    train.compile_model(model, recipe)
    rates = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            rates.append(float(self.model.optimizer.learning_rate))

    for begin, end in ((0, 4), (4, 10)):
        model.fit(
            batches.dataset(),
            initial_epoch=begin,
            epochs=end,
            callbacks=[train.LearningRate(recipe, len(batches)), Watch()],
            verbose=0,
        )
    assert len(rates) == 40
    assert rates[0] == pytest.approx(0.0005)
    assert rates[8] == pytest.approx(0.01)
    assert rates[24] == pytest.approx(0.005)
    assert rates == [*sorted(rates[:9]), *sorted(rates[9:], reverse=True)]
    assert rates[-1] == pytest.approx(train.learning_rate_at(39, 40, recipe))
    assert train.learning_rate_at(40, 40, recipe) == pytest.approx(0)
    constant = RECIPES["conv_pool_conv_pool_one_dropout"]
    assert {train.learning_rate_at(step, 40, constant) for step in range(40)} == {0.001}
