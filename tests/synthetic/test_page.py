"""Generated pages: true, repeatable, and each effect does what its name says."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from sklearn.datasets import load_digits

from pipeline.synthetic.page import EFFECTS, SyntheticPage, draw_page, make_page, make_pages


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's 8×8 digits in MNIST's form: 20×20 within 28×28."""
    images, labels = load_digits(return_X_y=True)
    small = (images.reshape(-1, 8, 8) * 255 / 16).astype(np.uint8)
    large = [cv2.resize(image, (20, 20), interpolation=cv2.INTER_CUBIC) for image in small[:500]]
    return np.pad(large, ((0, 0), (4, 4), (4, 4))), labels[:500]


def make(
    digits: tuple[np.ndarray, np.ndarray], *effects: str, count: int = 6, seed: int = 1
) -> list[SyntheticPage]:
    return [make_page(*digits, number, seed, effects) for number in range(count)]


def grey(page: SyntheticPage) -> np.ndarray:
    return cv2.cvtColor(page.picture, cv2.COLOR_RGB2GRAY).astype(float)


def ink_contrasts(page: SyntheticPage) -> list[float]:
    """For each digit, how far its darkest and its lightest pixels lie apart, in grey levels."""
    levels = grey(page)
    return [float(np.ptp(levels[y : y + h, x : x + w])) for x, y, w, h in page.boxes]


def covered(page: SyntheticPage) -> float:
    """Share of the digits' boxes that is ink, on a plain page."""
    levels = grey(page)
    ground = np.median(levels)
    parts = [abs(levels[y : y + h, x : x + w] - ground) for x, y, w, h in page.boxes]
    return float(np.mean([(part > part.max() / 2).mean() for part in parts]))


def assert_sound(page: SyntheticPage) -> None:
    height, width = page.picture.shape[:2]
    assert page.picture.dtype == np.uint8
    assert page.picture.shape == (height, width, 3)
    assert min(height, width) >= 16
    assert height * width < 6_000_000
    assert len(page.truth.replace("\n", "")) == len(page.boxes)
    assert all(line.isdigit() for line in page.truth.splitlines())
    for x, y, box_width, box_height in page.boxes:
        assert x >= 0
        assert y >= 0
        assert box_width > 0
        assert box_height > 4
        assert x + box_width <= width
        assert y + box_height <= height


def test_mixed_pages_are_sound_and_show_every_effect(digits: tuple[np.ndarray, np.ndarray]) -> None:
    made = list(make_pages(*digits, 120, seed=4))
    for page in made:
        assert_sound(page)
        assert all(contrast >= 12 for contrast in ink_contrasts(page)), page.effects
    assert {name for page in made for name in page.effects} == set(EFFECTS)


@pytest.mark.parametrize("effect", EFFECTS)
def test_one_effect_can_be_asked_for(effect: str, digits: tuple[np.ndarray, np.ndarray]) -> None:
    for page in make(digits, effect):
        assert_sound(page)
        assert page.effects == (effect,)
        assert all(contrast >= 12 for contrast in ink_contrasts(page))


def test_mixtures_that_always_have_an_effect(digits: tuple[np.ndarray, np.ndarray]) -> None:
    made = [make_page(*digits, number, 3, always="touching") for number in range(30)]
    assert all("touching" in page.effects for page in made)
    assert {len(page.effects) for page in made} == {1, 2, 3, 4}
    assert len({effect for page in made for effect in page.effects}) > 12


def test_equal_seeds_give_equal_bytes_whatever_the_count(digits: tuple[np.ndarray, np.ndarray]) -> None:
    few, many = (list(make_pages(*digits, count, seed=9)) for count in (3, 6))
    for one, other in zip(few, many, strict=False):
        assert one.picture.tobytes() == other.picture.tobytes()
        assert (one.truth, one.boxes, one.effects) == (other.truth, other.boxes, other.effects)
    other_seed = next(make_pages(*digits, 1, seed=10))
    assert other_seed.picture.tobytes() != few[0].picture.tobytes()


def test_boxes_hold_the_ink_and_nothing_else_does(digits: tuple[np.ndarray, np.ndarray]) -> None:
    for page in make(digits, "plain", count=10):
        levels = grey(page)
        is_ink = abs(levels - np.median(levels)) > 25
        for x, y, width, height in page.boxes:
            part = is_ink[y : y + height, x : x + width]
            # Ink reaches all four sides, to the pixel or nearly so.
            assert part[:2].any()
            assert part[-2:].any()
            assert part[:, :2].any()
            assert part[:, -2:].any()
            is_ink[max(0, y - 2) : y + height + 2, max(0, x - 2) : x + width + 2] = False
        assert not is_ink.any()


def test_empty_pages_have_no_truth(digits: tuple[np.ndarray, np.ndarray]) -> None:
    for page in make(digits, "empty", "distractors"):
        assert page.truth == ""
        assert page.boxes == ()
    assert any(np.ptp(grey(page)) > 50 for page in make(digits, "empty", "distractors"))


def test_pens(digits: tuple[np.ndarray, np.ndarray]) -> None:
    thin, plain, thick = (
        np.mean([covered(page) for page in make(digits, name, count=8)])
        for name in ("thin", "plain", "thick")
    )
    assert thin < plain < thick
    for page in make(digits, "faint"):
        assert max(ink_contrasts(page)) <= 60
    for page in make(digits, "chalk"):
        levels = grey(page)
        assert levels.max() - np.median(levels) > np.median(levels) - levels.min()


def test_light_and_paper(digits: tuple[np.ndarray, np.ndarray]) -> None:
    def median_of_parts(page: SyntheticPage) -> np.ndarray:
        levels = grey(page)
        height, width = (side // 4 for side in levels.shape)
        parts = [
            levels[y * height : (y + 1) * height, x * width : (x + 1) * width]
            for y in range(4)
            for x in range(4)
        ]
        return np.array([np.median(part) for part in parts])

    for page in make(digits, "plain"):
        assert np.ptp(median_of_parts(page)) < 3
    for effect in ("uneven_light", "shadow", "vignette"):
        assert all(np.ptp(median_of_parts(page)) > 8 for page in make(digits, effect))
    for page in make(digits, "vignette"):
        parts = median_of_parts(page)
        assert parts[[0, 3, 12, 15]].max() < parts[[5, 6, 9, 10]].min()
    for page in make(digits, "desk"):
        edges = np.concatenate([grey(page)[[0, -1]].ravel(), grey(page)[:, [0, -1]].ravel()])
        assert np.ptp(edges) > 20
    for page in make(digits, "paper"):
        assert grey(page)[:8, :8].std() > 0.3
    for page in make(digits, "cast"):
        colours = np.median(page.picture.reshape(-1, 3), axis=0)
        assert np.ptp(colours) > 3


def test_lens(digits: tuple[np.ndarray, np.ndarray]) -> None:
    def sharpest(page: SyntheticPage) -> float:
        return abs(np.diff(grey(page), axis=1)).max() / max(ink_contrasts(page))

    def colours(page: SyntheticPage) -> int:
        return len(np.unique(page.picture.reshape(-1, 3), axis=0))

    blurred = np.mean([sharpest(page) for page in make(digits, "blur", count=10)])
    sharp = np.mean([sharpest(page) for page in make(digits, "plain", count=10)])
    assert blurred < 0.7 * sharp
    for page in make(digits, "noise"):
        assert abs(np.diff(grey(page)[0])).mean() > 0.5
    compressed = np.mean([colours(page) for page in make(digits, "jpeg")])
    assert compressed > 2 * np.mean([colours(page) for page in make(digits, "plain")])


def test_rulings_cross_the_page(digits: tuple[np.ndarray, np.ndarray]) -> None:
    def even_rows(levels: np.ndarray) -> np.ndarray:
        return np.median(levels, axis=1)

    for page in make(digits, "ruled"):
        assert np.ptp(even_rows(grey(page))) > 3
    for page in make(digits, "squared"):
        assert np.ptp(even_rows(grey(page))) > 3
        assert np.ptp(even_rows(grey(page).T)) > 3


def test_layouts(digits: tuple[np.ndarray, np.ndarray]) -> None:
    assert all("\n" in page.truth for page in make(digits, "lines"))
    assert all("\n" not in page.truth for page in make(digits, "plain"))
    for page in make(digits, "table"):
        *full, _ = [len(line) for line in page.truth.splitlines()]
        assert len(set(full)) <= 1

    def gaps(page: SyntheticPage) -> list[int]:
        return [after[0] - before[0] - before[2] for before, after in pairwise(page.boxes)]

    for page in make(digits, "touching"):
        assert min(gaps(page)) <= 0
    for page in make(digits, "plain"):
        assert all(gap > 0 for gap in gaps(page))

    def spread(name: str, side: int) -> float:
        made = [page for page in make(digits, name, count=20) if len(page.boxes) > 3]
        return float(
            np.mean(
                [np.std([box[side] for box in s.boxes]) / np.mean([box[3] for box in s.boxes]) for s in made]
            )
        )

    assert spread("sizes", 3) > 1.5 * spread("plain", 3)
    assert spread("staggered", 1) > 1.5 * spread("plain", 1)


def test_impossible_requests_are_refused(digits: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = digits
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="unknown effects"):
        make(digits, "watercolour")
    with pytest.raises(ValueError, match="at most one of"):
        make(digits, "thin", "thick")
    with pytest.raises(ValueError, match="2 digits have 1 labels"):
        draw_page(images[:2], labels[:1], rng, ["plain"])
    with pytest.raises(ValueError, match="empty"):
        draw_page(images[:1], labels[:1], rng, ["empty"])
