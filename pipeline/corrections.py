"""Cut the pictures that people corrected into digits to train on, and teach the judge what they show.

    python -m pipeline.corrections

Reads data/feedback/, data/prepared/train.npz and models/judge.keras; writes models/judge.tflite,
data/prepared/corrections.npz (`images`, uint8 N×28×28, and `labels`, uint8 N) and reports/corrections.csv, which
says what became of each picture. Without corrections the judge stays as it is.

The judge cuts, not the reader in use: it was trained on MNIST alone and before the digits' network, so that what is
trained on follows from files that DVC knows, and no version depends on the one before it.
"""

from typing import NamedTuple

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from tqdm import tqdm

from pipeline import feedback, files, params, whole_digit
from pipeline.feedback import Correction
from pipeline.reader import picture, segment
from pipeline.reader.classify import Classifier
from pipeline.reader.ink import find_ink
from pipeline.reader.reader import CUT, NO_DIGIT, PAGE_ODDS, Reader, look, original_box, with_odds
from pipeline.reader.segment import Atom, Candidate
from pipeline.scenes import Scene
from pipeline.scoring import joined
from pipeline.stage import run, whole_file

AS_READ, ALIGNED = "cut as read", "aligned with the truth"
NOT_CUT = "digits not found: evaluates only"
# No probability counts as less, so that one doubtful digit does not decide the whole alignment.
LEAST = 1e-3
# So that the judge does not forget what it knows, it goes through new pages of MNIST's digits with the corrected ones.
REHEARSED_PAGES, EPOCHS, RATE = 400, 3, 1e-3


class Cut(NamedTuple):
    """The digits of a picture.

    Attributes:
        page: The picture with its truth and their boxes.
        digits: uint8 N×28×28, in the order of the truth, as the digits' network will see them.
        how: How they were found.
    """

    page: Scene
    digits: np.ndarray
    how: str


def corrections() -> None:
    """Cut the pictures that train, teach the judge, and list all."""
    settings = params.load("base", "feedback")
    share = settings["feedback"].number("evaluation", 0, 1)
    least = settings["feedback"].number("least_probability", 0, 1)
    weight = settings["feedback"].whole_number("weight", 0, 10_000)
    seed = settings["base"].whole_number("seed", 0, 2**31)
    files.FEEDBACK.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    judge = keras.models.load_model(files.JUDGE_KERAS)
    judge.export(files.JUDGE_MODEL, format="litert", verbose=False)

    given = feedback.load()
    training = [correction for correction in given if feedback.side(correction, share) == feedback.TRAIN]
    classifier = Classifier(files.JUDGE_MODEL.read_bytes())
    cuts = {
        correction.name: cut_digits(correction, classifier, least)
        for correction in tqdm(training, unit="picture", disable=None)
    }
    found = [cut for cut in cuts.values() if cut is not None]
    if found and weight:
        teach(judge, [cut.page for cut in found], weight, seed)
        judge.export(files.JUDGE_MODEL, format="litert", verbose=False)

    labels = [int(digit) for cut in found for digit in joined(cut.page.truth)]
    images = np.concatenate([np.empty((0, 28, 28), np.uint8), *(cut.digits for cut in found)])
    with whole_file(files.split_path("corrections")) as file:
        np.savez(file, images=images, labels=np.array(labels, np.uint8))
    write_report(given, cuts)
    print(
        f"{len(given)} corrected pictures: {len(given) - len(training)} only evaluate, {len(found)} train, with "
        f"{len(labels)} digits; in {len(training) - len(found)} the digits were not found"
    )


def cut_digits(correction: Correction, judge: Classifier, least: float) -> Cut | None:
    """Find the digits of a corrected picture; None if they are not found.

    Where the reader finds as many in each line as there are, they are taken as it cuts them; else the picture is
    cut anew so that the truth is likeliest, if each digit of it is then at least as probable as `least`.
    """
    pixels = picture.load(correction.picture)
    reading = Reader(_WithoutNone(judge), judge).read(pixels)
    if [len(line) for line in reading.text.split()] == [len(line) for line in correction.truth.split()]:
        images = np.array([digit.image for digit in reading.digits], np.uint8).reshape(-1, 28, 28)
        boxes = tuple(digit.box for digit in reading.digits)
        return Cut(Scene(pixels, correction.truth, boxes, ()), images, AS_READ)
    truth = [int(digit) for digit in joined(correction.truth)]
    ink = find_ink(pixels)
    lines = segment.find_lines(ink)
    candidates = segment.find_candidates(lines)
    images, views = look(ink, candidates)
    judged = with_odds(judge.probabilities(views), PAGE_ODDS)
    chosen = align(lines, candidates, judged, truth)
    if chosen is None or judged[chosen, truth].min(initial=1) < least:
        return None
    boxes = tuple(original_box(candidates[c].atom, ink.scale, reading.size) for c in chosen)
    return Cut(Scene(pixels, correction.truth, boxes, ()), images[chosen], ALIGNED)


def align(
    lines: list[list[Atom]], candidates: list[Candidate], judged: np.ndarray, truth: list[int]
) -> list[int] | None:
    """Indices of the candidates, one for each digit of the truth, that are likeliest to be just these digits.

    A candidate counts as it does for the reader (`reader.choose`), and by the probability that it is the digit
    whose turn it is. Dynamic programming finds the best sum over the atoms read and the digits told so far.

    Args:
        judged: float N×11, what the judge makes of the N candidates.

    Returns:
        None if there are fewer places than digits.
    """
    whole = np.clip(1 - judged[:, NO_DIGIT], LEAST, 1 - LEAST)
    atoms = np.array([candidate.last - candidate.first + 1 for candidate in candidates])
    cuts = np.array([candidate.cuts for candidate in candidates])
    odds = atoms * (np.log(whole / (1 - whole)) - CUT * cuts)
    digit = np.log(np.maximum(judged[:, :NO_DIGIT] / judged[:, :NO_DIGIT].sum(axis=1, keepdims=True), LEAST))
    # best[k] holds the best score, and its candidates, of all ways to tell the first k digits.
    best: list[tuple[float, list[int]] | None] = [(0.0, []), *[None] * len(truth)]
    for number, line in enumerate(lines):
        up_to = [best]
        for last in range(len(line)):
            now = list(up_to[last])
            for c in (c for c, it in enumerate(candidates) if (it.line, it.last) == (number, last)):
                for told, before in enumerate(up_to[candidates[c].first][: len(truth)]):
                    if before is None:
                        continue
                    score = before[0] + float(odds[c] + digit[c, truth[told]])
                    known = now[told + 1]
                    if known is None or score > known[0]:
                        now[told + 1] = (score, [*before[1], c])
            up_to.append(now)
        best = up_to[-1]
    return best[-1][1] if best[-1] is not None else None


def teach(judge: keras.Model, pages: list[Scene], weight: int, seed: int) -> None:
    """Go on training the judge, with the digits of the pages, and all else on them, `weight` times."""
    images, labels = files.read_split("train")
    rehearsed = whole_digit.examples(images, labels, seed, REHEARSED_PAGES)
    corrected = whole_digit.from_pages(pages, np.random.default_rng(seed))
    views, truths = (
        np.concatenate([known, np.repeat(new, weight, axis=0)])
        for known, new in zip(rehearsed, corrected, strict=True)
    )
    steps = EPOCHS * -(-len(views) // whole_digit.BATCH)
    rate = keras.optimizers.schedules.CosineDecay(RATE, steps)
    judge.compile(keras.optimizers.AdamW(rate), "sparse_categorical_crossentropy", jit_compile=False)
    rng = np.random.default_rng(seed)
    for _ in tqdm(range(EPOCHS), unit="epoch", disable=None):
        distorted = np.stack([whole_digit.distort(view, rng) for view in views])
        batches = distorted[..., None].astype(np.float32) / 255
        judge.fit(batches, truths, whole_digit.BATCH, verbose=0)


def write_report(given: list[Correction], cuts: dict[str, Cut | None]) -> None:
    """A row a picture: its truth, its side and, if it is to train, what became of it."""
    rows = []
    for correction in given:
        cut = cuts.get(correction.name)
        side = feedback.TRAIN if correction.name in cuts else feedback.EVALUATION
        how = cut.how if cut else NOT_CUT if side == feedback.TRAIN else ""
        digits = len(cut.digits) if cut else 0
        rows.append((correction.name, correction.truth.replace("\n", "/"), side, digits, how))
    table = pd.DataFrame(rows, columns=["picture", "truth", "side", "digits", "how"])
    table.to_csv(files.CORRECTIONS_REPORT, index=False)


class _WithoutNone(Classifier):
    """The judge in the place of the digits' network, which is trained only later."""

    def __init__(self, judge: Classifier) -> None:
        self._judge = judge

    def probabilities(self, digits: np.ndarray) -> np.ndarray:
        judged = self._judge.probabilities(digits)[:, :NO_DIGIT] + 1e-9
        return judged / judged.sum(axis=1, keepdims=True)


if __name__ == "__main__":
    run(corrections)
