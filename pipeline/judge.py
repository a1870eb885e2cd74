"""Train the judge, which tells whole digits from everything else that ink can be.

    python -m pipeline.judge

Reads data/prepared/{train,candidates}.npz and models/cutter.tflite; writes models/judge.keras. What the judge learns
from is in whole_digit.py; what people corrected it learns afterwards, in `corrections`, which exports it.
"""

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from pipeline import files, params
from pipeline.batches import in_background
from pipeline.muon import Muon
from pipeline.reader.cut import Cutter
from pipeline.reader.normalize import SIDE
from pipeline.reader.views import NO_DIGIT
from pipeline.stage import run
from pipeline.whole_digit import distort, examples

BATCH = 256
# Learning rate at its highest, and the share of all steps by which it is reached.
RATE, WARMUP = 1e-2, 0.2


def judge() -> None:
    """Train the judge on candidates from generated pages."""
    settings = params.load("base", "judge")
    seed = settings["base"].whole_number("seed", 0, 2**31)
    _, views, truths = files.read_candidates()
    cutter = Cutter(files.read_bytes(files.CUTTER_MODEL))
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    model = network()
    learn(
        model,
        *examples(*files.read_split("train"), views, truths, cutter, seed),
        epochs=settings["judge"].whole_number("epochs", 1, 1000),
        seed=seed,
    )
    files.MODELS.mkdir(exist_ok=True)
    model.save(files.JUDGE_KERAS)


def network() -> keras.Model:
    """A small CNN of two branches, one for each view: it looks at every candidate, of which there are two to a digit.

    Its first convolutions stride, as that of the digits' network does and for the same reason. The far view's branch
    is the smaller one: that view has to tell where the candidate stands, not what it is.
    """
    layers = keras.layers

    def convolve(filters: int, size: int, strides: int = 1, padding: str = "valid") -> list[keras.Layer]:
        convolution = layers.Conv2D(filters, size, strides=strides, padding=padding, use_bias=False)
        return [convolution, layers.BatchNormalization(momentum=0.9), layers.ReLU()]

    views = keras.Input((SIDE, SIDE, 2))
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
    seen = layers.concatenate([near(views[..., :1]), far(views[..., 1:])])
    hidden = layers.Dense(128, use_bias=False)(layers.Dropout(0.3)(seen))
    hidden = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(hidden))
    decided = layers.Dense(NO_DIGIT + 1, activation="softmax")(layers.Dropout(0.3)(hidden))
    return keras.Model(views, decided)


def learn(
    model: keras.Model, views: np.ndarray, truths: np.ndarray, epochs: int, seed: int, rate: float = RATE
) -> None:
    """Train the judge; each view is distorted anew each time.

    Args:
        model: float32 N×28×28×2 from 0 to 1 in, N×11 probabilities out, the last of no whole digit.
        views: uint8 N×28×28×2, near and far.
        truths: N integers, 0 to 10.
        epochs: Times to go through the views.
        seed: Decides the distortions.
        rate: Learning rate at its highest.
    """
    steps = epochs * -(-len(views) // BATCH)
    schedule = keras.optimizers.schedules.CosineDecay(
        rate / 20, steps - int(WARMUP * steps), warmup_target=rate, warmup_steps=int(WARMUP * steps)
    )
    # XLA, which Keras would choose by itself, makes convolutions on CPUs slower.
    optimizer = Muon(model.layers[-1], schedule, weight_decay=0.01)
    model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
    rng = np.random.default_rng(seed)
    for _ in tqdm(range(epochs), unit="epoch", disable=None):
        model.fit(batches(views, truths, rng), shuffle=False, verbose=0)


def batches(views: np.ndarray, truths: np.ndarray, rng: np.random.Generator) -> tf.data.Dataset:
    """All views once, shuffled and distorted, in batches: float32 of 0 to 1 and their truths."""
    order = rng.permutation(len(views))

    def batch(number: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = order[number * BATCH : (number + 1) * BATCH]
        distorted = np.stack([distort(view, rng) for view in views[chosen]])
        return distorted.astype(np.float32) / 255, truths[chosen]

    seen = tf.TensorSpec((None, *views.shape[1:]), tf.float32)
    return in_background(batch, -(-len(views) // BATCH), (seen, tf.TensorSpec((None,), truths.dtype)))


if __name__ == "__main__":
    run(judge)
