"""Train the verifier, which tells whole digits from everything else that ink can be.

    python -m pipeline.verifier

Reads data/prepared/{train,candidates}.npz and models/splitter.tflite; writes models/verifier.keras. What the verifier
learns from is in labels/verifier_examples.py; corrections it learns afterwards, in the stage `corrections`, which
exports it.
"""

from pipeline.common import params, paths
from pipeline.common.stage import run
from pipeline.labels.verifier_examples import add_examples
from pipeline.learning import networks, trainer
from pipeline.learning.crop_batches import CropBatches
from pipeline.learning.saving import save_as_keras
from pipeline.reader.crops import NO_DIGIT
from pipeline.reader.normalize import SIDE
from pipeline.reader.split import Splitter


def verifier() -> None:
    """Train the verifier on candidates from generated pages."""
    settings, seed = params.read(params.Verifier, "verifier"), params.read(params.Base, "base").seed
    _, crops, truths = paths.read_candidates()
    splitter = Splitter(paths.read_bytes(paths.SPLITTER_MODEL))
    crops, truths = add_examples(*paths.read_split("train"), crops, truths, splitter, settings.mixture, seed)
    trainer.make_repeatable(seed)
    model = networks.verifier(SIDE, NO_DIGIT + 1)
    trainer.compile_model(model, settings, "sparse_categorical_crossentropy")
    trainer.fit(model, CropBatches(crops, truths, settings, seed), settings)
    # Without the optimizer, which is as large as the network and which only this project could load.
    trained = networks.verifier(SIDE, NO_DIGIT + 1)
    trained.set_weights(model.get_weights())
    save_as_keras(trained, paths.VERIFIER_KERAS)


if __name__ == "__main__":
    run(verifier)
