"""Training shared out over several GPUs or several machines, by tf.distribute.

All GPUs of a machine are used by themselves. Of several machines each has a checkout with the same data/prepared/, and
the environment variable TF_CONFIG, which names all of them and says which one it is; each runs `pipeline.train`. The
batches are those of one device: every replica takes its part of each.
"""

import json
import os
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.common.stage import StageError


def strategy() -> tf.distribute.Strategy:
    """TensorFlow's way of sharing a training over what there is; call it before anything else of TensorFlow's.

    Raises:
        StageError: TF_CONFIG is not as TensorFlow wants it, or the machines that it names do not answer.
    """
    if several_machines():
        try:
            return tf.distribute.MultiWorkerMirroredStrategy()
        except (ValueError, TypeError, KeyError, RuntimeError, tf.errors.OpError) as error:
            raise StageError(
                f"TF_CONFIG: {error}\n"
                'Give it as {"cluster": {"worker": ["host:port", …]}, "task": {"type": "worker", "index": 0}}, with an '
                "index of its own on each machine, and start them all within a few minutes."
            ) from error
    if len(tf.config.list_logical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def several_machines() -> bool:
    return "TF_CONFIG" in os.environ


def is_chief() -> bool:
    """Whether this machine reports the training: the only one, or worker 0."""
    task = json.loads(os.environ["TF_CONFIG"]).get("task", {}) if several_machines() else {}
    return bool(task.get("index", 0) == 0)


def fitted(model: keras.Sequential, example: tuple[np.ndarray, np.ndarray]) -> keras.Sequential:
    """The model, to be fitted under this strategy: itself, or for several machines another with the same weights.

    example: A batch of what it will be fitted to.
    """
    return AcrossMachines(model, example) if several_machines() else model


def weights(model: keras.Model, strategy: tf.distribute.Strategy) -> list[np.ndarray]:
    """The model's weights, as `set_weights` takes them.

    What batch normalization has seen differs from replica to replica: of that the mean. The rest is the same on all.
    """
    of_replicas = strategy.run(
        tf.function(lambda: [tf.convert_to_tensor(weight) for weight in model.weights])
    )
    return [strategy.reduce("MEAN", weight, axis=None).numpy() for weight in of_replicas]


class AcrossMachines(keras.Sequential):
    """What Keras 3.15 needs to fit a model on several machines (issue 20585 of keras-team/keras).

    Its `fit` takes a batch's shapes from all machines' batches, which it cannot put together, and averages the
    metrics over an axis that they do not have.
    """

    def __init__(self, model: keras.Sequential, example: tuple[np.ndarray, np.ndarray]) -> None:
        super().__init__([keras.Input(model.input_shape[1:]), *model.layers], name=model.name)
        self._example = example

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        return as_vectors(super().train_step(data))

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        return as_vectors(super().test_step(data))

    # Private names of Keras's, for want of a public way to say what shapes batches have; without this, training on two
    # machines ends in an error, and test_distribute fails.
    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        with self.distribute_strategy.scope():
            self._symbolic_build(data_batch=self._example)


def as_vectors(metrics: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Each metric as a vector of one, whose mean over axis 0 is itself."""
    return {name: tf.reshape(value, (1,)) for name, value in metrics.items()}
