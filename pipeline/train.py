"""Train the CNN that params.yaml names, and export it.

    python -m pipeline.train

Reads data/prepared/{train,validation,candidates,corrections}.npz; writes models/digits.{keras,h5,tflite},
models/training.json and reports/training/history.csv. Metrics reach MLflow after each epoch. A training that was
killed goes on after its last whole epoch, to the same weights as if it had never stopped; after finishing, the same
code, parameters, data and machine give the same weights, byte for byte.
"""

import hashlib
import json
import logging
import math
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from pipeline.common import params, paths
from pipeline.common.stage import StageError, run
from pipeline.learning import distribute, networks
from pipeline.learning.augment import distort
from pipeline.learning.muon import Muon
from pipeline.learning.prefetch import in_background
from pipeline.registry import tracking

BACKUP = paths.MODELS / "backup"
# What the weights depend on besides parameters and data.
CODE = (
    "learning/augment.py",
    "learning/distribute.py",
    "learning/muon.py",
    "learning/networks.py",
    "learning/prefetch.py",
    "train.py",
)


def train() -> None:
    """Train `train.architecture` by its recipe."""
    settings = params.load("base", "train", "recipes", "feedback")
    seed, architecture = settings["base"].whole_number("seed", 0, 2**31), settings["train"]["architecture"]
    strategy = distribute.strategy()
    with strategy.scope():
        model = build(architecture, seed)
    recipe = check_recipe(params.Block(f"recipes.{architecture}", settings["recipes"][architecture]))
    weight = settings["feedback"].whole_number("weight", 0, 10_000)
    images, labels = with_corrections(weight)
    cut, truths = digits_of_pages()
    replicas = strategy.num_replicas_in_sync
    batches = Batches(images, labels, recipe, seed, more=(cut, truths), smallest=replicas)
    validation = Batches(
        *paths.read_split("validation"),
        recipe | {"augmentation": None, "batch_size": 500, "from_pages": 0},
        seed,
    )

    digest = training_digest(seed, architecture, recipe, weight, replicas)
    backup = BACKUP / digest[:16]
    discard_other_backups(backup)
    with strategy.scope():
        model = distribute.fitted(model, batches.batch(0))
        compile_model(model, recipe)
        first_epoch = restore(model, backup, len(batches))
    with tracked(digest, architecture) as log_epoch:
        model.fit(
            batches.dataset(),
            validation_data=validation.dataset(),
            epochs=recipe["epochs"],
            initial_epoch=first_epoch,
            callbacks=[
                EpochSeed(batches, seed),
                LearningRate(recipe, len(batches)),
                EpochSeconds(),
                keras.callbacks.CSVLogger(backup / "history.csv", append=True),
                keras.callbacks.LambdaCallback(on_epoch_end=log_epoch),
                Backup(backup),
            ],
            shuffle=False,  # Batches shuffles; Keras would do so again, by chance that a backup does not hold
            verbose=1 if sys.stdout.isatty() else 2,
        )
        history = write_history(backup / "history.csv")
        # Without the optimizer, which is as large as the network and which only this project could load.
        trained = networks.build(architecture)
        trained.set_weights(distribute.weights(model, strategy))
        export(trained)
        write_summary(trained, digest, architecture, recipe, history)
    shutil.rmtree(backup)


@contextmanager
def tracked(digest: str, architecture: str) -> Iterator[Callable[[int, dict[str, float]], None]]:
    """The run of this training in MLflow, and what logs an epoch to it; of several machines the first alone does."""
    if not distribute.is_chief():
        yield lambda epoch, metrics: None
        return
    tracking.connect()
    with tracking.reachable(), tracking.training_run(digest, architecture):
        yield tracking.log_epoch


def build(architecture: str, seed: int) -> keras.Sequential:
    """The named network with weights that follow from `seed`, in a TensorFlow that repeats itself bit by bit.

    What the determinism costs is in README.md, under "The same weights again".
    """
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    try:
        return networks.build(architecture)
    except ValueError as error:
        raise StageError(f"params.yaml: {error}") from None


def check_recipe(recipe: params.Block) -> params.Block:
    """Return the recipe, if its numbers are such that a training can begin."""
    recipe.whole_number("epochs", 1, 10_000)
    recipe.whole_number("batch_size", 1, 100_000)
    recipe.number("learning_rate", 1e-9, 10)
    recipe.number("from_pages", 0, 10)
    recipe["augmentation"]  # a missing key is an error that names it
    if recipe["optimizer"] in ("adamw", "muon"):
        recipe.number("weight_decay", 0, 1)
    for key in {"warmup", "label_smoothing"} & recipe.keys():
        recipe.number(key, 0, 0.99)
    return recipe


def with_corrections(weight: int) -> tuple[np.ndarray, np.ndarray]:
    """The training images and labels, and `weight` times those that people corrected; each is distorted anew."""
    images, labels = paths.read_split("train")
    corrected, truths = paths.read_split("corrections")
    return (
        np.concatenate([images, np.repeat(corrected, weight, axis=0)]),
        np.concatenate([labels, np.repeat(truths, weight)]),
    )


def digits_of_pages() -> tuple[np.ndarray, np.ndarray]:
    """Digits that the reader cut out of generated pages, as MNIST shows them, and their values."""
    images, _, truths = paths.read_candidates()
    is_digit = truths < networks.CLASSES
    return images[is_digit], truths[is_digit]


class Batches:
    """Shuffled, distorted batches: float32 B×28×28×1 of 0 to 1, and labels, float32 B×10, 1 for the true class.

    Each epoch has all images and, of `more`, others each time, `from_pages` times as many; a last batch of fewer than
    `smallest` is left out. A batch follows from the seed, the epoch and its index alone, so that a resumed training
    sees what an uninterrupted one would have seen.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        recipe: dict[str, Any],
        seed: int,
        more: tuple[np.ndarray, np.ndarray] | None = None,
        smallest: int = 1,
    ) -> None:
        self._always, self._seed = len(images), seed
        self._images = images if more is None else np.concatenate([images, more[0]])
        labels = labels if more is None else np.concatenate([labels, more[1]])
        self._labels = np.eye(networks.CLASSES, dtype=np.float32)[labels]
        self._more = min(round(recipe["from_pages"] * len(images)), len(self._images) - len(images))
        self._size, self._smallest = recipe["batch_size"], smallest
        self._augmentation = recipe["augmentation"]
        self.begin(0)

    def begin(self, epoch: int) -> None:
        """Choose and shuffle the images of an epoch."""
        self._epoch = epoch
        rng = np.random.default_rng((self._seed, epoch))
        more = self._always + rng.permutation(len(self._images) - self._always)[: self._more]
        self._order = rng.permutation(np.concatenate([np.arange(self._always), more]))

    def __len__(self) -> int:
        whole, rest = divmod(self._always + self._more, self._size)
        return whole + (rest >= self._smallest)

    def dataset(self) -> tf.data.Dataset:
        """The batches of the epoch that has begun."""
        images = tf.TensorSpec((None, *self._images.shape[1:], 1), tf.float32)
        labels = tf.TensorSpec((None, *self._labels.shape[1:]), self._labels.dtype)
        return in_background(self.batch, len(self), (images, labels))

    def batch(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Images and labels of batch `index` of the epoch that has begun."""
        chosen = self._order[index * self._size : (index + 1) * self._size]
        images = self._images[chosen]
        if self._augmentation:
            images = distort(
                images, np.random.default_rng((self._seed, self._epoch, index)), **self._augmentation
            )
        return images[..., np.newaxis].astype(np.float32) / 255, self._labels[chosen]


def compile_model(model: keras.Model, recipe: dict[str, Any]) -> None:
    """Give the model its optimizer and loss; `LearningRate` sets the rate."""
    rate = recipe["learning_rate"]
    optimizers = {
        "adam": lambda: keras.optimizers.Adam(rate),
        "adamw": lambda: keras.optimizers.AdamW(rate, weight_decay=recipe["weight_decay"]),
        "muon": lambda: Muon(model.layers[-1], rate, recipe["weight_decay"]),
    }
    if recipe["optimizer"] not in optimizers:
        raise StageError(
            f"params.yaml: optimizer is {recipe['optimizer']!r}; choose one of {', '.join(optimizers)}"
        )
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=recipe.get("label_smoothing", 0))
    # XLA ("auto" compiles with it where it can) took four times as long for these convolutions on CPUs.
    model.compile(optimizers[recipe["optimizer"]](), loss=loss, metrics=["accuracy"], jit_compile=False)
    # `fit` would do so in the first step, and then trace the step a second time; `restore` loads into what exists.
    model.optimizer.build(model.trainable_variables)


def training_digest(seed: int, architecture: str, recipe: dict[str, Any], weight: int, replicas: int) -> str:
    """What the weights follow from, as one SHA-256: parameters, data, code, library versions and replicas."""
    facts = {
        "seed": seed,
        "architecture": architecture,
        "recipe": recipe,
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


class EpochSeed(keras.callbacks.Callback):
    """Sets every source of chance from the seed and the epoch alone.

    Dropout's generator is not among the weights that Keras saves; without this a resumed training would drop
    other units than an uninterrupted one.
    """

    def __init__(self, batches: Batches, seed: int) -> None:
        super().__init__()
        self._batches, self._seed = batches, seed

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._batches.begin(epoch)
        for number, layer in enumerate(self.model.layers):
            if isinstance(layer, keras.layers.Dropout):
                layer.seed_generator.state.assign([self._seed + number, epoch])


class LearningRate(keras.callbacks.Callback):
    """Sets the learning rate of each batch, by `learning_rate_at`.

    One of Keras's schedules, being a part of the training step, is traced anew for each of the network's weights:
    2 seconds of every training's start.

    Args:
        recipe: One of params.yaml.
        steps: Batches of an epoch.
    """

    def __init__(self, recipe: dict[str, Any], steps: int) -> None:
        super().__init__()
        self._recipe, self._steps, self._epoch = recipe, steps, 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        step, total = self._epoch * self._steps + batch, self._recipe["epochs"] * self._steps
        self.model.optimizer.learning_rate = learning_rate_at(step, total, self._recipe)


def learning_rate_at(step: int, total: int, recipe: dict[str, Any]) -> float:
    """The learning rate of a step, 0 for the first of `total`.

    A recipe with `warmup`, a share of all steps, has a rate that climbs over these from a twentieth and then falls
    along a cosine (Loshchilov and Hutter 2017, "SGDR"); another keeps its rate.
    """
    highest = float(recipe["learning_rate"])
    if "warmup" not in recipe:
        return highest
    climbing = int(recipe["warmup"] * total)
    if step < climbing:
        return highest * (1 + 19 * step / climbing) / 20
    return highest * (1 + math.cos(math.pi * (step - climbing) / (total - climbing))) / 2


class EpochSeconds(keras.callbacks.Callback):
    """Adds to each epoch's metrics the seconds it took, for the callbacks that follow."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if logs is not None:
            logs["seconds"] = time.perf_counter() - self._start


class Backup(keras.callbacks.Callback):
    """Keeps weights and optimizer of the last whole epoch in one file that is replaced in one step.

    Keras's BackupAndRestore writes the weights and the number of the epoch to two files in place: killed
    between them it repeats an epoch on weights that already had it, killed within one it cannot go on.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.model.save_weights(self._folder / "next.weights.h5", overwrite=True)
        (self._folder / "next.weights.h5").replace(self._folder / "last.weights.h5")


def restore(model: keras.Model, backup: Path, steps: int) -> int:
    """Load the backup into the model, if there is one; return how many epochs it has had."""
    backup.mkdir(parents=True, exist_ok=True)
    weights = backup / "last.weights.h5"
    # Machines that were stopped at different epochs could not go on together.
    if not weights.exists() or distribute.several_machines():
        return 0
    model.load_weights(weights)
    epochs = int(model.optimizer.iterations.numpy()) // steps
    print(f"Going on after epoch {epochs} of a training that was interrupted.")
    return epochs


def discard_other_backups(backup: Path) -> None:
    """Delete backups of trainings with other parameters, data or code: nothing would ever go on from them."""
    for folder in BACKUP.glob("*/"):
        if folder != backup:
            shutil.rmtree(folder)


def write_history(log: Path) -> pd.DataFrame:
    """Copy the epochs' metrics to where the reports are, each epoch once.

    An epoch stands there twice if the training was killed after it was logged and before it was backed up.
    """
    history = pd.read_csv(log).drop_duplicates("epoch", keep="last")
    history["epoch"] += 1
    paths.HISTORY.parent.mkdir(parents=True, exist_ok=True)
    history.to_csv(paths.HISTORY, index=False)
    return history


def export(model: keras.Model) -> None:
    """Write the model as Keras, as HDF5 and, for use, as LiteRT."""
    model.save(paths.KERAS_MODEL)
    logging.getLogger("absl").setLevel(
        logging.ERROR
    )  # HDF5 is an old format, says Keras; we know, and so do its users
    model.save(paths.HDF5_MODEL)
    model.export(paths.LITERT_MODEL, format="litert", verbose=False)


def write_summary(
    model: keras.Model, digest: str, architecture: str, recipe: dict[str, Any], history: pd.DataFrame
) -> None:
    """Write what a reader of models/ or the registry wants to know about the training."""
    summary = {
        "digest": digest,
        "architecture": architecture,
        "parameters": model.count_params(),
        "recipe": recipe,
        "seconds": round(history["seconds"].sum(), 1),
        "git": tracking.git_state(),
        "libraries": libraries(),
        "machine": platform.platform(),
    }
    paths.write_json(paths.TRAINING, summary)


if __name__ == "__main__":
    run(train)
