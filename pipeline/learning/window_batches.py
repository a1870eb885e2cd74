"""Batches that the splitter learns from."""

import numpy as np
import tensorflow as tf

from pipeline.labels.split_targets import Example, fill_windows
from pipeline.learning.prefetch import Batches
from pipeline.reader.split import ROWS, WINDOW

# A pixel of a crop, 0 to 255, is ink from this share of ink in it.
INKED = 40


class WindowBatches(Batches):
    """All examples once an epoch, in a row of random order that is cut into windows.

    A batch holds windows, float32 B×48×128×1 from 0 to 1, and what `networks.loss_on_ink` takes as truth, float32
    B×48×128×2.

    Args:
        examples: Components and where in them digits touch, as `split_targets.find_examples` makes them.
        size: Windows of a batch.
        seed: Decides the order.
    """

    def __init__(self, examples: list[Example], size: int, seed: int) -> None:
        self._examples, self._size = examples, size
        self._rng = np.random.default_rng(seed)
        # However the examples are shuffled, they fill as many windows.
        self._count = len(fill_windows(examples, self._rng)[0])
        seen, wanted = ((None, ROWS, WINDOW, channels) for channels in (1, 2))
        self.specs = tf.TensorSpec(seen, tf.float32), tf.TensorSpec(wanted, tf.float32)

    def begin(self, epoch: int) -> None:
        self._crops, self._truths = fill_windows(self._examples, self._rng)
        self._order = self._rng.permutation(self._count)

    def __len__(self) -> int:
        return -(-self._count // self._size)

    def batch(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = self._order[index * self._size : (index + 1) * self._size]
        crops = self._crops[chosen]
        truths = np.concatenate([self._truths[chosen], crops > INKED], axis=-1)
        return crops.astype(np.float32) / 255, truths.astype(np.float32)
