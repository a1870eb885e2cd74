"""Train the verifier, which tells whole digits from everything else that ink can be.

    python -m pipeline.verifier

Reads data/prepared/{train,candidates}.npz and models/splitter.tflite; writes models/verifier.keras. What the verifier
learns from is in labels/verifier_examples.py; corrections it learns afterwards, in the stage `corrections`, which
exports it.
"""

import keras
import tensorflow as tf

from pipeline.common import params, paths
from pipeline.common.stage import run
from pipeline.labels.verifier_examples import examples
from pipeline.learning.verifier_training import learn, network
from pipeline.reader.split import Splitter


def verifier() -> None:
    """Train the verifier on candidates from generated pages."""
    settings = params.load("base", "verifier")
    seed = settings["base"].whole_number("seed", 0, 2**31)
    _, crops, truths = paths.read_candidates()
    splitter = Splitter(paths.read_bytes(paths.SPLITTER_MODEL))
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    model = network()
    learn(
        model,
        *examples(*paths.read_split("train"), crops, truths, splitter, seed),
        epochs=settings["verifier"].whole_number("epochs", 1, 1000),
        seed=seed,
    )
    paths.MODELS.mkdir(exist_ok=True)
    model.save(paths.VERIFIER_KERAS)


if __name__ == "__main__":
    run(verifier)
