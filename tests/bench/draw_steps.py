"""The pictures in pipeline/reader/README.md: one page on its way through the reader, a picture a step.

    python -m tests.bench.draw_steps      # after `dvc repro`, with the networks in models/

The page is generated from drawn digits, so that no data is needed: with a shadow, ruled lines, a word and digits that
touch. Equal networks give equal pictures, in reports/steps/.
"""

import cv2
import numpy as np

from pipeline.common import paths
from pipeline.reader import binarize, version
from pipeline.reader.candidates import Candidate
from pipeline.reader.choice import choose_digits
from pipeline.reader.component import Component
from pipeline.reader.crops import NO_DIGIT
from pipeline.reader.lines import find_lines
from pipeline.reader.split import SPLIT_LOGIT, Splitter, scale_to_rows
from pipeline.reader.verification import Candidates, find_candidates, verify
from pipeline.synthetic.digit_forms import draw_digits
from pipeline.synthetic.page import make_page

FOLDER = paths.REPORTS / "steps"
EFFECTS, NUMBER, SEED = ("ruled", "shadow", "touching", "distractors"), 17, 5
GREEN, RED = (0, 150, 80), (214, 69, 65)
# A colour for each line of text; neighbours within a line take turns between two shades of it.
COLOURS = ((31, 119, 180), (214, 39, 40), (44, 160, 44), (148, 103, 189), (255, 127, 14), (140, 86, 75))


def main() -> None:
    """Draw all steps."""
    FOLDER.mkdir(exist_ok=True)
    reader = version.build(paths.READER_PARTS)
    page = make_page(*draw_digits(500, np.random.default_rng(3)), NUMBER, SEED, EFFECTS, tallest=110).picture
    contrast, everything = binarize_alone(page)
    ink = binarize.find_ink(page)
    lines = find_lines(ink)
    whole = verify(ink, lines, reader.verifier)
    found = find_candidates(ink, reader.splitter, reader.verifier)
    several = [c for line in lines for c in line if len(reader.splitter.split([c], 0)[0]) > 1]
    number = max(range(len(found.lines)), key=lambda n: len(found.lines[n]))
    save("1-picture.jpg", page)
    save("2-contrast.png", 255 - cv2.convertScaleAbs(contrast, alpha=255 / max(1, contrast.max())))
    save("3-ink.png", on_white(everything))
    save("4-writing.png", on_white(ink.mask))
    save("5-lines.png", draw_lines(ink.mask.shape, lines))
    save("6-crops.png", draw_crops(whole, [k for k, c in enumerate(whole.all) if c.first == c.last]))
    save("7-splits.png", draw_splits(several, reader.splitter))
    save("8-candidates.png", draw_crops(found, [k for k, c in enumerate(found.all) if c.line == number]))
    save("9-choice.png", draw_boxes(ink.mask, [found.all[k] for k in choose_digits(found)]))
    save("10-reading.jpg", reader.read(page).draw(page))


def save(name: str, picture: np.ndarray) -> None:
    """Write a picture, uint8 H×W or H×W×3 RGB."""
    pixels = picture if picture.ndim == 2 else picture[..., ::-1]
    smallest = [cv2.IMWRITE_PNG_COMPRESSION, 9] if name.endswith(".png") else [cv2.IMWRITE_JPEG_QUALITY, 85]
    cv2.imwrite(str(FOLDER / name), pixels, smallest)


def binarize_alone(page: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Contrast and mask of the page before ruled lines and boxes are removed, uint8 H×W each."""
    grey, _ = binarize.to_working_scale(cv2.cvtColor(page, cv2.COLOR_RGB2GRAY))
    contrast, noise = binarize.subtract_background(grey, binarize.shrink(grey))
    return contrast, binarize.threshold(cv2.GaussianBlur(contrast, (3, 3), 0), noise)


def on_white(mask: np.ndarray) -> np.ndarray:
    return 255 * (1 - mask)


def draw_lines(shape: tuple[int, ...], lines: list[list[Component]]) -> np.ndarray:
    """Components in the colour of their line."""
    canvas = np.full((*shape[:2], 3), 255, np.uint8)
    for number, line in enumerate(lines):
        for i, component in enumerate(line):
            colour = np.array(COLOURS[number % len(COLOURS)]) // (1 + i % 2)
            paint(canvas, component, colour)
    return canvas


def paint(canvas: np.ndarray, component: Component, colour: np.ndarray | tuple[int, ...]) -> None:
    x, y = component.x, component.y
    canvas[y : y + component.height, x : x + component.width][component.mask > 0] = colour


def draw_boxes(mask: np.ndarray, candidates: list[Candidate]) -> np.ndarray:
    """The ink, with a box around each candidate."""
    canvas = cv2.cvtColor(on_white(mask), cv2.COLOR_GRAY2RGB)
    for c in (candidate.component for candidate in candidates):
        cv2.rectangle(canvas, (c.x - 2, c.y - 2), (c.x + c.width + 1, c.y + c.height + 1), GREEN, 2)
    return canvas


def draw_crops(candidates: Candidates, chosen: list[int]) -> np.ndarray:
    """Near crop, context crop and the verifier's answer, a column for each candidate: uint8 grey."""
    columns = []
    for k in chosen:
        crops = [np.pad(enlarge(candidates.crops[k, ..., i], 3), 3, constant_values=255) for i in (0, 1)]
        answer = int(candidates.probabilities[k].argmax())
        text = "no digit" if answer == NO_DIGIT else str(answer)
        rows = [text, f"{100 * candidates.probabilities[k, answer]:.1f} %"]
        columns.append(np.vstack([*crops, label(rows, crops[0].shape[1])]))
    return np.hstack(columns)


def label(rows: list[str], width: int) -> np.ndarray:
    """Rows of text on white, uint8 grey."""
    canvas = np.full((18 * len(rows) + 6, width), 255, np.uint8)
    for i, row in enumerate(rows):
        cv2.putText(canvas, row, (4, 18 * i + 15), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 60, 1, cv2.LINE_AA)
    return canvas


def enlarge(image: np.ndarray, times: int) -> np.ndarray:
    return cv2.resize(image, None, fx=times, fy=times, interpolation=cv2.INTER_NEAREST)


def draw_splits(components: list[Component], splitter: Splitter) -> np.ndarray:
    """Each component with what the splitter marks in red, above the parts into which it falls."""
    columns = []
    images = [scale_to_rows(component.mask) for component in components]
    for component, image, logits in zip(components, images, splitter._split_logits(images), strict=True):
        marked = cv2.cvtColor(255 - np.rint(255 * image).astype(np.uint8), cv2.COLOR_GRAY2RGB)
        marked[(logits >= SPLIT_LOGIT) & (image > 0.3)] = RED
        alone = Component(0, 0, component.mask)
        parts = draw_parts(alone, splitter.split([alone], 0)[0])
        parts = cv2.resize(parts, image.shape[::-1], interpolation=cv2.INTER_AREA)
        pair = np.vstack([marked, np.full((6, marked.shape[1], 3), 255, np.uint8), parts])
        columns.append(np.pad(enlarge(pair, 2), ((4, 4), (8, 8), (0, 0)), constant_values=255))
    return np.hstack(columns)


def draw_parts(component: Component, parts: list[Component]) -> np.ndarray:
    canvas = np.full((component.height, component.width, 3), 255, np.uint8)
    for i, part in enumerate(parts):
        paint(canvas, part, COLOURS[i % len(COLOURS)])
    return canvas


if __name__ == "__main__":
    main()
