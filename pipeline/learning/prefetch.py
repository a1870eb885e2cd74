"""Batches for a training, made while the network learns from those before."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

# How many batches are made before they are needed.
AHEAD = 8


class Batches(ABC):
    """What a network learns from, in epochs of batches.

    Attributes:
        specs: Shape and dtype of a batch's two arrays.
    """

    specs: tuple[tf.TensorSpec, tf.TensorSpec]

    @abstractmethod
    def begin(self, epoch: int) -> None:
        """Choose and shuffle the examples of an epoch, counted from 0."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of batches of an epoch."""

    @abstractmethod
    def batch(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """What the network sees in batch `index` of the epoch that has begun, and what it should make of it."""

    def dataset(self) -> tf.data.Dataset:
        """The batches of the epoch that has begun when the data set is gone through."""
        return in_background(self.batch, len(self), self.specs)


def in_background(
    make: Callable[[int], tuple[np.ndarray, ...]], count: int, specs: Sequence[tf.TensorSpec]
) -> tf.data.Dataset:
    """The batches `make(0)` to `make(count - 1)`, in order, made in a thread and never all at once.

    Keras's own PyDataset took another 60 milliseconds a batch, as long as the training of the default network itself.

    Args:
        make: Makes the batch of that number: one array for each of `specs`.
        count: Number of batches.
        specs: Shape and dtype of each array.
    """

    def tensors(number: tf.Tensor) -> tuple[tf.Tensor, ...]:
        made = tf.numpy_function(make, [number], [spec.dtype for spec in specs])
        return tuple(tf.ensure_shape(part, spec.shape) for part, spec in zip(made, specs, strict=True))

    options = tf.data.Options()
    # The tuner has nothing to tune here, and sleeps for up to a minute; TensorFlow 2.21 often waits for it to wake up
    # before an iterator is gone.
    options.autotune.enabled = False
    return tf.data.Dataset.range(count).map(tensors).prefetch(AHEAD).with_options(options)
