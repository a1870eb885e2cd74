"""Stage 2: split the training CSV into training and validation data, and look at what there is.

    python -m pipeline.preprocess

Makes data/prepared/{train,validation,test}.npz, each with `images` (uint8, N×28×28) and `labels` (uint8, N),
and under reports/data/ a figure of samples, a figure and a table of the classes, and splits.json. The test
CSV goes through as it is: nothing is chosen by it.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from pipeline.common import params, paths
from pipeline.common.stage import StageError, run, whole_file
from pipeline.mnist import csv_format
from pipeline.mnist.record import CSV_SPLITS, csv_path, read_record, sha256

# Images of each digit in the figure of samples.
SAMPLES_PER_DIGIT = 16


class Digits(NamedTuple):
    """Digit images (uint8, N×28×28, ink bright on 0) and their labels (uint8, N)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def at(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Digits":
        """The digits at `rows`, given as numbers or as a mask."""
        return Digits(self.images[rows], self.labels[rows])


def preprocess() -> None:
    """Make the three splits and the reports on them.

    Raises:
        StageError: The CSVs are not those that ingest checked, or too few to be split.
    """
    share = params.read(params.Preprocess, "preprocess").validation
    seed = params.read(params.Base, "base").seed
    source = _source()
    given, test = (Digits(*csv_format.read(csv_path(split))) for split in CSV_SPLITS)
    train, validation = split_off(
        given,
        share=share,
        seed=seed,
    )
    # The test data stays whole, whatever it shares with the rest; validation goes before training.
    without_test = without(validation, test)
    without_both = without(train, test, without_test)
    splits = {"train": without_both, "validation": without_test, "test": test}
    removed = len(given.labels) - len(without_both.labels) - len(without_test.labels)
    _check(splits, removed)

    for name, digits in splits.items():
        with whole_file(paths.split_path(name)) as file:
            np.savez(file, images=digits.images, labels=digits.labels)
    counts = {name: len(digits.labels) for name, digits in splits.items()}
    _write_reports(splits, {"source": source, **counts, "duplicates_removed": removed})
    print(", ".join(f"{name}: {count:,}" for name, count in counts.items()), f"({source})")
    print(f"{removed:,} images removed that stand in two splits")


def split_off(digits: Digits, share: float, seed: int) -> tuple[Digits, Digits]:
    """Split `digits` into all but `share` of them and `share`, each class alike, the same for one `seed`."""
    try:
        rows = train_test_split(
            np.arange(len(digits.labels)), test_size=share, stratify=digits.labels, random_state=seed
        )
    except ValueError as error:
        raise StageError(
            f"{csv_path('train')} cannot be split: {error} "
            "Add rows, or change preprocess.validation in params.yaml."
        ) from None
    # Back in the CSV's order, in which a person can find a digit again.
    kept, split = (np.sort(part) for part in rows)
    return digits.at(kept), digits.at(split)


def without(digits: Digits, *others: Digits) -> Digits:
    """Return `digits` without the images that stand, byte for byte, in one of `others`."""
    seen = {image.tobytes() for other in others for image in other.images}
    return digits.at(np.array([image.tobytes() not in seen for image in digits.images]))


def _source() -> str:
    """Where the CSVs are from, in one text; they must be the ones that ingest checked."""
    record = read_record()
    for split in CSV_SPLITS:
        path = csv_path(split)
        if split not in record or not path.exists() or record[split]["sha256"] != sha256(path):
            raise StageError(f"{path} is not there or not checked yet; run `python -m pipeline.ingest`")
    train, test = (record[split]["source"] for split in CSV_SPLITS)
    return train if train == test else f"train: {train}; test: {test}"


def _check(splits: dict[str, Digits], removed: int) -> None:
    for name, digits in splits.items():
        missing = sorted(set(range(10)) - set(digits.labels.tolist()))
        if missing:
            raise StageError(
                f"after the removal of {removed:,} images that stand in two splits, the {name} split has no "
                f"image of {', '.join(map(str, missing))}; are the two CSVs in data/raw the same data?"
            )


def _write_reports(splits: dict[str, Digits], summary: dict[str, str | int]) -> None:
    with whole_file(paths.SPLITS_REPORT) as file:
        file.write(json.dumps(summary, indent=2).encode() + b"\n")
    counts = {name: np.bincount(digits.labels, minlength=10) for name, digits in splits.items()}
    table = np.column_stack([np.arange(10), *counts.values()])
    with whole_file(paths.DATA_REPORTS / "classes.csv") as file:
        np.savetxt(file, table, fmt="%d", delimiter=",", header=",".join(["digit", *counts]), comments="")
    _save(_draw_samples(splits["train"]), paths.DATA_REPORTS / "samples.png")
    _save(_draw_class_balance(counts), paths.DATA_REPORTS / "class_balance.png")


def _draw_samples(digits: Digits) -> Figure:
    """The first training images of each class, a class a row."""
    sheet = np.zeros((10, SAMPLES_PER_DIGIT, 28, 28), np.uint8)
    for digit in range(10):
        images = digits.images[digits.labels == digit][:SAMPLES_PER_DIGIT]
        sheet[digit, : len(images)] = images
    figure = Figure(figsize=(8, 5.2), layout="constrained")
    axes = figure.add_subplot(xticks=[], ylabel="digit", title="Training images")
    axes.imshow(sheet.swapaxes(1, 2).reshape(10 * 28, -1), cmap="gray_r")
    axes.set_yticks(np.arange(10) * 28 + 14, labels=[str(digit) for digit in range(10)])
    return figure


def _draw_class_balance(counts: dict[str, NDArray[np.int_]]) -> Figure:
    """Each class's share of its split: shares, as the splits differ in size and should not in this."""
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="digit", ylabel="share of the split, %", title="Class balance")
    for place, (name, count) in enumerate(counts.items()):
        axes.bar(
            np.arange(10) + 0.27 * (place - 1),
            100 * count / count.sum(),
            0.25,
            label=f"{name} ({count.sum():,})",
        )
    axes.set_xticks(np.arange(10))
    figure.legend(loc="outside lower center", ncols=len(counts))
    return figure


def _save(figure: Figure, path: Path) -> None:
    with whole_file(path) as file:
        # Matplotlib would write its version into the file: the same data must give the same bytes.
        figure.savefig(file, format="png", dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    run(preprocess)
