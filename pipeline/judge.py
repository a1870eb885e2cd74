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
from pipeline.reader.cut import Cutter
from pipeline.reader.views import NO_DIGIT
from pipeline.stage import run
from pipeline.whole_digit import distort, examples

BATCH = 128
# Learning rate at its highest, and the share of all steps by which it is reached.
RATE, WARMUP = 2e-3, 0.2


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
    """A small CNN: the judge looks at every candidate, of which there are two to a digit.

    Its first convolution strides, as that of the digits' network does and for the same reason.
    """
    layers = keras.layers

    def convolve(filters: int, size: int, strides: int = 1) -> list[keras.Layer]:
        convolution = layers.Conv2D(filters, size, strides=strides, use_bias=False)
        return [convolution, layers.BatchNormalization(momentum=0.9), layers.ReLU()]

    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            *convolve(32, 6, strides=2),
            *convolve(40, 3),
            *convolve(80, 3),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(128, use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Dropout(0.3),
            layers.Dense(NO_DIGIT + 1, activation="softmax"),
        ]
    )


def learn(
    model: keras.Model, views: np.ndarray, truths: np.ndarray, epochs: int, seed: int, rate: float = RATE
) -> None:
    """Train the judge; each view is distorted anew each time.

    Args:
        model: float32 N×28×28×1 from 0 to 1 in, N×11 probabilities out, the last of no whole digit.
        views: uint8 N×28×28.
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
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.01)
    model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
    rng = np.random.default_rng(seed)
    for _ in tqdm(range(epochs), unit="epoch", disable=None):
        distorted = np.stack([distort(view, rng) for view in views])
        model.fit(distorted[..., None].astype(np.float32) / 255, truths, BATCH, verbose=0)


if __name__ == "__main__":
    run(judge)
