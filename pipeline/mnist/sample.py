"""The 1,797 handwritten digits that scikit-learn embeds, in MNIST's form: for a machine with no network.

They are 8×8, from the UCI set "Optical Recognition of Handwritten Digits".
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

# Share of the sample that is for testing; chosen, MNIST's own being a seventh.
TEST_SHARE = 0.2


def embedded_sample(seed: int) -> tuple[tuple[NDArray[np.uint8], NDArray[np.uint8]], ...]:
    """Return (images, labels) for training and for test, split by class, the same for the same `seed`.

    Images are uint8, N×28×28, labels uint8, N.
    """
    sample = load_digits()
    images = np.stack([mnist_form(image) for image in sample.images])
    labels = sample.target.astype(np.uint8)
    train, test = train_test_split(
        np.arange(len(labels)), test_size=TEST_SHARE, stratify=labels, random_state=seed
    )
    return (images[train], labels[train]), (images[test], labels[test])


def mnist_form(small: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Bring an 8×8 digit (ink bright, 0..16) to 28×28 as MNIST's authors did with theirs.

    Its ink fills a 20×20 box, the aspect kept, and its centre of mass lies at the image's centre
    (LeCun et al. 1998, section III.A; measured on MNIST, the mass lies at index 14.0, 14.0).
    """
    rows, columns = np.nonzero(small)
    scale = 20 / (max(np.ptp(rows), np.ptp(columns)) + 1)
    y, x = (np.average(index, weights=small[rows, columns]) for index in (rows, columns))
    placement = np.array([[scale, 0, 14 - scale * x], [0, scale, 14 - scale * y]])
    large = cv2.warpAffine(small, placement, (28, 28), flags=cv2.INTER_CUBIC)
    return np.clip(large * (255 / large.max()), 0, 255).round().astype(np.uint8)
