"""Train the CNN that params.yaml names, and export it.

    python -m pipeline.train

Reads data/prepared/{train,validation,candidates,corrections}.npz; writes models/digits.{keras,h5,tflite},
models/training.json and reports/training/history.csv. Metrics reach MLflow after each epoch. A training that was
killed goes on after its last whole epoch, to the same weights as if it had never stopped; after finishing, the same
code, parameters, data and machine give the same files, byte for byte.
"""

import hashlib
import json
import logging
import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import mlflow
import numpy as np
import pandas as pd
import tensorflow as tf

from pipeline.common import params, paths
from pipeline.common.stage import StageError, run
from pipeline.learning import distribute, networks, trainer
from pipeline.learning.callbacks import Backup, DropoutSeed, Report
from pipeline.learning.digit_batches import DigitBatches
from pipeline.learning.saving import save_as_keras
from pipeline.registry import tracking

BACKUP = paths.MODELS / "backup"
# What the weights depend on besides parameters and data.
CODE = (
    "learning/augment.py",
    "learning/callbacks.py",
    "learning/digit_batches.py",
    "learning/distribute.py",
    "learning/muon.py",
    "learning/networks.py",
    "learning/prefetch.py",
    "learning/saving.py",
    "learning/trainer.py",
    "train.py",
)


def train() -> None:
    """Train `train.architecture` by its recipe."""
    architecture = params.read(params.Train, "train").architecture
    seed = params.read(params.Base, "base").seed
    weight = params.read(params.Feedback, "feedback").weight
    strategy = distribute.strategy()
    with strategy.scope():
        model = build(architecture, seed)
    recipe = params.read(params.Recipe, "recipes", architecture)
    replicas = strategy.num_replicas_in_sync
    batches = training_batches(recipe, weight, seed, replicas)
    validation = DigitBatches(*paths.read_split("validation"), size=500, seed=seed)

    digest = training_digest(seed, architecture, recipe, weight, replicas)
    backup = begin_backup(digest)
    with strategy.scope():
        model = distribute.fitted(model, batches.batch(0))
        compile_model(model, recipe)
        # Machines that were stopped at different epochs could not go on together.
        first_epoch = 0 if distribute.several_machines() else backup.restore(model, len(batches))
    if first_epoch:
        print(f"Going on after epoch {first_epoch} of a training that was interrupted.")
    with tracked(digest, architecture) as log_epoch:
        log = backup.folder / "history.csv"
        trainer.fit(
            model,
            batches,
            recipe,
            validation=validation,
            first_epoch=first_epoch,
            callbacks=[
                DropoutSeed(seed),
                keras.callbacks.CSVLogger(log, append=True),
                Report(log_epoch),
                backup,
            ],
            precision=np.float64,
        )
        # Without the optimizer, which is as large as the network and which only this project could load.
        trained = networks.build(architecture)
        trained.set_weights(distribute.weights(model, strategy))
        export(trained)
        write_history(log)
        write_summary(trained, digest, architecture, recipe)
    shutil.rmtree(backup.folder)


def build(architecture: str, seed: int) -> keras.Sequential:
    """The named network with weights that follow from `seed`."""
    trainer.make_repeatable(seed)
    try:
        return networks.build(architecture)
    except ValueError as error:
        raise StageError(f"params.yaml: {error}") from None


def training_batches(recipe: params.Recipe, weight: int, seed: int, replicas: int) -> DigitBatches:
    """What an epoch holds: MNIST's digits, `weight` times those that people corrected, and digits of pages.

    Each is distorted anew.
    """
    images, labels = paths.read_split("train")
    corrected, theirs = paths.read_split("corrections")
    return DigitBatches(
        np.concatenate([images, np.repeat(corrected, weight, axis=0)]),
        np.concatenate([labels, np.repeat(theirs, weight)]),
        recipe.batch_size,
        seed,
        recipe.augmentation,
        more=digits_of_pages(),
        share=recipe.from_pages,
        smallest=replicas,
    )


def digits_of_pages() -> tuple[np.ndarray, np.ndarray]:
    """Digits that the reader cut out of generated pages, as MNIST shows them, and their values."""
    images, _, truths = paths.read_candidates()
    is_digit = truths < networks.CLASSES
    return images[is_digit], truths[is_digit]


def compile_model(model: keras.Model, recipe: params.Recipe) -> None:
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)
    trainer.compile_model(model, recipe, loss, metrics=["accuracy"])


def training_digest(seed: int, architecture: str, recipe: params.Recipe, weight: int, replicas: int) -> str:
    """What the weights follow from, as one SHA-256: parameters, data, code, library versions and replicas."""
    facts = {
        "seed": seed,
        "architecture": architecture,
        "recipe": recipe.model_dump(),
        "data": [
            tracking.file_digest(path)
            for path in (*map(paths.split_path, ("train", "validation", "corrections")), paths.CANDIDATES)
        ],
        "weight of corrections": weight,
        "replicas": replicas,
        "code": [tracking.file_digest(Path(__file__).parent / name) for name in CODE],
        "libraries": libraries(),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def libraries() -> dict[str, str]:
    return {"tensorflow": tf.__version__, "keras": keras.__version__, "numpy": np.__version__}


def begin_backup(digest: str) -> Backup:
    """The backup of this training; those with other parameters, data or code go: nothing would ever go on from them."""
    backup = Backup(BACKUP / digest[:16])
    for folder in BACKUP.glob("*/"):
        if folder != backup.folder:
            shutil.rmtree(folder)
    return backup


@contextmanager
def tracked(digest: str, architecture: str) -> Iterator[Callable[[int, dict[str, float]], None]]:
    """The run of this training in MLflow, and what logs an epoch to it; of several machines the first alone does."""
    if not distribute.is_chief():
        yield lambda epoch, metrics: None
        return
    tracking.connect()
    with tracking.reachable(), tracking.training_run(digest, architecture):
        git = tracking.git_state()
        mlflow.set_tags(
            {"git.commit": git["commit"], "git.clean": git["clean"], "machine": platform.platform()}
        )
        yield tracking.log_epoch


def write_history(log: Path) -> None:
    """Copy the epochs' metrics to where the reports are, each epoch once.

    An epoch stands there twice if the training was killed after it was logged and before it was backed up.
    """
    history = pd.read_csv(log).drop_duplicates("epoch", keep="last")
    history["epoch"] += 1
    paths.HISTORY.parent.mkdir(parents=True, exist_ok=True)
    history.to_csv(paths.HISTORY, index=False)


def export(model: keras.Model) -> None:
    """Write the model as Keras, as HDF5 and, for use, as LiteRT."""
    save_as_keras(model, paths.KERAS_MODEL)
    # HDF5 is an old format, says Keras; we know, and so do its users.
    logging.getLogger("absl").setLevel(logging.ERROR)
    model.save(paths.HDF5_MODEL)
    model.export(paths.LITERT_MODEL, format="litert", verbose=False)


def write_summary(model: keras.Model, digest: str, architecture: str, recipe: params.Recipe) -> None:
    """Write what a reader of models/ or the registry wants to know about the training."""
    summary: dict[str, Any] = {
        "digest": digest,
        "architecture": architecture,
        "parameters": model.count_params(),
        "recipe": recipe.model_dump(),
        "libraries": libraries(),
    }
    paths.write_json(paths.TRAINING, summary)


if __name__ == "__main__":
    run(train)
