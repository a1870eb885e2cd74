"""Batches that the verifier learns from."""

import numpy as np
import tensorflow as tf

from pipeline.common.params import Verifier
from pipeline.labels.verifier_examples import distort
from pipeline.learning.prefetch import Batches


class CropBatches(Batches):
    """All crops once an epoch, shuffled, each distorted anew: float32 B×28×28×2 from 0 to 1, and B truths.

    Args:
        crops: uint8 N×28×28×2, near and context.
        truths: N integers, 0 to 9, or 10 for no whole digit.
        settings: Of the verifier.
        seed: Decides order and distortions.
    """

    def __init__(self, crops: np.ndarray, truths: np.ndarray, settings: Verifier, seed: int) -> None:
        self._crops, self._truths = crops, truths
        self._size, self._distortion = settings.batch_size, settings.distortion
        self._rng = np.random.default_rng(seed)
        seen = tf.TensorSpec((None, *crops.shape[1:]), tf.float32)
        self.specs = seen, tf.TensorSpec((None,), truths.dtype)

    def begin(self, epoch: int) -> None:
        self._order = self._rng.permutation(len(self._crops))

    def __len__(self) -> int:
        return -(-len(self._crops) // self._size)

    def batch(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = self._order[index * self._size : (index + 1) * self._size]
        distorted = np.stack([distort(crop, self._distortion, self._rng) for crop in self._crops[chosen]])
        return distorted.astype(np.float32) / 255, self._truths[chosen]
