"""The networks: the splitter's, the verifier's, and those for digits that `train.architecture` chooses from.

A network for digits is an uncompiled `keras.Sequential` from float32 N×28×28×1 in 0..1 (ink bright on 0) to float32
N×10 class probabilities. To add one, write a function here and a recipe of the same name in params.yaml.
"""

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import layers

CLASSES = 10
# Of the running mean and variance: at Keras's 0.99 they lag behind the weights for hundreds of steps.
MOMENTUM = 0.9


def splitter(rows: int, columns: int) -> keras.Model:
    """A small U-Net (Ronneberger, Fischer and Brox 2015) that begins and ends at half resolution.

    It takes float32 N×rows×columns×1, the share of ink from 0 to 1, and gives log odds of that form that digits touch.
    """

    def convolve(
        x: keras.KerasTensor, filters: int, strides: int = 1, dilation: int = 1
    ) -> keras.KerasTensor:
        x = layers.Conv2D(
            filters, 3, strides=strides, padding="same", dilation_rate=dilation, use_bias=False
        )(x)
        return layers.ReLU()(layers.BatchNormalization(momentum=MOMENTUM)(x))

    crop = keras.Input((rows, columns, 1))
    half = convolve(convolve(crop, 24, strides=2), 24)
    quarter = convolve(convolve(half, 48, strides=2), 48)
    eighth = convolve(convolve(convolve(quarter, 72, strides=2), 72), 72, dilation=2)
    up = convolve(layers.Concatenate()([layers.UpSampling2D()(eighth), quarter]), 48)
    up = convolve(layers.Concatenate()([layers.UpSampling2D()(up), half]), 24)
    return keras.Model(crop, layers.Conv2DTranspose(1, 4, strides=2, padding="same")(up))


def loss_on_ink(split_weight: float) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """The splitter's loss: cross-entropy over the pixels that are ink, in which splits have a weight.

    It takes the truth, N×H×W×2, 1 on splits and 1 on ink, and log odds, N×H×W×1.
    """

    def loss(truth: tf.Tensor, log_odds: tf.Tensor) -> tf.Tensor:
        split, ink = truth[..., :1], truth[..., 1:]
        error = tf.nn.weighted_cross_entropy_with_logits(split, log_odds, split_weight)
        return tf.reduce_sum(error * ink) / (tf.reduce_sum(ink) + 1)

    return loss


def verifier(side: int, classes: int) -> keras.Model:
    """A small CNN of two branches, one for each crop: it looks at every candidate, of which there are two to a digit.

    It takes float32 N×side×side×2 from 0 to 1, near and context crop, and gives N×classes probabilities. The context's
    branch is the smaller one: that crop has to tell where the candidate stands, not what it is.
    """
    crops = keras.Input((side, side, 2))
    near = keras.Sequential(
        [
            *_convolve(32, 6, strides=2),
            *_convolve(64, 3),
            *_convolve(64, 3),
            layers.MaxPooling2D(),
            *_convolve(128, 3, padding="same"),
            *_convolve(128, 3),
            layers.Flatten(),
        ]
    )
    context = keras.Sequential(
        [
            *_convolve(16, 6, strides=2),
            *_convolve(32, 3),
            layers.MaxPooling2D(),
            *_convolve(32, 3),
            layers.Flatten(),
        ]
    )
    seen = layers.concatenate([near(crops[..., :1]), context(crops[..., 1:])])
    hidden = layers.Dense(128, use_bias=False)(layers.Dropout(0.3)(seen))
    hidden = layers.ReLU()(layers.BatchNormalization(momentum=MOMENTUM)(hidden))
    return keras.Model(crops, layers.Dense(classes, activation="softmax")(layers.Dropout(0.3)(hidden)))


def batchnorm_cnn() -> keras.Sequential:
    """The project's own network: five batch-normalised convolutions."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            *_convolve(32, 6, strides=2),
            *_convolve(64, 3),
            *_convolve(64, 3, pooled=True),
            *_convolve(112, 3, padding="same"),
            *_convolve(112, 3),
            layers.Flatten(),
            layers.Dropout(0.25),
            layers.Dense(CLASSES, activation="softmax"),
        ],
        name="batchnorm_cnn",
    )


def quick_cnn() -> keras.Sequential:
    """Three convolutions and a dense layer, a batch in a third of the time: for a first look or a slow machine."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            *_convolve(16, 6, strides=2),
            *_convolve(32, 3, pooled=True),
            *_convolve(64, 3),
            layers.Dropout(0.1),
            layers.Flatten(),
            layers.Dense(64, use_bias=False),
            layers.BatchNormalization(momentum=MOMENTUM),
            layers.ReLU(),
            layers.Dropout(0.2),
            layers.Dense(CLASSES, activation="softmax"),
        ],
        name="quick_cnn",
    )


def _convolve(
    filters: int, size: int, strides: int = 1, padding: str = "valid", pooled: bool = False
) -> list[keras.Layer]:
    """A batch-normalised convolution.

    Mostly without padding, as MNIST's margin is empty. The first one takes every second place only: it sees as much
    as one of 5×5 and the pooling after it would, for two thirds of the training time. Pooling stands before batch
    normalisation, which then has a quarter of the values to go through.
    """
    # Batch normalisation brings its own offset, so a bias before it would be a second one.
    convolution = layers.Conv2D(filters, size, strides=strides, padding=padding, use_bias=False)
    pooling = [layers.MaxPooling2D()] if pooled else []
    return [convolution, *pooling, layers.BatchNormalization(momentum=MOMENTUM), layers.ReLU()]


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
