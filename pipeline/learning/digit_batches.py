"""Batches that the digits' network learns from."""

import numpy as np
import tensorflow as tf

from pipeline.common.params import Augmentation
from pipeline.learning.augment import distort
from pipeline.learning.networks import CLASSES
from pipeline.learning.prefetch import Batches


class DigitBatches(Batches):
    """Shuffled, distorted batches: float32 B×28×28×1 of 0 to 1, and labels, float32 B×10, 1 for the true class.

    Each epoch has all images and, of `more`, others each time. A batch follows from the seed, the epoch and its index
    alone, so that a resumed training sees what an uninterrupted one would have seen.

    Args:
        images: uint8 N×28×28, ink bright on 0.
        labels: N integers from 0 to 9.
        size: Images of a batch.
        seed: Decides order, distortions, and which of `more` join.
        augmentation: How the images are distorted; None leaves them as they are.
        more: Further images and labels.
        share: So many of `more` an epoch has, as a share of the images.
        smallest: A last batch of fewer images is left out.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        size: int,
        seed: int,
        augmentation: Augmentation | None = None,
        more: tuple[np.ndarray, np.ndarray] | None = None,
        share: float = 0.0,
        smallest: int = 1,
    ) -> None:
        self._seed, self._always = seed, len(images)
        self._images = images if more is None else np.concatenate([images, more[0]])
        labels = labels if more is None else np.concatenate([labels, more[1]])
        self._labels = np.eye(CLASSES, dtype=np.float32)[labels]
        self._more = min(round(share * len(images)), len(self._images) - len(images))
        self._size, self._smallest = size, smallest
        self._amounts = augmentation.model_dump() if augmentation else None
        seen = tf.TensorSpec((None, *images.shape[1:], 1), tf.float32)
        self.specs = seen, tf.TensorSpec((None, CLASSES), tf.float32)
        self.begin(0)

    def begin(self, epoch: int) -> None:
        self._epoch = epoch
        rng = np.random.default_rng((self._seed, epoch))
        more = self._always + rng.permutation(len(self._images) - self._always)[: self._more]
        self._order = rng.permutation(np.concatenate([np.arange(self._always), more]))

    def __len__(self) -> int:
        whole, rest = divmod(self._always + self._more, self._size)
        return whole + (rest >= self._smallest)

    def batch(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = self._order[index * self._size : (index + 1) * self._size]
        images = self._images[chosen]
        if self._amounts:
            images = distort(images, np.random.default_rng((self._seed, self._epoch, index)), **self._amounts)
        return images[..., np.newaxis].astype(np.float32) / 255, self._labels[chosen]
