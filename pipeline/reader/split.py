"""Components in which digits touch → parts: a network marks the splits, and the ink is parted there."""

import cv2
import numpy as np

from .component import Component, part
from .network import Network

# Where no measurement is named, a value was chosen while looking at generated pages and at other people's pictures, and
# has not been varied by itself.
# Components are shown to the network at this height, GAP columns apart on one strip, in windows of WINDOW
# columns; what is nearer than OVERLAP / 2 to a window's end is taken from the next window.
ROWS, GAP, WINDOW, OVERLAP = 48, 6, 128, 32
# Two digits that touch are at least so wide for their height; what is LONGEST_ROW times as wide is no row of digits.
TOUCHING, LONGEST_ROW = 0.6, 15
# A pixel is a split from this log odds: what is cut in vain, the verifier puts together again.
SPLIT_LOGIT = -2.5
# A part of a digit is at least this share of the component high or wide.
SMALLEST_PART = 0.2


class Splitter:
    """Parts components where digits touch.

    Args:
        model: A LiteRT model, float32 N×48×128×1, the share of ink from 0 to 1, in; for each pixel the log odds
            that two digits, or a digit and what is none, meet there, N×48×128×1, out.
    """

    def __init__(self, model: bytes) -> None:
        self._network = Network(model)

    def split(self, components: list[Component], least_height: float) -> list[list[Component]]:
        """For each component its parts.

        Lower ones than `least_height` are bars and dashes, not rows of digits.
        """
        parts = [[component] for component in components]
        wide = [i for i, c in enumerate(components) if c.height >= least_height and may_hold_several(c)]
        if wide:
            images = [scale_to_rows(components[i].mask) for i in wide]
            for i, split in zip(wide, self._split_logits(images), strict=True):
                parts[i] = split_at(components[i], split)
        return parts

    def _split_logits(self, images: list[np.ndarray]) -> list[np.ndarray]:
        """The network's output for each image, float32 ROWS×W."""
        strip = np.hstack([np.pad(image, ((0, 0), (GAP, 0))) for image in images])
        step = WINDOW - OVERLAP
        count = 1 + max(0, -(-(strip.shape[1] - WINDOW) // step))
        strip = np.pad(strip, ((0, 0), (0, (count - 1) * step + WINDOW - strip.shape[1])))
        windows = np.stack([strip[:, start : start + WINDOW] for start in range(0, count * step, step)])
        seen = self._network(windows[..., None])[..., 0]
        splits = np.empty_like(strip)
        # Each window overwrites what the one before said of the last columns it saw.
        for number, window in enumerate(seen):
            begin = OVERLAP // 2 if number else 0
            splits[:, number * step + begin : number * step + WINDOW] = window[:, begin:]
        starts = np.cumsum([GAP + image.shape[1] for image in images]) - [image.shape[1] for image in images]
        return [
            splits[:, start : start + image.shape[1]] for start, image in zip(starts, images, strict=True)
        ]


def may_hold_several(component: Component) -> bool:
    """Whether a component has the shape of digits that touch."""
    return TOUCHING * component.height <= component.width <= LONGEST_ROW * component.height


def scale_to_rows(mask: np.ndarray) -> np.ndarray:
    """The share of ink, float32 ROWS×W from 0 to 1, of a uint8 mask that is brought to that height."""
    width = max(1, round(mask.shape[1] * ROWS / mask.shape[0]))
    return cv2.resize(mask.astype(np.float32), (width, ROWS), interpolation=cv2.INTER_AREA)


def split_at(component: Component, split: np.ndarray) -> list[Component]:
    """The parts into which a component falls without its splits; these go to the part that is nearest.

    split: float32 ROWS×W, log odds.
    """
    odds = cv2.resize(split, (component.width, component.height), interpolation=cv2.INTER_LINEAR)
    rest = component.mask * (odds < SPLIT_LOGIT)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(rest, connectivity=8)
    longer = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1)
    large = np.flatnonzero(longer >= SMALLEST_PART * component.height)
    large = large[large > 0]
    if len(large) < 2:
        return [component]
    kept = np.isin(labels, large)
    _, place = cv2.distanceTransformWithLabels(
        (~kept).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    label_at = np.zeros(int(place.max()) + 1, np.int32)
    label_at[place[kept]] = labels[kept]
    nearest = label_at[place]
    return [part(component, component.mask * (nearest == label)) for label in large]
