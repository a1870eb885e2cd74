"""Picture → ink: how much darker (or brighter) than its paper each pixel is, and which pixels are written."""

from dataclasses import dataclass

import cv2
import numpy as np

from .ruled_lines import remove_ruled_lines

# Where no measurement is named, a value was chosen while looking at generated pages and at other people's pictures, and
# has not been varied by itself.
# Pixels. Longest side at which the steps work: a digit of 1 % of a photo's side is still 16 pixels high.
LONGEST_SIDE = 1600
# Pixels. Smaller pictures are enlarged until their short side reaches this: four times MNIST's 28, so that a stroke is
# several pixels wide.
SHORTEST_SIDE = 112
# Pixels. Polarity is determined and the paper estimated on a copy of this longest side; light changes slowly.
SMALL_SIDE = 240
# Sides of the squares of the pattern spectrum, from narrower to wider than strokes: shares of the shorter side.
SPECTRUM_SIDES = 0.01, 0.03, 0.06, 0.12, 0.2, 0.3
# What a square of half the side fills counts 2 ** 2.5 = 5.7 times as much: narrow is what strokes are.
SPECTRUM_EXPONENT = 2.5
# The third power of the fillings lets few strong strokes count more than much weak texture.
CUBES = np.arange(256.0) ** 3
# The border's vote beside the spectrum's, which lies within -1 to 1.
BORDER_WEIGHT = 0.2
# Radii of the octagons within which strokes are separated from paper, as shares of the shorter side. Always the wide
# one loses 27 instead of 21 of 197 generated pages with a shadow; never, 41 instead of 97 % of closely cut digits are
# read.
NARROW_RADIUS, WIDE_RADIUS = 0.1, 0.25
# The narrow one is too narrow if more than HOLLOW_SHARE of what is strong ink within the wide one, of at least
# STRONG_CONTRAST of the highest contrast, is fainter by half within the narrow one.
HOLLOW_SHARE, STRONG_CONTRAST = 0.02, 0.6
# The side of an octagon's inner square, as a share of its radius: tan(22.5°), so that all eight sides are equal.
OCTAGON_INNER = 0.41
# Grey levels by which the paper is at most brighter than the darkest paper beside it.
STEEPEST_PAPER = 6
# The standard deviation of normally distributed noise, from its median absolute deviation.
SIGMA_OF_MAD = 1.48
# Grey levels. Ink differs from its paper by at least LEAST_CONTRAST, about twice what JPEG and a sensor's noise
# reach, and by NOISES standard deviations of the noise.
LEAST_CONTRAST, NOISES = 10.0, 4.0
# Pixels at working scale, a digit of 6×6; and grey levels. A picture with less ink than LEAST_INK shows nothing, if its
# noise is at most MOST_NOISE: squares so dense that they cover half of the paper count as its noise.
LEAST_INK, MOST_NOISE = 36, 10.0
# Grey levels, and standard deviations of the noise. Ruled lines may be fainter than ink: they are long, and smoothing
# leaves less than half of the noise.
LEAST_FAINT, FAINT_NOISES = 8.0, 2.0
# Strokes have at least this share of the picture's mean contrast across edges.
STROKE_FLOOR = 0.4
# A pixel is ink if it has this share of its stroke's contrast, which is where a blurred edge lies; and a stroke is
# writing, and no remains of rules, if it has this share of the writing's.
STROKE_CONTRAST = 0.5


@dataclass(frozen=True)
class Ink:
    """The ink of a picture at working scale.

    contrast: uint8 H×W, grey levels by which a pixel differs from its paper, 0 where it does not.
    mask: uint8 H×W, 1 where there is ink.
    scale: pixels of the original picture per working pixel.
    """

    contrast: np.ndarray
    mask: np.ndarray
    scale: float


def find_ink(picture: np.ndarray, inverted: bool = False) -> Ink:
    """Ink of an upright uint8 picture, H×W grey or H×W×3 RGB, of either polarity.

    inverted: Take it for light on dark if it seems to be dark on light, and the other way round.
    """
    picture, scale = to_working_scale(picture)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) if picture.ndim == 3 else picture
    small = shrink(grey)
    if is_light_on_dark(small) != inverted:
        grey, small = 255 - grey, 255 - small
    contrast, noise = subtract_background(grey, small)
    smooth = cv2.GaussianBlur(contrast, (3, 3), 0)
    mask = threshold(smooth, noise)
    if np.count_nonzero(mask) < LEAST_INK:
        # Squares so dense that they cover half of the paper count as its noise.
        mask = threshold(smooth, min(noise, MOST_NOISE))
    written = remove_ruled_lines(mask, faint_ink(smooth, noise, mask), smooth)
    if np.count_nonzero(written) < np.count_nonzero(mask):
        written = remove_faint_remains(written, contrast * (written >= mask))
    return Ink(contrast * (written >= mask), written, scale)


def to_working_scale(picture: np.ndarray) -> tuple[np.ndarray, float]:
    """The picture at working scale, and the pixels of the original per working pixel."""
    short, long = sorted(picture.shape[:2])
    factor = min(max(1.0, SHORTEST_SIDE / short), LONGEST_SIDE / long)
    if factor == 1 and short > 1:
        return picture, 1.0
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    # Contrast across edges needs two pixels in each direction.
    size = (max(2, round(picture.shape[1] * factor)), max(2, round(picture.shape[0] * factor)))
    return cv2.resize(picture, size, interpolation=interpolation), 1 / factor


def is_light_on_dark(small: np.ndarray) -> bool:
    """Whether the writing is brighter than what it is written on.

    Strokes are narrower than the paper between them. Closings by growing squares fill what is dark and ever
    wider, openings what is bright (the pattern spectrum of Maragos 1989); what is filled early, being narrow,
    weighs more. The straight edge of a table or a shadow is never filled. The border, which is mostly paper,
    decides where both are alike.
    """
    dark = bright = dark_before = bright_before = 0.0
    for share in SPECTRUM_SIDES:
        side = 2 * round(share * min(small.shape) / 2) + 3
        square = np.ones((side, side), np.uint8)
        filled_dark = sum_of_cubes(cv2.subtract(morph(small, cv2.MORPH_CLOSE, square), small))
        filled_bright = sum_of_cubes(cv2.subtract(small, morph(small, cv2.MORPH_OPEN, square)))
        weight = (min(small.shape) / side) ** SPECTRUM_EXPONENT
        dark += weight * max(filled_dark - dark_before, 0)
        bright += weight * max(filled_bright - bright_before, 0)
        dark_before, bright_before = filled_dark, filled_bright
    middle, _ = cv2.threshold(small, 0, 255, cv2.THRESH_OTSU)
    border = np.concatenate((small[0], small[-1], small[:, 0], small[:, -1]))
    dark_border = 1 - 2 * float((border > middle).mean())
    return (bright - dark) / (bright + dark + 1e-3) + BORDER_WEIGHT * dark_border > 0


def sum_of_cubes(image: np.ndarray) -> float:
    """Of the values of a uint8 image."""
    histogram = cv2.calcHist([image], [0], None, [256], [0, 256])
    return float(histogram.ravel() @ CUBES)


def morph(image: np.ndarray, operation: int, element: np.ndarray) -> np.ndarray:
    """Opening, closing or erosion that takes the picture to go on beyond its border as it ends there.

    A strip of table along the border is then as wide as any table, not narrow as a stroke.
    """
    return cv2.morphologyEx(image, operation, element, borderType=cv2.BORDER_REPLICATE)


def shrink(grey: np.ndarray) -> np.ndarray:
    """The picture at a longest side of at most SMALL_SIDE, without single stray pixels."""
    factor = min(1.0, SMALL_SIDE / max(grey.shape))
    size = (max(1, round(grey.shape[1] * factor)), max(1, round(grey.shape[0] * factor)))
    return cv2.medianBlur(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), 3)


def subtract_background(grey: np.ndarray, small: np.ndarray) -> tuple[np.ndarray, float]:
    """Grey levels by which each pixel is darker than its paper, uint8; and their noise."""
    paper = find_paper(small)
    # Interpolated between a sheet and the table, it would be brighter than the table's own rim, which then were ink.
    darkest = morph(paper, cv2.MORPH_ERODE, np.ones((3, 3), np.uint8))
    paper = cv2.min(cv2.blur(paper, (3, 3)), cv2.convertScaleAbs(darkest, beta=STEEPEST_PAPER))
    paper = cv2.resize(paper, grey.shape[::-1], interpolation=cv2.INTER_LINEAR)
    # A closing lies above the mean of noisy paper: what most of the picture shows is no contrast.
    sample = cv2.subtract(paper[::4, ::4], grey[::4, ::4])
    level = float(np.median(sample))
    noise = SIGMA_OF_MAD * float(np.median(np.abs(sample - level)))
    return cv2.addWeighted(paper, 1, grey, -1, -level), noise


def find_paper(small: np.ndarray) -> np.ndarray:
    """How bright the paper is at each pixel, under the strokes too: uint8, like the picture.

    It is a morphological closing by an octagon wider than the strokes: it follows the edge of a shadow or of a table
    but not a stroke. Where a digit fills the picture, its strokes may be wider than a narrow octagon, and come out
    hollow. A wide one would not follow shadows as well, and is taken only then. In a shadow all ink is fainter than
    from the paper outside, but seldom by half.
    """
    short = min(small.shape)
    narrow = round(NARROW_RADIUS * short) + 2
    wide = max(narrow, round(WIDE_RADIUS * short))
    paper = close_by_octagon(small, narrow)
    # For this question every second pixel is enough.
    coarse = small[::2, ::2]
    strokes = cv2.subtract(close_by_octagon(coarse, wide // 2), coarse)
    strong = strokes > STRONG_CONTRAST * strokes.max()
    hollow = strong & (cv2.subtract(paper[::2, ::2], coarse) < STROKE_CONTRAST * strokes)
    if np.count_nonzero(hollow) > HOLLOW_SHARE * np.count_nonzero(strong):
        return close_by_octagon(small, wide)
    return paper


def close_by_octagon(image: np.ndarray, radius: int) -> np.ndarray:
    """The closing by an octagon, as `morph` takes borders.

    An octagon is a square widened by a diamond; in these steps it takes a fraction of a disc's time.
    """
    inner = round(OCTAGON_INNER * radius)
    square, cross = (
        np.ones((2 * inner + 1,) * 2, np.uint8),
        cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)),
    )
    wide = cv2.copyMakeBorder(image, radius, radius, radius, radius, cv2.BORDER_REPLICATE)
    for step in (cv2.dilate, cv2.erode):
        wide = step(step(wide, square), cross, iterations=radius - inner)
    return wide[radius:-radius, radius:-radius]


def threshold(smooth: np.ndarray, noise: float) -> np.ndarray:
    """1 where a pixel has at least half the contrast of the stroke it belongs to: uint8.

    A low threshold finds the strokes, faint ones too; a second one, at half the contrast of each connected
    component, cuts it at its edge. The low threshold is a part of the picture's mean contrast across edges
    (Kittler, Illingworth and Föglein 1985, "Threshold selection based on a simple image statistic"), and
    never within the noise of the paper.

    smooth: uint8 H×W, the contrast without single stray pixels.
    """
    floor = max(LEAST_CONTRAST, NOISES * noise)
    corner = smooth[:-1, :-1]
    edge = cv2.max(cv2.absdiff(smooth[:-1, 1:], corner), cv2.absdiff(smooth[1:, :-1], corner))
    weight = edge * (corner >= floor / 2)
    level = float(weight.ravel() @ corner.ravel().astype(np.float32)) / max(float(weight.sum()), 1.0)
    _, low = cv2.threshold(smooth, max(floor, STROKE_FLOOR * level), 1, cv2.THRESH_BINARY)
    inked, values, typical = typical_contrast(low, smooth)
    mask = np.zeros(smooth.shape, np.uint8)
    mask.ravel()[inked] = values > STROKE_CONTRAST * typical
    return mask


def faint_ink(smooth: np.ndarray, noise: float, mask: np.ndarray) -> np.ndarray:
    """1 where something stands on the paper that is fainter than the ink of the mask: uint8.

    Of squares fainter than the writing on them the mask has the crossings, or pieces, in which no line is found.
    """
    strong = STROKE_CONTRAST * cv2.mean(smooth, mask)[0] if mask.any() else 255.0
    return np.minimum(cv2.inRange(smooth, max(LEAST_FAINT, FAINT_NOISES * noise), strong), 1)


def remove_faint_remains(mask: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    """The mask of a picture out of which ruled lines were taken, without what they left.

    Rules are mostly fainter than writing. Hanging together with it they lowered the contrast by which it was cut
    at its edge, so that pieces of them stayed on it; others stayed where a line was broken.
    """
    inked, values, typical = typical_contrast(mask, cv2.GaussianBlur(contrast, (3, 3), 0))
    written = np.zeros_like(mask)
    if len(inked):
        written.ravel()[inked] = (values > STROKE_CONTRAST * typical) & (
            typical >= STROKE_CONTRAST * np.median(typical)
        )
    return written


def typical_contrast(mask: np.ndarray, contrast: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each pixel of a mask its place in the flattened picture, its contrast, and that of its connected component.

    The component's is the mean weighted by itself, since a stroke's edge says little. float32 N but for the places.
    """
    count, labels = cv2.connectedComponents(mask)
    inked = np.flatnonzero(mask.view(bool))
    component, values = labels.ravel()[inked], contrast.ravel()[inked].astype(np.float32)
    total = np.bincount(component, values, count)
    typical = np.bincount(component, values * values, count) / np.maximum(total, 1e-6)
    return inked, values, typical[component]
