"""What is done between the steps and epochs of a training."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from pipeline.learning.prefetch import Batches

Logs = dict[str, float] | None


class BeginEpoch(keras.callbacks.Callback):
    """Lets batches begin each epoch."""

    def __init__(self, batches: Batches) -> None:
        super().__init__()
        self._batches = batches

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._batches.begin(epoch)


class LearningRate(keras.callbacks.Callback):
    """Sets the learning rate of each step.

    One of Keras's schedules, being a part of the training step, is traced anew for each of the network's weights:
    2 seconds of every training's start.

    Args:
        rates: The rate of a step, by its number from 0.
        steps: Batches of an epoch.
    """

    def __init__(self, rates: Callable[[int], Any], steps: int) -> None:
        super().__init__()
        self._rates, self._steps, self._epoch = rates, steps, 0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self.model.optimizer.learning_rate = float(self._rates(self._epoch * self._steps + batch))


class DropoutSeed(keras.callbacks.Callback):
    """Sets what dropout drops from the seed and the epoch alone.

    Dropout's generator is not among the weights that Keras saves; without this a resumed training would drop
    other units than an uninterrupted one.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        for number, layer in enumerate(self.model.layers):
            if isinstance(layer, keras.layers.Dropout):
                layer.seed_generator.state.assign([self._seed + number, epoch])


class Report(keras.callbacks.Callback):
    """Reports each epoch, counted from 0, with its metrics and the `seconds` that it took."""

    def __init__(self, report: Callable[[int, dict[str, float]], None]) -> None:
        super().__init__()
        self._report = report

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._report(epoch, {**(logs or {}), "seconds": time.perf_counter() - self._start})


class Backup(keras.callbacks.Callback):
    """Keeps weights and optimizer of the last whole epoch in one file that is replaced in one step.

    Keras's BackupAndRestore writes the weights and the number of the epoch to two files in place: killed
    between them it repeats an epoch on weights that already had it, killed within one it cannot go on.

    Args:
        folder: Made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._new, self._last = folder / "next.weights.h5", folder / "last.weights.h5"

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self.model.save_weights(self._new, overwrite=True)
        self._new.replace(self._last)

    def restore(self, model: keras.Model, steps: int) -> int:
        """Load the backup into the compiled model, if there is one; return how many epochs of `steps` it has had."""
        if not self._last.exists():
            return 0
        model.load_weights(self._last)
        return int(model.optimizer.iterations.numpy()) // steps
