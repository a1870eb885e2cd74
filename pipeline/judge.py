"""Train the judge, which tells whole digits from everything else that ink can be.

    python -m pipeline.judge

Reads data/prepared/train.npz and models/cutter.tflite; writes models/judge.tflite. What the judge learns from is in whole_digit.py.
"""

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from pipeline import files, params
from pipeline.reader.reader import NO_DIGIT
from pipeline.stage import run
from pipeline.whole_digit import distort, examples

BATCH = 128


def judge() -> None:
    """Train the judge on pages written with training digits."""
    settings = params.load("base", "judge")
    images, labels = files.read_split("train")
    model = train(
        images,
        labels,
        seed=settings["base"].whole_number("seed", 0, 2**31),
        epochs=settings["judge"].whole_number("epochs", 1, 1000),
        pages=settings["judge"].whole_number("pages", 10, 1_000_000),
        cutter=files.read_bytes(files.CUTTER_MODEL),
    )
    files.MODELS.mkdir(exist_ok=True)
    model.export(files.JUDGE_MODEL, format="litert", verbose=False)


def train(
    images: np.ndarray, labels: np.ndarray, seed: int, epochs: int, pages: int, cutter: bytes
) -> keras.Model:
    """Train the judge.

    Args:
        images: uint8 N×28×28 of training digits, ink bright on 0.
        labels: N integers from 0 to 9.
        seed: Decides pages, letters, weights and distortions; on one machine it gives equal networks.
        epochs: Times to go through the examples.
        pages: Number of pages from which candidates are cut.
        cutter: The model that parts digits that touch.

    Returns:
        A model of float32 N×28×28×1 from 0 to 1 in and N×11 probabilities out, the last of no whole digit.
    """
    views, truths = examples(images, labels, seed, pages, cutter)
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    model = network()
    steps = epochs * -(-len(views) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(1e-4, steps, warmup_target=2e-3, warmup_steps=steps // 5)
    # XLA, which Keras would choose by itself, makes convolutions on CPUs slower.
    model.compile(keras.optimizers.AdamW(rate), "sparse_categorical_crossentropy", jit_compile=False)
    rng = np.random.default_rng(seed)
    for _ in tqdm(range(epochs), unit="epoch", disable=None):
        distorted = np.stack([distort(view, rng) for view in views])
        model.fit(distorted[..., None].astype(np.float32) / 255, truths, BATCH, verbose=0)
    return model


def network() -> keras.Model:
    """A small CNN: the judge looks at every candidate, of which there are two to a digit."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.BatchNormalization(momentum=0.9),
            layers.Conv2D(32, 3, activation="relu"),
            layers.BatchNormalization(momentum=0.9),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.BatchNormalization(momentum=0.9),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(128, activation="relu"),
            layers.BatchNormalization(momentum=0.9),
            layers.Dropout(0.3),
            layers.Dense(NO_DIGIT + 1, activation="softmax"),
        ]
    )


if __name__ == "__main__":
    run(judge)
