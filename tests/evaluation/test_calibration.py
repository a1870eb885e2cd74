import numpy as np
import pytest

from pipeline.evaluation import calibration, scoring


@pytest.fixture
def honest() -> tuple[np.ndarray, np.ndarray]:
    """Logits whose softmax is, by construction, the probability of each label."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20_000, 10))
    labels = (softmax(logits).cumsum(axis=1) > rng.random((20_000, 1))).argmax(axis=1)
    return logits, labels


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def ece(probabilities: np.ndarray, labels: np.ndarray) -> float:
    return scoring.expected_calibration_error(
        probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    )


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_the_temperature_is_found_by_which_logits_were_multiplied(
    factor: float, honest: tuple[np.ndarray, np.ndarray]
) -> None:
    logits, labels = honest
    given = softmax(factor * logits).astype(np.float32)
    temperature = calibration.fit_temperature(lambda t: softmax(factor * logits / t), labels)
    assert temperature == pytest.approx(factor, rel=0.03)
    calibrated = softmax(factor * logits / temperature)
    assert ece(calibrated, labels) < 0.01
    assert factor == 1 or ece(given, labels) > 0.1


def test_a_probability_of_zero_for_the_truth_is_a_large_loss_and_no_infinity() -> None:
    probabilities = np.array([[1.0, 0.0]])
    assert 20 < calibration.cross_entropy(probabilities, np.array([1])) < 40
    assert np.isfinite(calibration.fit_temperature(lambda _: probabilities, np.array([1])))
