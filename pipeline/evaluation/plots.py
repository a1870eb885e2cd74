"""The figures in reports/: equal input gives equal bytes, so that Git and DVC see a change only where there is one."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.evaluation.page_scores import ReadPage

# Images and pages that a gallery shows at most, and in how many columns; it says how many it leaves out.
MOST_IMAGES, IMAGE_COLUMNS = 300, 12
MOST_PAGES, PAGE_COLUMNS = 40, 4


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG and let go of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The library's version would otherwise stand in the file.
    figure.savefig(path, dpi=100, metadata={"Software": None})
    plt.close(figure)


def confusion(counts: np.ndarray) -> Figure:
    """The confusion matrix, int C×C with a row for each true class; colours show the errors only."""
    figure, axes = plt.subplots(figsize=(6.5, 6), layout="constrained")
    errors = counts - np.diag(np.diag(counts))
    axes.imshow(errors, cmap="Oranges", vmin=0, vmax=max(1, errors.max()))
    for (row, column), count in np.ndenumerate(counts):
        if count:
            weight = "bold" if row == column else "normal"
            axes.text(column, row, str(count), ha="center", va="center", fontsize=8, fontweight=weight)
    classes = range(len(counts))
    axes.set(
        xticks=classes, yticks=classes, xlabel="read as", ylabel="is", title="Confusion matrix, test images"
    )
    return figure


def curves(history: pd.DataFrame) -> Figure:
    """Accuracy and loss by epoch; columns epoch, accuracy, val_accuracy, loss, val_loss."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for axes, metric in ((left, "accuracy"), (right, "loss")):
        axes.plot(history["epoch"], history[metric], marker=".", label="training, distorted images")
        axes.plot(history["epoch"], history[f"val_{metric}"], marker=".", label="validation")
        axes.set(xlabel="epoch", title=metric)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    # The first epochs would squeeze what matters into a line.
    left.set_ylim(bottom=max(0, min(0.95, history["val_accuracy"].min() - 0.005)))
    losses = history[["loss", "val_loss"]]
    lowest, usual = losses.to_numpy().min(), losses.median().max()
    # Smoothed labels leave the loss far above 0.
    right.set_ylim(lowest - 0.1 * (usual - lowest), lowest + 3 * (usual - lowest))
    left.legend()
    return figure


def reliability(before: np.ndarray, after: np.ndarray, title: str) -> Figure:
    """Accuracy against confidence before and after temperature scaling; rows as `calibration.reliability`."""
    figure, axes = plt.subplots(figsize=(6, 6), layout="constrained")
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", label="perfectly calibrated")
    for rows, label in ((before, "before temperature scaling"), (after, "after")):
        axes.plot(rows[:, 1], rows[:, 2], marker="o", label=label)
    for count, confidence, accuracy in after:
        axes.annotate(
            f"{int(count)}", (confidence, accuracy), (4, -10), textcoords="offset points", fontsize=7
        )
    axes.set(xlabel="mean confidence", ylabel="accuracy", title=title, xlim=(0, 1.02), ylim=(0, 1.02))
    axes.legend()
    return figure


def effects(table: pd.DataFrame) -> Figure:
    """Share of pages read exactly with each effect; columns effect, pages, exact."""
    table = table.sort_values("exact")
    figure, axes = plt.subplots(figsize=(7, 6), layout="constrained")
    axes.barh([f"{row.effect} ({row.pages})" for row in table.itertuples()], 100 * table["exact"])
    axes.set(
        xlabel="pages read without a mistake, %", xlim=(50, 100), title="Generated pages by effect (number)"
    )
    axes.grid(axis="x", alpha=0.3)
    return figure


def page_gallery(read: list[ReadPage], title: str) -> Figure:
    """Pages with their readings drawn on them, the first MOST_PAGES of them, each under its truth and its effects."""
    shown = read[:MOST_PAGES]
    rows = max(1, -(-len(shown) // PAGE_COLUMNS))
    figure, grid = plt.subplots(
        rows, PAGE_COLUMNS, figsize=(4 * PAGE_COLUMNS, 3.2 * rows + 0.5), squeeze=False, layout="constrained"
    )
    for axes in grid.flat:
        axes.axis("off")
    for axes, page in zip(grid.flat, shown, strict=False):
        axes.imshow(page.reading.draw(page.synthetic.picture))
        truth, text = (
            text.replace("\n", "/") or "nothing" for text in (page.synthetic.truth, page.reading.text)
        )
        reading = "" if page.outcome.exact else ", failed" if page.outcome.error else f", read {text}"
        axes.set_title(f"{truth}{reading}\n{', '.join(page.synthetic.effects)}", fontsize=9)
    left_out = f" ({len(read) - len(shown)} more not shown)" if len(read) > len(shown) else ""
    figure.suptitle(title + left_out, fontsize=12)
    return figure


def gallery(images: np.ndarray, captions: list[str], title: str) -> Figure:
    """Images, uint8 N×H×W, each under its caption; the first MOST_IMAGES of them."""
    shown = min(len(images), MOST_IMAGES)
    rows = max(1, -(-shown // IMAGE_COLUMNS))
    figure, grid = plt.subplots(
        rows, IMAGE_COLUMNS, figsize=(IMAGE_COLUMNS, 1.35 * rows + 0.5), squeeze=False, layout="constrained"
    )
    for axes in grid.flat:
        axes.axis("off")
    for axes, image, caption in zip(grid.flat, images, captions[:shown], strict=False):
        axes.imshow(image, cmap="gray_r", vmin=0, vmax=255)
        axes.set_title(caption, fontsize=7)
    left_out = f" ({len(images) - shown} more not shown)" if len(images) > shown else ""
    figure.suptitle(title + left_out, fontsize=10)
    return figure
