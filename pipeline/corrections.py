"""Cut the pictures that people corrected into digits to train on, and teach the verifier what they show.

    python -m pipeline.corrections

Reads data/feedback/, data/prepared/{train,candidates}.npz, models/splitter.tflite and models/verifier.keras; writes
models/verifier.tflite, data/prepared/corrections.npz (`images`, uint8 N×28×28, and `labels`, uint8 N: the digits, then
some of generated pages that slant as they do) and reports/corrections.csv, which says what became of each picture.
Without corrections the verifier stays as it is.

The verifier cuts, not the reader in use: it was trained on MNIST alone and before the digits' network, so that what is
trained on follows from files that DVC knows, and no version depends on the one before it.
"""

from typing import NamedTuple

import keras
import numpy as np
import pandas as pd
from tqdm import tqdm

from pipeline.common import params, paths
from pipeline.common.stage import run, whole_file
from pipeline.evaluation.scoring import join_lines
from pipeline.labels import feedback
from pipeline.labels.feedback import Correction
from pipeline.labels.slant import add_slant, excess_slants
from pipeline.learning import trainer
from pipeline.learning.crop_batches import CropBatches
from pipeline.reader import picture
from pipeline.reader.binarize import LONGEST_SIDE, Ink, find_ink
from pipeline.reader.candidates import Candidate
from pipeline.reader.choice import align
from pipeline.reader.classifier import Classifier
from pipeline.reader.component import overlap
from pipeline.reader.crops import NO_DIGIT, crop_alone
from pipeline.reader.reader import find_digits
from pipeline.reader.retries import RETRIES
from pipeline.reader.split import Splitter
from pipeline.reader.verification import find_candidates

AS_READ, ALIGNED = "cut as read", "aligned with the truth"
NOT_CUT = "digits not found: evaluates only"
# A candidate that shares at least this share of its ink with a digit, and is not it, is neither that digit nor none.
NEARLY = 0.8
# Where a picture is taken for its negative or turned, more than this share of its digits must be read as they are: what
# the truth would be aligned with by chance is not.
MOST = 0.5


class Cut(NamedTuple):
    """The digits of a picture.

    Attributes:
        digits: uint8 N×28×28, as the digits' network will see them.
        labels: int N, their truth.
        crops: uint8 M×28×28×2, all that was cut out of the picture, as the verifier sees it.
        truths: int M, what each of them is: 0 to 9, or 10 for no whole digit.
        how: How they were found.
    """

    digits: np.ndarray
    labels: np.ndarray
    crops: np.ndarray
    truths: np.ndarray
    how: str


def corrections() -> None:
    """Cut the pictures that train, teach the verifier, and list all."""
    settings, seed = params.read(params.Feedback, "feedback"), params.read(params.Base, "base").seed
    learning = params.read(params.Verifier, "verifier")
    paths.FEEDBACK.mkdir(parents=True, exist_ok=True)
    trainer.make_repeatable(seed)
    verifier = keras.models.load_model(paths.VERIFIER_KERAS, compile=False)
    verifier.export(paths.VERIFIER_MODEL, format="litert", verbose=False)

    given = feedback.load()
    training = [
        correction for correction in given if feedback.side(correction, settings.evaluation) == feedback.TRAIN
    ]
    networks = Splitter(paths.read_bytes(paths.SPLITTER_MODEL)), Classifier(paths.VERIFIER_MODEL.read_bytes())
    cuts = {
        correction.name: extract_digits(correction, *networks, settings.least_probability)
        for correction in tqdm(training, unit="picture", disable=None)
    }
    found = [cut for cut in cuts.values() if cut is not None]
    images = np.concatenate([np.empty((0, 28, 28), np.uint8), *(cut.digits for cut in found)])
    labels = np.concatenate([np.empty(0, int), *(cut.labels for cut in found)])
    digits = len(labels)
    if found and settings.weight:
        mnist = paths.read_split("train")
        amounts = excess_slants(images, labels, *mnist)
        of_pages, crops, truths = paths.read_candidates()
        teach(verifier, learning, settings, found, (crops, truths), mnist, amounts, seed)
        verifier.export(paths.VERIFIER_MODEL, format="litert", verbose=False)
        # Digits of pages went through what pages do to digits, as the corrected ones did.
        digit = truths != NO_DIGIT
        like_them, theirs = sample_slanted(
            crop_alone(of_pages[digit]),
            truths[digit],
            amounts,
            settings.slanted,
            mnist,
            np.random.default_rng(seed),
        )
        images, labels = np.concatenate([images, like_them[..., 0]]), np.concatenate([labels, theirs])
    with whole_file(paths.split_path("corrections")) as file:
        np.savez(file, images=images, labels=labels.astype(np.uint8))
    write_report(given, cuts)
    print(
        f"{len(given)} corrected pictures: {len(given) - len(training)} only evaluate, {len(found)} train, with "
        f"{digits} digits; in {len(training) - len(found)} the digits were not found"
    )


def extract_digits(
    correction: Correction, splitter: Splitter, verifier: Classifier, least: float
) -> Cut | None:
    """Find the digits of a corrected picture; None if they are not found.

    Where they are not found as the picture lies, they are sought in its negative and in the picture turned by a
    quarter, as the reader does; there the verifier must read most of them as they are.
    """
    pixels = picture.load_to_read(correction.picture, LONGEST_SIDE)[0]
    otherwise = [(quarters, retry.inverted) for retry in RETRIES for quarters in retry.quarters]
    for quarters, inverted in [(0, False), *otherwise]:
        ink = find_ink(np.rot90(pixels, quarters), inverted)
        most_are_read = inverted or quarters > 0
        cut = extract_from_ink(ink, correction.truth, splitter, verifier, least, most_are_read)
        if cut is not None:
            return cut
    return None


def extract_from_ink(
    ink: Ink, truth: str, splitter: Splitter, verifier: Classifier, least: float, most_are_read: bool
) -> Cut | None:
    """Find the digits among the ink of a picture; None if they are not found.

    Where the verifier finds as many in each line as there are, they are taken as it cuts them; else the picture is
    cut anew so that the truth is likeliest, if each digit of it is then at least as probable as `least`.

    most_are_read: The verifier must read most of the digits as they are, however they are found.
    """
    # A digit of which the reader was sure may have been two.
    candidates = find_candidates(ink, splitter, verifier, split_all=True)
    lines = find_digits(candidates).lines
    labels = np.array([int(digit) for digit in join_lines(truth)], int)
    as_read = [len(line) for line in lines] == [len(line) for line in truth.split()]
    if as_read:
        chosen: list[int] | None = [k for line in lines for k in line]
    else:
        chosen = align(candidates, labels.tolist())
    if chosen is None or (not as_read and candidates.probabilities[chosen, labels].min(initial=1) < least):
        return None
    if most_are_read and not np.mean(candidates.probabilities[chosen].argmax(axis=1) == labels) > MOST:
        return None
    kept, truths = candidates_with_truth(candidates.all, chosen, labels)
    how = AS_READ if as_read else ALIGNED
    return Cut(candidates.images[chosen], labels, candidates.crops[kept], truths, how)


def candidates_with_truth(
    candidates: list[Candidate], chosen: list[int], labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the candidates whose truth is clear once the digits are known, and that truth."""
    truths = np.full(len(candidates), NO_DIGIT)
    for k in chosen:
        digit = candidates[k]
        for other, candidate in enumerate(candidates):
            if candidate.line == digit.line and shared(candidate, digit) >= NEARLY:
                truths[other] = -1
    truths[chosen] = labels
    kept = np.flatnonzero(truths >= 0)
    return kept, truths[kept]


def shared(one: Candidate, other: Candidate) -> float:
    """Of two candidates of one line, the share of their ink that is of both."""
    if one.last < other.first or other.last < one.first:
        return 0.0
    both = overlap(one.component, other.component)
    return both / (int(one.component.mask.sum()) + int(other.component.mask.sum()) - both)


def sample_slanted(
    crops: np.ndarray,
    labels: np.ndarray,
    amounts: np.ndarray,
    count: int,
    mnist: tuple[np.ndarray, np.ndarray],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """So many of the crops, slanted until each slants by one of the amounts, and their labels; none without amounts.

    Args:
        amounts: How much farther than MNIST's digits of their value they are to slant; what is no digit slants by
            so much farther than it did.
    """
    some = rng.permutation(len(crops))[: count if len(amounts) else 0]
    chosen, truths = crops[some], labels[some]
    own = np.zeros(len(some))
    digit = truths != NO_DIGIT
    own[digit] = excess_slants(chosen[digit, ..., 0], truths[digit], *mnist)
    return add_slant(chosen, rng.choice(amounts, len(some)) - own), truths


def teach(
    verifier: keras.Model,
    learning: params.Verifier,
    settings: params.Feedback,
    cuts: list[Cut],
    candidates: tuple[np.ndarray, np.ndarray],
    mnist: tuple[np.ndarray, np.ndarray],
    amounts: np.ndarray,
    seed: int,
) -> None:
    """Go on training the verifier, with all that was cut out of corrected pictures, `settings.weight` times.

    Args:
        verifier: As it was trained by `learning`.
        candidates: Crops that the verifier was trained on, and their truths.
        mnist: Training digits and their labels.
        amounts: How much farther than these the corrected digits slant.
    """
    rng, count, weight = np.random.default_rng(seed), settings.verifier.rehearsed, settings.weight
    crops, truths = candidates
    again = rng.permutation(len(crops))[:count]
    examples = [
        (crops[again], truths[again]),
        sample_slanted(*candidates, amounts, count, mnist, rng),
        sample_slanted(crop_alone(mnist[0]), mnist[1], amounts, count, mnist, rng),
        *((np.repeat(cut.crops, weight, axis=0), np.repeat(cut.truths, weight)) for cut in cuts),
    ]
    crops, truths = (np.concatenate(parts) for parts in zip(*examples, strict=True))
    further = learning.model_copy(update=settings.verifier.model_dump(exclude={"rehearsed"}))
    trainer.compile_model(verifier, further, "sparse_categorical_crossentropy")
    trainer.fit(verifier, CropBatches(crops, truths, further, seed), further)


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
    table.to_csv(paths.CORRECTIONS_REPORT, index=False)


if __name__ == "__main__":
    run(corrections)
