"""The whole reader, with networks trained here in seconds: what holds for any weights, and invariances."""

from collections.abc import Callable
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from pipeline.labels.verifier_examples import TURNED
from pipeline.reader import reader as reader_module
from pipeline.reader import retries
from pipeline.reader.binarize import Ink, find_ink
from pipeline.reader.candidates import Candidate
from pipeline.reader.classifier import Classifier
from pipeline.reader.component import Component
from pipeline.reader.crops import NO_DIGIT, crop_alone
from pipeline.reader.reader import Reader, combine, reject, temper
from pipeline.reader.split import Splitter
from pipeline.reader.verification import Candidates
from pipeline.synthetic.digit_forms import draw_digits
from pipeline.synthetic.letter_forms import draw_letters

HEIGHT, WIDTH = 240, 420
STROKES: dict[str, list[list[tuple[float, float]]]] = {
    "1": [[(0.35, 0), (0.35, 1)]],
    "4": [[(0.1, 0), (0, 0.6), (0.8, 0.6)], [(0.55, 0.3), (0.55, 1)]],
    "5": [[(0.1, 0.1), (0, 0.45), (0.5, 0.4), (0.7, 0.6), (0.5, 0.95), (0, 1)], [(0.15, 0), (0.7, 0)]],
    "7": [[(0, 0), (0.7, 0), (0.3, 1)]],
}


def page(text: str, pen: int = 8, height: int = 90, gap: float = 1.1) -> np.ndarray:
    """Digits in dark ink on white."""
    paper = np.full((HEIGHT, WIDTH), 255, np.uint8)
    for number, digit in enumerate(text):
        for stroke in STROKES[digit]:
            points = np.array(stroke) * height + (40 + number * gap * height, 70)
            fixed = np.rint(points * 16).astype(np.int32)
            cv2.polylines(paper, [fixed], False, 20, pen, cv2.LINE_AA, 4)
    return paper


@pytest.fixture(scope="module")
def reader(no_splitter: Splitter, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """A reader whose networks have seen drawn digits and letters, and digits that lie or of which half is missing."""
    rng = np.random.default_rng(0)
    crops, digits = draw_digits(3000, rng)
    some = crops[:1500], digits[:1500]
    turned = some[0][np.isin(some[1], TURNED)]
    lying = [np.rot90(turned, quarters, axes=(1, 2)) for quarters in (1, 3)]
    none = np.concatenate([draw_letters(1000, no_splitter, rng), *map(crop_alone, (halves(*some), *lying))])
    verified = (
        np.concatenate([crop_alone(crops), none]),
        np.concatenate([digits, np.full(len(none), NO_DIGIT)]),
    )
    folder = tmp_path_factory.mktemp("networks")
    return Reader(no_splitter, fitted((crops, digits), 10, folder), fitted(verified, NO_DIGIT + 1, folder))


def halves(crops: np.ndarray, digits: np.ndarray) -> np.ndarray:
    """Digits of which one side is not the candidate's: dim, as the reader shows it."""
    cut = crops.copy()
    cut[:, :, 14:] = np.minimum(cut[:, :, 14:], 96)
    return cut[np.isin(digits, (0, 2, 3, 4, 5, 6, 8, 9))]


def fitted(examples: tuple[np.ndarray, np.ndarray], classes: int, folder: Path) -> Classifier:
    keras.utils.set_random_seed(0)
    layers = keras.layers
    pictures, truths = examples
    crops = pictures[..., None] if pictures.ndim == 3 else pictures
    model = keras.Sequential(
        [
            keras.Input(crops.shape[1:]),
            layers.Conv2D(12, 5, strides=2, activation="relu"),
            layers.Conv2D(24, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(classes, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(crops.astype(np.float32) / 255, truths, batch_size=64, epochs=5, verbose=0)
    path = folder / f"{classes}.tflite"
    model.export(str(path), format="litert", verbose=False)
    return Classifier(path.read_bytes())


def test_reads_a_number_and_says_where_each_digit_is(reader: Reader) -> None:
    reading = reader.read(page("475"))
    assert reading.text == "475"
    assert reading.size == (HEIGHT, WIDTH)
    assert reading.milliseconds > 0
    for number, digit in enumerate(reading.digits):
        x, y, width, height = digit.box
        assert abs(x - (36 + number * 99)) <= 5
        assert abs(y - 66) <= 3
        assert abs(height - 98) <= 4
        assert width < height
        assert 0.3 < digit.confidence <= 1
        assert digit.runner_up != digit.digit
        assert digit.image is not None
        assert digit.image.shape == (28, 28)


ALTERED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "light on dark": lambda picture: 255 - picture,
    "faint": lambda picture: (picture // 6 + 180).astype(np.uint8),
    "shifted": lambda picture: np.roll(picture, (37, 11), (0, 1)),
    "small": lambda picture: cv2.resize(picture, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA),
    "large": lambda picture: cv2.resize(picture, None, fx=4, fy=4),
    "colour": lambda picture: np.dstack([picture, picture, np.maximum(picture, 150)]),
    "turned": lambda picture: cv2.warpAffine(
        picture, cv2.getRotationMatrix2D((200, 120), 7, 1), (WIDTH, HEIGHT), borderValue=255
    ),
    "noisy": lambda picture: (
        (picture * 0.8 + np.random.default_rng(0).normal(20, 8, picture.shape)).clip(0, 255).astype(np.uint8)
    ),
    "dark to one side": lambda picture: (picture * np.linspace(1, 0.45, WIDTH)).astype(np.uint8),
    "on lined paper": lambda picture: lined(picture),
}


def lined(picture: np.ndarray) -> np.ndarray:
    """With printed lines under the ink, which is no brighter where it crosses them."""
    paper = np.full_like(picture, 255)
    for y in (50, 115, 180):
        cv2.line(paper, (0, y), (WIDTH, y), 150, 2)
    return np.minimum(picture, paper)


@pytest.mark.parametrize("name", ALTERED)
def test_reads_the_same_whatever_the_picture(reader: Reader, name: str) -> None:
    assert reader.read(ALTERED[name](page("475"))).text == "475"


@pytest.mark.parametrize("pen", [3, 5, 9, 13])
def test_reads_the_same_with_any_pen(reader: Reader, pen: int) -> None:
    assert reader.read(page("475", pen=pen)).text == "475"


@pytest.mark.parametrize("quarters", [1, 3])
def test_a_page_that_lies_on_its_side_is_read(reader: Reader, quarters: int) -> None:
    upright = np.vstack([page("47"), page("754")])
    turned = np.rot90(upright, quarters)
    reading = reader.read(turned)
    assert reading.text == "47\n754"
    assert reading.size == turned.shape
    expected = np.zeros(upright.shape, bool)
    for digit in reader.read(upright).digits:
        x, y, width, height = digit.box
        expected[y : y + height, x : x + width] = True
    found = np.zeros(turned.shape, bool)
    for digit in reading.digits:
        x, y, width, height = digit.box
        found[y : y + height, x : x + width] = True
    both = found & np.rot90(expected, quarters)
    assert both.sum() > 0.9 * max(found.sum(), expected.sum())


def test_a_page_whose_polarity_was_mistaken_is_read(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    mistaken = page("")
    mistaken[100:112, 50:300] = 20
    assert reader.read(mistaken).text == ""

    def find(picture: np.ndarray, inverted: bool) -> Ink:
        return find_ink(picture if inverted else mistaken)

    monkeypatch.setattr(reader_module, "find_ink", find)
    monkeypatch.setattr(retries, "CLEAR_DIGIT", 0.5)  # these networks are seldom as sure as trained ones
    assert reader.read(page("475")).text == "475"


def test_rows_become_lines(reader: Reader) -> None:
    rows = np.vstack([page("47"), page("754")])
    assert reader.read(rows).text == "47\n754"


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_empty_page_has_no_digits(reader: Reader, level: int) -> None:
    reading = reader.read(np.full((HEIGHT, WIDTH), level, np.uint8))
    assert reading.text == ""
    assert reading.refusals == ()


def test_what_is_refused_is_said(reader: Reader) -> None:
    scribble = np.full((HEIGHT, WIDTH), 255, np.uint8)
    points = [(60 + 9 * i, 170 if i % 2 else 70) for i in range(24)]
    cv2.polylines(scribble, [np.array(points, np.int32)], False, 0, 4, cv2.LINE_AA)
    reading = reader.read(scribble)
    assert reading.refusals
    for rejection in reading.refusals:
        x, y, width, height = rejection.box
        assert x >= 55
        assert y >= 65
        assert x + width <= 275
        assert y + height <= 175
        assert rejection.reason


def test_a_photo_that_is_decoded_smaller_has_boxes_in_its_own_pixels(reader: Reader) -> None:
    sheet = cv2.resize(page("47"), None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
    photo = cv2.imencode(".jpg", sheet)[1].tobytes()
    small, large = reader.read(page("47")), reader.read(photo)
    assert large.text == "47"
    assert large.size == sheet.shape
    for one, other in zip(small.digits, large.digits, strict=True):
        assert np.abs(8 * np.array(one.box) - other.box).max() <= 16


@pytest.mark.parametrize("shape", [(1, 1), (1, 1600), (3, 5000), (2000, 2), (5, 7), (28, 28)])
def test_noise_of_any_shape_has_no_digits(reader: Reader, shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(120, 136, shape, dtype=np.uint8)
    assert reader.read(noise).text == ""


def test_a_picture_of_mnist_size_is_taken_as_it_is(reader: Reader) -> None:
    crops, digits = draw_digits(40, np.random.default_rng(7))
    own = reader.classifier.probabilities(crops).argmax(axis=1)
    for polarity in (crops, 255 - crops):
        readings = [reader.read(crop) for crop in polarity]
        seen = [(r.digits[0].image, v) for r, v in zip(readings, crops, strict=True) if r.digits]
        assert all(image is not None and np.array_equal(image, crop) for image, crop in seen)
        assert np.mean([r.text == str(d) for r, d in zip(readings, digits, strict=True)]) >= (
            np.mean(own == digits) - 0.05
        )


def test_a_flat_digit_of_mnist_size_may_be_read(reader: Reader) -> None:
    crops, _ = draw_digits(40, np.random.default_rng(11))
    read = []
    for crop in crops:
        flat = np.zeros((28, 28), np.uint8)
        flat[9:19] = cv2.resize(crop[3:25, 3:25], (28, 10), interpolation=cv2.INTER_AREA)
        read += [digit.box for digit in reader.read(flat).digits]
    assert any(width > 1.6 * height for _, _, width, height in read)


def test_boxes_stay_in_the_picture(reader: Reader) -> None:
    cropped = page("475")[66:170, 36:300]
    for digit in reader.read(cropped).digits:
        x, y, width, height = digit.box
        assert x >= 0
        assert y >= 0
        assert x + width <= cropped.shape[1]
        assert y + height <= cropped.shape[0]


def test_it_is_said_why_something_is_refused() -> None:
    heights = (20, 20, 20, 5)
    line = [Component(30 * i, 0, np.ones((height, 10), np.uint8)) for i, height in enumerate(heights)]
    digit, letter = (Candidate(0, i, i, line[i]) for i in (0, 1))
    crops = np.zeros((2, 28, 28, 2), np.uint8)
    candidates = Candidates([line], [digit, letter], crops[..., 0], crops, np.zeros((2, 11), np.float32))
    rejections = reject(candidates, [0], [1], 2.0, (100, 400))
    assert [rejection.reason for rejection in rejections] == [
        "stands in a word",
        "looks like no digit",
        "too small",
    ]
    assert [rejection.box for rejection in rejections] == [
        (60, 0, 20, 40),
        (120, 0, 20, 40),
        (180, 0, 20, 10),
    ]


def test_classifier_and_verifier_must_agree() -> None:
    classified = np.full((3, 10), 0.01)
    classified[:, 4] = 0.91
    verified = np.full((3, 11), 0.001)
    verified[0, 4] = verified[1, 9] = 0.99
    verified[2, 4] = verified[2, NO_DIGIT] = 0.495
    same, other, half = combine(classified, verified).max(axis=1)
    assert same > 0.95
    assert other < 0.85
    assert half == pytest.approx(0.5, abs=0.05)


def test_a_page_s_temperature_softens_confidences_and_keeps_what_was_read(reader: Reader) -> None:
    soft = Reader(reader.splitter, reader.classifier, reader.verifier, page_temperature=2.0)
    before, after = reader.read(page("475")), soft.read(page("475"))
    assert after.text == before.text == "475"
    for sharp, softer in zip(before.digits, after.digits, strict=True):
        assert sharp.probabilities is not None
        assert sharp.confidence == sharp.probabilities[sharp.digit]
        given = np.append(sharp.probabilities, 1 - sharp.probabilities.sum())
        expected = np.sqrt(given) / np.sqrt(given).sum()
        assert softer.probabilities == pytest.approx(expected[:10], abs=1e-4)
        assert softer.confidence == pytest.approx(expected[softer.digit], abs=1e-4)
        assert softer.box == sharp.box
    assert temper(before.digits[0], 1.0) == before.digits[0]
