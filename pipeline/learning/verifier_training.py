"""The verifier's network, and how it learns."""

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from pipeline.labels.verifier_examples import distort
from pipeline.learning.muon import Muon
from pipeline.learning.prefetch import in_background
from pipeline.reader.crops import NO_DIGIT
from pipeline.reader.normalize import SIDE

BATCH = 256
# Learning rate at its highest, and the share of all steps by which it is reached.
RATE, WARMUP = 1e-2, 0.2


def network() -> keras.Model:
    """A small CNN of two branches, one for each crop: it looks at every candidate, of which there are two to a digit.

    Its first convolutions stride, as that of the digits' network does and for the same reason. The far crop's branch
    is the smaller one: that crop has to tell where the candidate stands, not what it is.
    """
    layers = keras.layers

    def convolve(filters: int, size: int, strides: int = 1, padding: str = "valid") -> list[keras.Layer]:
        convolution = layers.Conv2D(filters, size, strides=strides, padding=padding, use_bias=False)
        return [convolution, layers.BatchNormalization(momentum=0.9), layers.ReLU()]

    crops = keras.Input((SIDE, SIDE, 2))
    near = keras.Sequential(
        [
            *convolve(32, 6, strides=2),
            *convolve(64, 3),
            *convolve(64, 3),
            layers.MaxPooling2D(),
            *convolve(128, 3, padding="same"),
            *convolve(128, 3),
            layers.Flatten(),
        ]
    )
    far = keras.Sequential(
        [
            *convolve(16, 6, strides=2),
            *convolve(32, 3),
            layers.MaxPooling2D(),
            *convolve(32, 3),
            layers.Flatten(),
        ]
    )
    seen = layers.concatenate([near(crops[..., :1]), far(crops[..., 1:])])
    hidden = layers.Dense(128, use_bias=False)(layers.Dropout(0.3)(seen))
    hidden = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(hidden))
    decided = layers.Dense(NO_DIGIT + 1, activation="softmax")(layers.Dropout(0.3)(hidden))
    return keras.Model(crops, decided)


def learn(
    model: keras.Model, crops: np.ndarray, truths: np.ndarray, epochs: int, seed: int, rate: float = RATE
) -> None:
    """Train the verifier; each crop is distorted anew each time.

    Args:
        model: float32 N×28×28×2 from 0 to 1 in, N×11 probabilities out, the last of no whole digit.
        crops: uint8 N×28×28×2, near and far.
        truths: N integers, 0 to 10.
        epochs: Times to go through the crops.
        seed: Decides the distortions.
        rate: Learning rate at its highest.
    """
    steps = epochs * -(-len(crops) // BATCH)
    schedule = keras.optimizers.schedules.CosineDecay(
        rate / 20, steps - int(WARMUP * steps), warmup_target=rate, warmup_steps=int(WARMUP * steps)
    )
    # XLA, which Keras would choose by itself, makes convolutions on CPUs slower.
    optimizer = Muon(model.layers[-1], schedule, weight_decay=0.01)
    model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
    rng = np.random.default_rng(seed)
    for _ in tqdm(range(epochs), unit="epoch", disable=None):
        model.fit(batches(crops, truths, rng), shuffle=False, verbose=0)


def batches(crops: np.ndarray, truths: np.ndarray, rng: np.random.Generator) -> tf.data.Dataset:
    """All crops once, shuffled and distorted, in batches: float32 of 0 to 1 and their truths."""
    order = rng.permutation(len(crops))

    def batch(number: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = order[number * BATCH : (number + 1) * BATCH]
        distorted = np.stack([distort(crop, rng) for crop in crops[chosen]])
        return distorted.astype(np.float32) / 255, truths[chosen]

    seen = tf.TensorSpec((None, *crops.shape[1:]), tf.float32)
    return in_background(batch, -(-len(crops) // BATCH), (seen, tf.TensorSpec((None,), truths.dtype)))
