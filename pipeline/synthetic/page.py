"""Pages of handwritten digits whose truth is known, as a phone, a scanner or a paint program would show them.

MNIST's digits are redrawn with pens of many widths (pens), laid out on paper between other marks (layout,
distractors) and photographed (camera). The truth is right by construction, and every effect has a name, so
that a reader can be scored effect by effect. Equal seeds give equal bytes.

    for page in make_pages(images, labels, count=1000, seed=7):
        print(page.truth, page.effects)
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from joblib import Parallel, delayed
from tqdm import tqdm

from pipeline.synthetic import camera, layout
from pipeline.synthetic.camera import Box

EFFECTS = {
    "plain": "dark ink on even light paper, one line, digits apart; nothing else",
    "faint": "ink only 16 to 45 grey levels from the paper",
    "thin": "strokes of 1 to 5 % of the digit's height",
    "thick": "strokes a marker would make",
    "canvas": "a paint program's picture: uniform strokes, anti-aliased, on one colour",
    "chalk": "light ink on a dark ground",
    "paper": "fibres, mottling and creases",
    "uneven_light": "brightness that drifts over the page",
    "shadow": "a hand's shadow with a visible edge",
    "vignette": "corners darker than the middle",
    "cast": "coloured light",
    "desk": "the sheet ends within the picture, on a table of another brightness",
    "perspective": "turned by up to 15° and seen at an angle",
    "blur": "out of focus",
    "noise": "a sensor's noise",
    "jpeg": "strong JPEG compression",
    "ruled": "lined paper; the lines may cross digits",
    "squared": "squared paper; the lines cross digits",
    "table": "one digit in each cell of a table",
    "touching": "some neighbours touch or overlap by a stroke",
    "sizes": "digits of different sizes side by side",
    "lines": "several lines of unequal length",
    "staggered": "a baseline that jumps and climbs",
    "distractors": "dots, dashes, words and scribbles between and around the digits",
    "empty": "no digit at all",
}

# Of each of these, a page has at most one: a pen has one width, a sheet one print, a paint program neither
# paper nor lens, where no digit is none can be arranged, and what is faint must not drown, or no person could
# read it either.
_EXCLUSIVE = (
    ("thin", "thick", "canvas"),
    ("ruled", "squared", "table", "canvas"),
    ("table", "touching"),
    *((name, "canvas") for name in ("paper", "uneven_light", "shadow", "vignette", "cast", "desk")),
    *((name, "canvas") for name in ("perspective", "blur", "noise")),
    *((name, "empty") for name in ("touching", "sizes", "lines", "staggered", "table", "canvas")),
    *((name, "faint") for name in ("thin", "squared", "blur", "noise")),
)

Made = TypeVar("Made")


@dataclass(frozen=True)
class SyntheticPage:
    """A page.

    Attributes:
        picture: uint8, H×W×3 RGB.
        truth: The digits, a row for each line; empty if there are none.
        inks: Each digit's ink, in the order of `truth`: the pixels it covers, float32 N×2 (x, y).
        effects: Names of what was done, in the order of `EFFECTS`.
    """

    picture: np.ndarray
    truth: str
    inks: tuple[np.ndarray, ...]
    effects: tuple[str, ...]

    @cached_property
    def boxes(self) -> tuple[Box, ...]:
        """x, y, width, height in pixels of each digit's ink, in the order of `truth`."""
        return tuple(camera.box(ink, self.picture.shape) for ink in self.inks)


def make_pages(images: np.ndarray, labels: np.ndarray, count: int, seed: int) -> Iterator[SyntheticPage]:
    """Make pages with a mixture of all effects: one to ten digits in a line, or up to 24 in lines and tables.

    The same seed gives the same pages, and the first ones do not depend on `count`.

    Args:
        images: uint8 N×28×28, ink bright on 0; each page draws its digits from them.
        labels: N integers from 0 to 9.
        count: Number of pages.
        seed: Any whole number from 0.
    """
    for number in range(count):
        yield make_page(images, labels, number, seed)


def make_page(
    images: np.ndarray,
    labels: np.ndarray,
    number: int,
    seed: int,
    effects: Sequence[str] | None = None,
    tallest: float = layout.TALLEST,
    always: str | None = None,
) -> SyntheticPage:
    """Make page `number`, from 0, of those that `make_pages` makes, or one like it.

    Args:
        images: As `make_pages` takes them.
        labels: As `make_pages` takes them.
        number: With the seed it decides the page.
        seed: Any whole number from 0.
        effects: Names from `EFFECTS`; None mixes all of them.
        tallest: As `draw_page` takes it.
        always: An effect that a mixture of them must have.

    Raises:
        ValueError: An effect is unknown or excludes another.
    """
    rng = np.random.default_rng([seed, number])
    on_page = _mix(rng, always) if effects is None else effects
    chosen = rng.integers(len(images), size=_digit_count(on_page, rng))
    return draw_page(images[chosen], labels[chosen], rng, on_page, tallest)


def map_pages(
    make: Callable[[np.ndarray, np.ndarray, int, int], Made],
    images: np.ndarray,
    labels: np.ndarray,
    count: int,
    seed: int,
) -> Iterator[Made]:
    """What `make(images, labels, number, seed)` makes of each of `count` pages, in order, on all processor cores.

    `make` is a function of a module; its module is imported in every process.
    """
    made = Parallel(n_jobs=-1, return_as="generator")(
        delayed(make)(images, labels, number, seed) for number in range(count)
    )
    return iter(tqdm(made, total=count, unit="page", disable=None))


def draw_page(
    digits: np.ndarray,
    labels: Sequence[int] | np.ndarray,
    rng: np.random.Generator,
    effects: Sequence[str],
    tallest: float = layout.TALLEST,
) -> SyntheticPage:
    """Draw one page.

    Args:
        digits: uint8 N×28×28, ink bright on 0, in reading order; N may be 0.
        labels: N integers from 0 to 9.
        rng: Decides all that the effects leave open: sizes, pens, colours, places.
        effects: Names from `EFFECTS`; "plain" or none for a page without any.
        tallest: No digit is meant to be higher, in pixels; at least 60, for a paint program's pens.

    Raises:
        ValueError: An effect is unknown or excludes another, or digits and labels differ in number.
    """
    chosen = _checked(effects)
    if len(digits) != len(labels):
        raise ValueError(f"{len(digits)} digits have {len(labels)} labels")
    if "empty" in chosen and len(digits):
        raise ValueError(f'an "empty" page was given {len(digits)} digits')
    written = layout.write(digits, chosen, rng, tallest)
    picture, inks = camera.photograph(written, chosen, rng)
    truth = "\n".join("".join(str(int(labels[index])) for index in row) for row in written.rows)
    return SyntheticPage(picture, truth, inks, tuple(name for name in EFFECTS if name in chosen))


def _checked(effects: Sequence[str]) -> frozenset[str]:
    unknown = sorted(set(effects) - EFFECTS.keys())
    if unknown:
        raise ValueError(f"unknown effects {unknown}; known are {sorted(EFFECTS)}")
    for group in _EXCLUSIVE:
        if len(set(effects) & set(group)) > 1:
            raise ValueError(f"at most one of {group} is possible on one page, not {sorted(effects)}")
    return frozenset(effects) or frozenset({"plain"})


def _mix(rng: np.random.Generator, always: str | None) -> list[str]:
    """Choose up to four effects that go together, `always` among them.

    Without it one page in 15 is plain, one in 15 empty.
    """
    if always:
        return _with_others([always], int(rng.integers(1, 5)), rng)
    kind = rng.random()
    if kind < 1 / 15:
        return ["plain"]
    chosen = ["empty"] if kind > 14 / 15 else []
    if chosen and rng.random() < 0.6:
        chosen.append("distractors")
    return _with_others(chosen, len(chosen) + int(rng.integers(1, 5)), rng)


def _with_others(chosen: list[str], wanted: int, rng: np.random.Generator) -> list[str]:
    """The chosen effects and others that go with them, `wanted` together."""
    others = rng.permutation([name for name in EFFECTS if name not in ("plain", "empty", *chosen)])
    for name in map(str, others):
        together = {*chosen, name}
        if len(chosen) < wanted and not any(len(together & set(group)) > 1 for group in _EXCLUSIVE):
            chosen = [*chosen, name]
    return chosen


def _digit_count(effects: Sequence[str], rng: np.random.Generator) -> int:
    if "empty" in effects:
        return 0
    if "table" in effects:
        return int(rng.integers(3, 21))
    if "lines" in effects:
        return int(rng.integers(4, 25))
    if set(effects) & {"touching", "sizes", "staggered"}:
        return int(rng.integers(2, 9))
    return 1 if rng.random() < 0.4 else int(rng.integers(2, 11))
