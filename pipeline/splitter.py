"""Train the splitter, which marks where digits touch.

    python -m pipeline.splitter

Reads data/prepared/train.npz; writes models/splitter.tflite. What the splitter learns from is in split_targets.py.
"""

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from pipeline.common import params, paths
from pipeline.common.stage import run
from pipeline.labels import split_targets
from pipeline.learning.prefetch import in_background
from pipeline.reader.split import ROWS, WINDOW
from pipeline.synthetic.digit_forms import add_drawn_digits
from pipeline.synthetic.page import map_pages

BATCH = 32
# Splits are few among the pixels of a component, and one that is missed is worse than one too many.
SPLIT_WEIGHT = 4.0
# A pixel of a crop, 0 to 255, is ink from this share of ink in it.
INKED = 40


def splitter() -> None:
    """Train the splitter on pages written with training digits."""
    settings = params.load("base", "splitter")
    images, labels = paths.read_split("train")
    model = train(
        images,
        labels,
        seed=settings["base"].whole_number("seed", 0, 2**31),
        epochs=settings["splitter"].whole_number("epochs", 1, 1000),
        pages=settings["splitter"].whole_number("pages", 10, 1_000_000),
    )
    paths.MODELS.mkdir(exist_ok=True)
    model.export(paths.SPLITTER_MODEL, format="litert", verbose=False)


def train(images: np.ndarray, labels: np.ndarray, seed: int, epochs: int, pages: int) -> keras.Model:
    """Train the splitter.

    Args:
        images: uint8 N×28×28 of training digits, ink bright on 0.
        labels: N integers from 0 to 9.
        seed: Decides pages, weights and order; on one machine it gives equal networks.
        epochs: Times to go through the examples.
        pages: Number of pages from which components are taken.

    Returns:
        A model of float32 N×48×128×1 from 0 to 1 in and log odds of that form out.
    """
    found = map_pages(split_targets.examples, *add_drawn_digits(images, labels, seed), pages, seed)
    examples = [example for page in found for example in page]
    rng = np.random.default_rng(seed)
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    model = network()
    steps = epochs * -(-len(split_targets.windows(examples, rng)[0]) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(1e-4, steps, warmup_target=4e-3, warmup_steps=steps // 5)
    # XLA, which Keras would choose by itself, makes convolutions on CPUs slower.
    model.compile(keras.optimizers.AdamW(rate), loss_on_ink, jit_compile=False)
    for _ in tqdm(range(epochs), unit="epoch", disable=None):
        model.fit(batches(*split_targets.windows(examples, rng), rng), shuffle=False, verbose=0)
    return model


def batches(crops: np.ndarray, truths: np.ndarray, rng: np.random.Generator) -> tf.data.Dataset:
    """One epoch in random order: crops, float32 N×48×128×1 from 0 to 1, and what `loss_on_ink` takes as truth.

    crops, truths: uint8 N×48×128×1, as `split_targets.windows` makes them.
    """
    order = rng.permutation(len(crops))

    def batch(number: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = order[number * BATCH : (number + 1) * BATCH]
        inked = np.concatenate([truths[chosen], crops[chosen] > INKED], axis=-1)
        return crops[chosen].astype(np.float32) / 255, inked.astype(np.float32)

    specs = [tf.TensorSpec((None, ROWS, WINDOW, channels), tf.float32) for channels in (1, 2)]
    return in_background(batch, -(-len(order) // BATCH), specs)


def loss_on_ink(truth: tf.Tensor, log_odds: tf.Tensor) -> tf.Tensor:
    """Weighted cross-entropy over the pixels that are ink.

    truth: N×H×W×2, 1 on splits and 1 on ink.
    """
    split, ink = truth[..., :1], truth[..., 1:]
    error = tf.nn.weighted_cross_entropy_with_logits(split, log_odds, SPLIT_WEIGHT)
    return tf.reduce_sum(error * ink) / (tf.reduce_sum(ink) + 1)


def network() -> keras.Model:
    """A small U-Net (Ronneberger, Fischer and Brox 2015) that begins and ends at half resolution."""
    layers = keras.layers

    def convolve(
        x: keras.KerasTensor, filters: int, strides: int = 1, dilation: int = 1
    ) -> keras.KerasTensor:
        x = layers.Conv2D(
            filters, 3, strides=strides, padding="same", dilation_rate=dilation, use_bias=False
        )(x)
        return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))

    crop = keras.Input((ROWS, WINDOW, 1))
    half = convolve(convolve(crop, 24, strides=2), 24)
    quarter = convolve(convolve(half, 48, strides=2), 48)
    eighth = convolve(convolve(convolve(quarter, 72, strides=2), 72), 72, dilation=2)
    up = convolve(layers.Concatenate()([layers.UpSampling2D()(eighth), quarter]), 48)
    up = convolve(layers.Concatenate()([layers.UpSampling2D()(up), half]), 24)
    return keras.Model(crop, layers.Conv2DTranspose(1, 4, strides=2, padding="same")(up))


if __name__ == "__main__":
    run(splitter)
