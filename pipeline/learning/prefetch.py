"""Batches for a training, made while the network learns from those before."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

# How many batches are made before they are needed.
AHEAD = 8


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
