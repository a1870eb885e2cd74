"""The convolutional networks (CNNs) that `train.architecture` in params.yaml chooses from, by function name.

Each function builds an uncompiled `keras.Sequential` from float32 N×28×28×1 in 0..1 (ink bright on 0) to float32
N×10 class probabilities. To add one, write a function here and a recipe of the same name in params.yaml.
"""

from collections.abc import Callable

import keras
from keras import layers

CLASSES = 10
# Of the running mean and variance: at Keras's 0.99 they lag behind the weights for hundreds of steps.
MOMENTUM = 0.9


def batchnorm_cnn() -> keras.Sequential:
    """The project's own network: three batch-normalised convolutions and a dense layer."""
    return _batchnorm_cnn("batchnorm_cnn", filters=(32, 64, 128), units=128, dropout=(0.1, 0.25))


def quick_cnn() -> keras.Sequential:
    """The same with half the filters, a batch in half the time: for a first look or a slow machine."""
    return _batchnorm_cnn("quick_cnn", filters=(16, 32, 64), units=64, dropout=(0.1, 0.2))


def _batchnorm_cnn(
    name: str, filters: tuple[int, int, int], units: int, dropout: tuple[float, float]
) -> keras.Sequential:
    """Convolutions of so many filters, a dense layer of so many units, and the dropout before and after it.

    No padding, as MNIST's margin is empty. The first convolution takes every second place only: it sees as much as
    one of 5×5 and the pooling after it would, for two thirds of the training time. The other pooling stands before
    batch normalisation, which then has a quarter of the values to go through.
    """
    # Batch normalisation brings its own offset, so a bias before it would be a second one.
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(filters[0], 6, strides=2, use_bias=False),
            layers.BatchNormalization(momentum=MOMENTUM),
            layers.ReLU(),
            layers.Conv2D(filters[1], 3, use_bias=False),
            layers.MaxPooling2D(),
            layers.BatchNormalization(momentum=MOMENTUM),
            layers.ReLU(),
            layers.Conv2D(filters[2], 3, use_bias=False),
            layers.BatchNormalization(momentum=MOMENTUM),
            layers.ReLU(),
            layers.Dropout(dropout[0]),
            layers.Flatten(),
            layers.Dense(units, use_bias=False),
            layers.BatchNormalization(momentum=MOMENTUM),
            layers.ReLU(),
            layers.Dropout(dropout[1]),
            layers.Dense(CLASSES, activation="softmax"),
        ],
        name=name,
    )


def conv_pool_conv_pool_three_dropouts() -> keras.Sequential:
    """conv32–pool–drop.25–conv64–pool–drop.25–dense128–drop.5, the most copied MNIST network."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(CLASSES, activation="softmax"),
        ],
        name="conv_pool_conv_pool_three_dropouts",
    )


def conv_pool_conv_pool_one_dropout() -> keras.Sequential:
    """conv32–pool–conv64–pool–dense128–drop.2."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(CLASSES, activation="softmax"),
        ],
        name="conv_pool_conv_pool_one_dropout",
    )


def conv_conv_pool_two_dropouts() -> keras.Sequential:
    """conv32–conv64–pool–drop.25–dense128–drop.5, Keras's own early MNIST example."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(CLASSES, activation="softmax"),
        ],
        name="conv_conv_pool_two_dropouts",
    )


ARCHITECTURES: dict[str, Callable[[], keras.Sequential]] = {
    function.__name__: function
    for function in (
        batchnorm_cnn,
        quick_cnn,
        conv_pool_conv_pool_three_dropouts,
        conv_pool_conv_pool_one_dropout,
        conv_conv_pool_two_dropouts,
    )
}


def build(name: str) -> keras.Sequential:
    """The network called `name`, with fresh weights.

    Raises:
        ValueError: there is no such network; the message lists those there are.
    """
    if name not in ARCHITECTURES:
        raise ValueError(
            f"train.architecture: there is no {name!r}; choose one of {', '.join(ARCHITECTURES)}"
        )
    return ARCHITECTURES[name]()
