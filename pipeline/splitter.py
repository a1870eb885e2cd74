"""Train the splitter, which marks where digits touch.

    python -m pipeline.splitter

Reads data/prepared/train.npz; writes models/splitter.tflite. What the splitter learns from is in
labels/split_targets.py.
"""

import keras
import numpy as np

from pipeline.common import params, paths
from pipeline.common.stage import run
from pipeline.labels import split_targets
from pipeline.learning import networks, trainer
from pipeline.learning.window_batches import WindowBatches
from pipeline.reader.split import ROWS, WINDOW
from pipeline.synthetic.digit_forms import add_drawn_digits
from pipeline.synthetic.page import map_pages


def splitter() -> None:
    """Train the splitter on pages written with training digits."""
    settings, seed = params.read(params.Splitter, "splitter"), params.read(params.Base, "base").seed
    model = train(*paths.read_split("train"), settings, seed)
    paths.MODELS.mkdir(exist_ok=True)
    model.export(paths.SPLITTER_MODEL, format="litert", verbose=False)


def train(images: np.ndarray, labels: np.ndarray, settings: params.Splitter, seed: int) -> keras.Model:
    """Train the splitter.

    Args:
        images: uint8 N×28×28 of training digits, ink bright on 0.
        labels: N integers from 0 to 9.
        seed: Decides pages, weights and order; on one machine it gives equal networks.

    Returns:
        A model of float32 N×48×128×1 from 0 to 1 in and log odds of that form out.
    """
    digits = add_drawn_digits(images, labels, seed)
    pages = map_pages(split_targets.find_examples, *digits, settings.pages, seed)
    batches = WindowBatches([example for page in pages for example in page], settings.batch_size, seed)
    trainer.make_repeatable(seed)
    model = networks.splitter(ROWS, WINDOW)
    trainer.compile_model(model, settings, networks.loss_on_ink(settings.split_weight))
    trainer.fit(model, batches, settings)
    return model


if __name__ == "__main__":
    run(splitter)
