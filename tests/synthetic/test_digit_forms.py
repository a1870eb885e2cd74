import cv2
import numpy as np

from pipeline.synthetic import digit_forms


def test_pages_are_written_with_mnist_and_drawn_digits() -> None:
    images, labels = np.zeros((60, 28, 28), np.uint8), np.arange(60) % 10
    written, values = digit_forms.add_drawn_digits(images, labels, seed=3)
    assert len(written) == len(values) == 60 + round(60 * digit_forms.DRAWN_SHARE)
    assert not written[:60].any()
    assert (values[:60] == labels).all()
    assert written[60:].any(axis=(1, 2)).all()
    assert (digit_forms.add_drawn_digits(images, labels, seed=3)[0] == written).all()


def test_drawn_digits_have_the_form_of_digits() -> None:
    images, values = digit_forms.draw_digits(200, np.random.default_rng(0))
    assert set(values) == set(range(10))
    for image in images:
        assert image.shape == (28, 28)
        _, _, width, height = cv2.boundingRect((image > 127).astype(np.uint8))
        assert 17 <= max(width, height) <= 22
