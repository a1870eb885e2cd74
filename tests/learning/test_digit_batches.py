import numpy as np
import pytest

from pipeline.common.params import Augmentation
from pipeline.learning.digit_batches import DigitBatches

AUGMENTATION = Augmentation(rotation=10, shear=0.1, scale=0.1, shift=1, elastic=0.5)


def numbered(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Images that are told apart by their first pixel, and their labels."""
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 0, 0] = np.arange(count)
    return images, np.arange(count, dtype=np.uint8) % 10


@pytest.fixture
def batches() -> DigitBatches:
    images = np.arange(50 * 784, dtype=np.uint32).astype(np.uint8).reshape(50, 28, 28)
    return DigitBatches(images, np.arange(50, dtype=np.uint8) % 10, 16, seed=3, augmentation=AUGMENTATION)


def test_a_batch_follows_from_seed_epoch_and_index_alone(batches: DigitBatches) -> None:
    first = [batches.batch(index) for index in range(len(batches))]
    again = [batches.batch(index) for index in reversed(range(len(batches)))][::-1]
    assert all(
        np.array_equal(a, b)
        for one, two in zip(first, again, strict=True)
        for a, b in zip(one, two, strict=True)
    )
    batches.begin(1)
    assert not np.array_equal(batches.batch(0)[0], first[0][0])


def test_an_epoch_holds_each_image_once(batches: DigitBatches) -> None:
    labels = np.concatenate([batches.batch(index)[1] for index in range(len(batches))])
    assert len(batches) == 4
    assert labels.sum(axis=0).tolist() == [5] * 10
    images = batches.batch(0)[0]
    assert images.dtype == np.float32
    assert images.shape == (16, 28, 28, 1)
    assert images.max() <= 1


def seen(batches: DigitBatches) -> list[int]:
    """The numbers of an epoch's images."""
    images = np.concatenate([batches.batch(index)[0] for index in range(len(batches))])
    return sorted(np.rint(images[:, 0, 0, 0] * 255).astype(int).tolist())


def test_of_more_images_others_join_each_epoch() -> None:
    images, labels = numbered(60)
    batches = DigitBatches(images[:40], labels[:40], 16, 1, more=(images[40:], labels[40:]), share=0.2)
    epochs = []
    for epoch in range(2):
        batches.begin(epoch)
        epochs.append(seen(batches))
        assert epochs[-1][:40] == list(range(40))
        assert len(set(epochs[-1][40:])) == 8
    assert epochs[0] != epochs[1]


def test_a_batch_too_small_to_be_shared_out_is_left_out() -> None:
    images, labels = numbered(33)
    assert len(DigitBatches(images, labels, 16, seed=1, smallest=1)) == 3
    assert len(DigitBatches(images, labels, 16, seed=1, smallest=2)) == 2
