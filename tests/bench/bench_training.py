"""Training the networks of params.yaml side by side: how good, how quick, and what the time goes into.

    python -m tests.bench.bench_training                    # the quick one, and those of other projects: 8 minutes
    python -m tests.bench.bench_training batchnorm_cnn      # or those that are named
    python -m tests.bench.bench_training batchnorm_cnn --seeds 5

Needs data/prepared/. Each network is trained by its recipe, as `train` does it, in a process of its own, and on the
clock from that process's start; with several seeds, so often, from `base.seed` on. What is measured on the test images
is reported and decides nothing.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.common import params, paths

QUICK, COPIED = (
    "quick_cnn",
    (
        "conv_pool_conv_pool_one_dropout",
        "conv_pool_conv_pool_three_dropouts",
        "conv_conv_pool_two_dropouts",
    ),
)
# The share of the test images that must be right, and after how many batches each it is looked whether it is.
GOOD, LOOK_EACH = 0.99, 25
# Of a single digit, by the exported network.
REPEATS = 2000


def main(names: list[str], seeds: int) -> None:
    """Train, and print a row for each network and seed, with its ratio to the first, and each network's mean."""
    columns = (
        *("parameters", "epochs", "test accuracy", "seconds", "s to 99 %", "batches alone, s"),
        *("KB", "ms a digit"),
    )
    print(f"{'network':<36}" + "".join(f"{column:>18}" for column in columns))
    base_seed = params.read(params.Base, "base").seed
    first: dict[str, Any] | None = None
    for name in names:
        accuracies = []
        for seed in range(base_seed, base_seed + seeds):
            row = measure_alone(name, seed)
            first = first or row
            print(shown(name, row, first), flush=True)
            accuracies.append(row["accuracy"])
        if seeds > 1:
            mean, deviation = statistics.mean(accuracies), statistics.stdev(accuracies)
            print(f"mean of {seeds} seeds: {mean:.2%}, ± {deviation:.2%}")


def measure_alone(name: str, seed: int) -> dict[str, Any]:
    """What `measure` returns, from a process of its own."""
    command = [sys.executable, "-m", "tests.bench.bench_training", "--train", name, str(seed)]
    done = subprocess.run([*command, repr(time.perf_counter())], check=True, stdout=subprocess.PIPE)
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return row


def shown(name: str, row: dict[str, Any], first: dict[str, Any]) -> str:
    """A row of the table."""
    cells = (
        *(f"{row['parameters']}", f"{row['epochs']}", f"{row['accuracy']:.2%}"),
        f"{row['seconds']:.1f} ({row['seconds'] / first['seconds']:.2f} ×)",
        "never" if row["good"] is None else f"{row['good']:.1f}",
        f"{row['batches']:.1f} ({row['batches'] / row['training']:.0%})",
        *(f"{row['bytes'] / 1000:.0f}", f"{row['milliseconds']:.3f}"),
    )
    return f"{name:<36}" + "".join(f"{cell:>18}" for cell in cells)


def measure(name: str, seed: int, start: float) -> dict[str, Any]:
    """Train a network; `start` is when this process began, by the clock that all processes share."""
    import keras

    from pipeline import train
    from pipeline.learning import trainer
    from pipeline.learning.callbacks import DropoutSeed

    class Clock(keras.callbacks.Callback):
        """Looks when the network is good, and stops the clock while it looks."""

        def __init__(self) -> None:
            super().__init__()
            self.looking = 0.0
            self.good: float | None = None

        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            if self.good is None and batch % LOOK_EACH == LOOK_EACH - 1:
                before = time.perf_counter()
                if accuracy(self.model, *test) >= GOOD:
                    self.good = before - start - self.looking
                self.looking += time.perf_counter() - before

    recipe = params.read(params.Recipe, "recipes", name)
    test = paths.read_split("test")
    model = train.build(name, seed)
    batches = train.training_batches(recipe, weight=0, seed=seed, replicas=1)
    train.compile_model(model, recipe)
    clock, begun = Clock(), time.perf_counter()
    trainer.fit(model, batches, recipe, callbacks=[DropoutSeed(seed), clock], precision=np.float64)
    ended = time.perf_counter()
    for index in range(len(batches)):
        batches.batch(index)
    alone = recipe.epochs * (time.perf_counter() - ended)
    return {
        "parameters": model.count_params(),
        "epochs": recipe.epochs,
        "accuracy": accuracy(model, *test),
        "seconds": ended - start - clock.looking,
        "training": ended - begun - clock.looking,
        "good": clock.good,
        "batches": alone,
        **exported(model, test[0]),
    }


def accuracy(model: Any, images: np.ndarray, labels: np.ndarray) -> float:
    right = 0
    for first in range(0, len(images), 1000):
        chosen = slice(first, first + 1000)
        probabilities = model(images[chosen, ..., None].astype(np.float32) / 255, training=False)
        right += int((np.argmax(probabilities, axis=1) == labels[chosen]).sum())
    return right / len(images)


def exported(model: Any, images: np.ndarray) -> dict[str, float]:
    """Size of the network in use, and median milliseconds that it takes for one digit on one thread."""
    from pipeline.reader.classifier import Classifier

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.tflite"
        model.export(str(path), format="litert", verbose=False)
        content = path.read_bytes()
    classifier, times = Classifier(content), []
    for k in range(REPEATS):
        before = time.perf_counter()
        classifier.probabilities(images[k : k + 1])
        times.append(1000 * (time.perf_counter() - before))
    return {"bytes": len(content), "milliseconds": statistics.median(times)}


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if sys.argv[1:2] == ["--train"]:
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))))
    else:
        parser = argparse.ArgumentParser(description="Train networks side by side.")
        parser.add_argument("names", nargs="*", default=[QUICK, *COPIED], help="of networks in params.yaml")
        parser.add_argument("--seeds", type=int, default=1, help="how often each is trained")
        arguments = parser.parse_args()
        main(arguments.names, arguments.seeds)
