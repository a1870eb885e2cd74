"""The judge: a network that tells a whole digit from a half one, from two, and from what is none.

It learns on what the reader itself cuts out of generated pages: a candidate in the place of a digit is that
digit, any other is none. Letters and mirrored digits join those that are none, and forms of digits that are
rare in MNIST join the digits.
"""

from collections.abc import Iterable

import cv2
import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from pipeline import scenes
from pipeline.reader import segment
from pipeline.reader.ink import find_ink
from pipeline.reader.normalize import normalize
from pipeline.reader.reader import NO_DIGIT, look

Strokes = list[list[tuple[float, float]]]

# Candidates whose box is within CLOSE of a true one, as a share of its height, are that digit; those beyond
# FAR are not. What lies between is left out.
CLOSE, FAR = 0.16, 0.28
BATCH = 128
# Of one page at most so many candidates that are no digit, for each that is one.
MOST_NONE = 2.0
# Letters that nobody takes for a digit, as strokes in the unit square, corners to be rounded.
LETTERS: dict[str, Strokes] = {
    "A": [[(0, 1), (0.4, 0), (0.8, 1)], [(0.15, 0.65), (0.65, 0.65)]],
    "E": [[(0.8, 0), (0, 0), (0, 1), (0.8, 1)], [(0, 0.5), (0.7, 0.5)]],
    "F": [[(0.8, 0), (0, 0), (0, 1)], [(0, 0.5), (0.7, 0.5)]],
    "H": [[(0, 0), (0, 1)], [(0.8, 0), (0.8, 1)], [(0, 0.5), (0.8, 0.5)]],
    "K": [[(0, 0), (0, 1)], [(0.8, 0), (0, 0.55), (0.8, 1)]],
    "L": [[(0, 0), (0, 1), (0.7, 1)]],
    "M": [[(0, 1), (0.1, 0), (0.5, 0.7), (0.9, 0), (1, 1)]],
    "N": [[(0, 1), (0, 0), (0.8, 1), (0.8, 0)]],
    "P": [[(0, 0), (0, 1)], [(0, 0), (0.8, 0), (0.8, 0.55), (0, 0.55)]],
    "R": [[(0, 0), (0, 1)], [(0, 0), (0.8, 0), (0.8, 0.5), (0, 0.5), (0.8, 1)]],
    "T": [[(0, 0), (1, 0)], [(0.5, 0), (0.5, 1)]],
    "U": [[(0, 0), (0, 1), (0.8, 1), (0.8, 0)]],
    "V": [[(0, 0), (0.4, 1), (0.8, 0)]],
    "W": [[(0, 0), (0.25, 1), (0.5, 0.3), (0.75, 1), (1, 0)]],
    "X": [[(0, 0), (0.8, 1)], [(0.8, 0), (0, 1)]],
    "a": [[(0.6, 0.1), (0, 0), (0, 1), (0.6, 0.9), (0.6, 0)], [(0.6, 0), (0.6, 0.9), (0.8, 1)]],
    "c": [[(0.7, 0.1), (0, 0), (0, 1), (0.7, 0.9)]],
    "d": [[(0.6, 0.5), (0, 0.4), (0, 1), (0.6, 0.9)], [(0.6, 0), (0.6, 1)]],
    "e": [[(0, 0.55), (0.8, 0.5), (0.7, 0), (0, 0), (0, 1), (0.8, 0.95)]],
    "f": [[(0.6, 0.1), (0.3, 0), (0.25, 0.3), (0.25, 1)], [(0, 0.4), (0.55, 0.4)]],
    "h": [[(0, 0), (0, 1)], [(0, 0.65), (0.3, 0.45), (0.6, 0.5), (0.6, 1)]],
    "k": [[(0, 0), (0, 1)], [(0.55, 0.4), (0, 0.7), (0.6, 1)]],
    "m": [[(0, 1), (0, 0), (0, 0.3), (0.3, 0), (0.5, 0.2), (0.5, 1), (0.5, 0.3), (0.8, 0), (1, 0.2), (1, 1)]],
    "n": [[(0, 0), (0, 1)], [(0, 0.3), (0.4, 0), (0.7, 0.2), (0.7, 1)]],
    "p": [[(0, 0), (0, 1)], [(0, 0.1), (0.7, 0), (0.7, 0.6), (0, 0.6)]],
    "r": [[(0, 0), (0, 1)], [(0, 0.3), (0.3, 0), (0.6, 0.1)]],
    "t": [[(0.3, 0), (0.3, 0.9), (0.6, 1)], [(0, 0.3), (0.6, 0.3)]],
    "u": [[(0, 0), (0, 1), (0.7, 0.9), (0.7, 0)], [(0.7, 0), (0.7, 1)]],
    "x": [[(0, 0), (0.8, 1)], [(0.8, 0), (0, 1)]],
}  # fmt: skip
# Digits as many people write them and few of MNIST's: a 1 with a foot, a 7 with a bar, a 0 with a slash.
CIRCLE: list[tuple[float, float]] = [
    (0.5 + 0.45 * np.sin(turn), 0.5 - 0.5 * np.cos(turn)) for turn in np.linspace(0, 6.3, 13)
]
NUMERALS: list[tuple[int, Strokes]] = [
    (0, [CIRCLE]),
    (0, [CIRCLE, [(0.8, 0.1), (0.2, 0.9)]]),
    (1, [[(0, 0.3), (0.35, 0), (0.35, 1)]]),
    (1, [[(0, 0.3), (0.35, 0), (0.35, 1)], [(0, 1), (0.7, 1)]]),
    (1, [[(0.1, 0.15), (0.35, 0), (0.35, 1)], [(0, 1), (0.7, 1)]]),
    (1, [[(0, 0.4), (0.45, 0), (0.3, 1)]]),
    (2, [[(0, 0.2), (0.4, -0.1), (0.8, 0.3), (0.1, 0.95), (0.2, 0.75), (0.8, 1)]]),
    (2, [[(0, 0.2), (0.4, -0.1), (0.8, 0.3), (0, 1), (0, 1), (0.8, 1)]]),
    (3, [[(0, 0), (0.7, 0), (0.3, 0.4), (0.3, 0.4), (0.9, 0.5), (0.7, 1), (0, 0.95)]]),
    (4, [[(0.1, 0), (0, 0.6), (0, 0.6), (0.8, 0.6)], [(0.55, 0.3), (0.5, 1)]]),
    (4, [[(0.55, 1), (0.6, 0), (0.6, 0), (0, 0.65), (0, 0.65), (0.85, 0.65)]]),
    (5, [[(0.1, 0), (0, 0.45), (0.8, 0.35), (0.8, 1), (0, 1)], [(0.1, 0), (0.8, 0)]]),
    (6, [[(0.6, 0), (0, 0.4), (0, 1), (0.7, 1), (0.7, 0.5), (0.05, 0.6)]]),
    (7, [[(0, 0), (0.8, 0), (0.8, 0), (0.3, 1)], [(0.2, 0.5), (0.75, 0.5)]]),
    (7, [[(0, 0.2), (0, 0), (0.8, 0), (0.8, 0), (0.3, 1)]]),
    (7, [[(0, 0.2), (0, 0), (0.8, 0), (0.8, 0), (0.3, 1)], [(0.2, 0.5), (0.75, 0.5)]]),
    (8, [[(0.7, 0.15), (0.4, -0.1), (0, 0.25), (0.8, 0.7), (0.5, 1.05), (0, 0.8), (0.7, 0.1)]]),
    (9, [[(0.7, 0.1), (0, 0), (0, 0.5), (0.7, 0.4), (0.7, 0), (0.65, 1)]]),
    (9, [[(0.7, 0.1), (0, 0), (0, 0.5), (0.7, 0.4), (0.75, 0), (0.7, 1), (0, 1)]]),
]
# Digits that are none once mirrored, turned by a quarter, or upside down.
MIRRORED, TURNED, UPSIDE_DOWN = (3, 4, 7, 9), (2, 3, 4, 5, 7), (4, 7)


def train(images: np.ndarray, labels: np.ndarray, seed: int, epochs: int, pages: int) -> keras.Model:
    """Train the judge.

    Args:
        images: uint8 N×28×28 of training digits, ink bright on 0.
        labels: N integers from 0 to 9.
        seed: Decides pages, letters, weights and distortions; on one machine it gives equal networks.
        epochs: Times to go through the examples.
        pages: Number of pages from which candidates are cut; a third of them has touching digits.

    Returns:
        A model of float32 N×28×28×1 from 0 to 1 in and N×11 probabilities out, the last of no whole digit.
    """
    views, truths = examples(images, labels, seed, pages)
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    model = network()
    steps = epochs * -(-len(views) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(1e-4, steps, warmup_target=2e-3, warmup_steps=steps // 5)
    # XLA, which Keras would choose by itself, makes convolutions on CPUs slower.
    model.compile(keras.optimizers.AdamW(rate), "sparse_categorical_crossentropy", jit_compile=False)
    rng = np.random.default_rng(seed)
    for _ in tqdm(range(epochs), unit="epoch", disable=None):
        distorted = np.stack([distort(view, rng) for view in views])
        model.fit(distorted[..., None].astype(np.float32) / 255, truths, BATCH, verbose=0)
    return model


def network() -> keras.Model:
    """A small CNN: the judge looks at every candidate, of which there are several to a digit."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.BatchNormalization(momentum=0.9),
            layers.Conv2D(32, 3, activation="relu"),
            layers.BatchNormalization(momentum=0.9),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.BatchNormalization(momentum=0.9),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(128, activation="relu"),
            layers.BatchNormalization(momentum=0.9),
            layers.Dropout(0.3),
            layers.Dense(NO_DIGIT + 1, activation="softmax"),
        ]
    )


def examples(images: np.ndarray, labels: np.ndarray, seed: int, pages: int) -> tuple[np.ndarray, np.ndarray]:
    """What the judge learns from: uint8 M×28×28, and M integers, 0 to 9, or 10 for no whole digit."""
    rng = np.random.default_rng(seed)
    touching = from_pages(scenes.pages(images, labels, pages // 3, seed + 1, ["touching"]), rng)
    mixed = from_pages(scenes.pages(images, labels, pages - pages // 3, seed), rng)
    some = rng.choice(len(images), min(len(images), 4 * pages), replace=False)
    plain = images[some], labels[some]
    drawn = numerals(pages, rng)
    none = np.concatenate([letters(2 * pages, rng), turned_digits(*(part[: 2 * pages] for part in plain))])
    sets = [touching, mixed, plain, drawn, (none, np.full(len(none), NO_DIGIT))]
    views, truths = zip(*sets, strict=True)
    return np.concatenate(views), np.concatenate(truths)


def distort(view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turned, slanted, stretched and shifted a little: uint8 28×28."""
    matrix = np.eye(2) + rng.normal(0, 0.07, (2, 2))
    shift = 13.5 - matrix @ [13.5, 13.5] + rng.normal(0, 0.5, 2)
    return cv2.warpAffine(view, np.column_stack([matrix, shift]), (28, 28))


def from_pages(pages: Iterable[scenes.Scene], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """What the reader cuts out of pages: uint8 M×28×28, and M integers, 0 to 9, or 10 for no whole digit."""
    views, truths = [np.empty((0, 28, 28), np.uint8)], [np.empty(0, int)]
    for page in tqdm(pages, unit="page", disable=None):
        view, truth = judged_candidates(page)
        digits, none = np.flatnonzero(truth != NO_DIGIT), np.flatnonzero(truth == NO_DIGIT)
        kept = np.concatenate([digits, rng.permutation(none)[: max(4, round(MOST_NONE * len(digits)))]])
        views.append(view[kept])
        truths.append(truth[kept])
    return np.concatenate(views), np.concatenate(truths)


def judged_candidates(scene: scenes.Scene) -> tuple[np.ndarray, np.ndarray]:
    """The candidates of a page whose truth is clear, as the judge sees them, and that truth."""
    ink = find_ink(scene.picture)
    candidates = segment.find_candidates(segment.find_lines(ink))
    digits = [int(digit) for digit in scene.truth if digit.isdigit()]
    boxes = np.array(scene.boxes, float).reshape(-1, 4)
    judged, truths = [], []
    for candidate in candidates:
        atom = candidate.atom
        sides = np.array([atom.x, atom.y, atom.x + atom.width, atom.y + atom.height]) * ink.scale
        distance, nearest = deviation(sides, boxes)
        if distance < CLOSE or distance > FAR:
            judged.append(candidate)
            truths.append(digits[nearest] if distance < CLOSE else NO_DIGIT)
    return look(ink, judged)[1], np.array(truths, int)


def deviation(sides: np.ndarray, boxes: np.ndarray) -> tuple[float, int]:
    """How far a box is off the nearest true one, at its worst side, as a share of its size; and which."""
    if not len(boxes):
        return np.inf, -1
    truth = np.column_stack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
    size = boxes[:, 2:].max(axis=1)
    # Blur and pens of a pixel shift an edge by one or two.
    off = np.maximum(np.abs(truth - sides).max(axis=1) - 1, 0) / size
    return float(off.min()), int(off.argmin())


def letters(count: int, rng: np.random.Generator) -> np.ndarray:
    """Letters that look drawn by hand, as the judge sees them: uint8 N×28×28."""
    alphabet = list(LETTERS.values())
    return np.stack([seen_alone(drawn(alphabet[rng.integers(len(alphabet))], rng)) for _ in range(count)])


def numerals(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Digits that look drawn by hand, as the judge sees them: uint8 N×28×28; and their values."""
    chosen = [NUMERALS[number] for number in rng.integers(len(NUMERALS), size=count)]
    views = np.stack([seen_alone(drawn(strokes, rng)) for _, strokes in chosen])
    return views, np.array([digit for digit, _ in chosen])


def drawn(strokes: Strokes, rng: np.random.Generator) -> np.ndarray:
    """Strokes in a shaky hand: uint8 H×W, ink bright on 0."""
    page = np.zeros((160, 160), np.uint8)
    pen = int(rng.integers(2, 12))
    slant, turn = rng.normal(0, 0.2), rng.normal(0, 0.12)
    size = 70 * np.exp(rng.normal(0, 0.15, 2))
    for stroke in strokes:
        points = np.array(stroke) + rng.normal(0, 0.05, (len(stroke), 2)) - 0.5
        points = rounded(points) * size @ np.array([[1, turn], [-slant, 1]]) + 80
        cv2.polylines(page, [np.rint(points * 16).astype(np.int32)], False, 255, pen, cv2.LINE_AA, 4)
    return page


def rounded(points: np.ndarray) -> np.ndarray:
    """Cut a polyline's corners three times (Chaikin 1974); its ends stay, and doubled points are sharper."""
    for _ in range(3):
        before, after = points[:-1], points[1:]
        cut = np.stack([0.75 * before + 0.25 * after, 0.25 * before + 0.75 * after], axis=1).reshape(-1, 2)
        points = np.concatenate([points[:1], cut, points[-1:]])
    return points


def seen_alone(drawing: np.ndarray) -> np.ndarray:
    """What the judge sees of a drawing with nothing around it: uint8 28×28."""
    x, y, width, height = cv2.boundingRect((drawing > 127).astype(np.uint8))
    part = drawing[y : y + height, x : x + width]
    return normalize(part, (part > 127).astype(np.uint8))[0]


def turned_digits(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Strokes as a hand draws them, and yet no digits: uint8 N×28×28."""
    mirrored = images[np.isin(labels, MIRRORED)][:, :, ::-1]
    turned = np.rot90(images[np.isin(labels, TURNED)], axes=(1, 2))
    upside_down = images[np.isin(labels, UPSIDE_DOWN)][:, ::-1]
    return np.concatenate([mirrored, turned, upside_down])
