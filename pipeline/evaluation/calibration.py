"""Making a network's probabilities mean what they say, and measuring how far they do."""

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize_scalar

# Below this a probability is taken as this: the logarithm of a float32 that underflowed to 0 has no value.
SMALLEST_PROBABILITY = 1e-12


def fit_temperature(probabilities_at: Callable[[float], np.ndarray], labels: np.ndarray) -> float:
    """The temperature at which the true classes are most likely (Guo et al. 2017, "On calibration of modern neural
    networks").

    Args:
        probabilities_at: What is used, at a temperature: float N×C, of images that were not trained on. Test-time
            augmentation and the temperature act on each other, so what is fitted must be all of it.
        labels: integers, N.
    """
    fitted = minimize_scalar(
        lambda log_t: cross_entropy(probabilities_at(float(np.exp(log_t))), labels),
        bounds=(np.log(0.1), np.log(10)),
        method="bounded",
        options={"xatol": 1e-3},
    )
    return float(np.exp(fitted.x))


def cross_entropy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean negative log-likelihood of the labels, in nats."""
    true = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(true, SMALLEST_PROBABILITY)).mean())


def reliability(confidence: np.ndarray, correct: np.ndarray, bins: int = 15) -> np.ndarray:
    """Count, mean confidence and accuracy of the readings in each of equally wide bins of confidence.

    Args:
        confidence: float, N, in 0..1.
        correct: bool, N.

    Returns:
        float64, at most `bins` rows of (count, confidence, accuracy), bins without a reading left out.
    """
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    return np.array(
        [
            (np.sum(bin_of == b), confidence[bin_of == b].mean(), correct[bin_of == b].mean())
            for b in np.unique(bin_of)
        ]
    ).reshape(-1, 3)
