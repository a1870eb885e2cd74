"""How well the whole reader reads generated pages, effect by effect."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from tqdm import tqdm

from pipeline.evaluation import calibration, scoring
from pipeline.reader.reader import Reader, temper
from pipeline.reader.reading import Reading
from pipeline.synthetic.page import EFFECTS, SyntheticPage, make_pages


@dataclass(frozen=True)
class ReadPage:
    """A page, what was read on it, and how that compares with the truth."""

    synthetic: SyntheticPage
    reading: Reading
    outcome: scoring.Outcome


def read_pages(
    reader: Reader, images: np.ndarray, labels: np.ndarray, count: int, seed: int
) -> list[ReadPage]:
    """Generate pages and read them.

    Args:
        images: uint8 N×28×28, the digits that are written on the pages, ink bright on 0.
        labels: N integers from 0 to 9.
    """
    read = []
    for page in tqdm(make_pages(images, labels, count, seed), total=count, unit="page", disable=None):
        read.append(ReadPage(page, *scoring.time_reading(reader, page.picture, page.truth)))
    return read


def fit_temperature(pages: list[ReadPage]) -> float:
    """The page temperature at which being right or wrong is most likely, of all digits read on pages.

    Args:
        pages: Read at a page temperature of 1.
    """
    read = [digit for page in pages for digit in page.reading.digits]
    right = [
        is_right
        for page in pages
        for is_right in scoring.matches(
            scoring.join_lines(page.outcome.truth), scoring.join_lines(page.outcome.text)
        )
    ]
    if not read:
        return 1.0

    def right_or_wrong(temperature: float) -> np.ndarray:
        confidences = np.array([temper(digit, temperature).confidence for digit in read])
        return np.stack([1 - confidences, confidences], axis=1)

    return calibration.fit_temperature(right_or_wrong, np.array(right, int))


def summarize(pages: list[ReadPage]) -> dict[str, object]:
    """The pages' part of reports/metrics.json: of all pages together, and of those with each effect."""
    return {
        "pictures": len(pages),
        **_scores(pages),
        "by_effect": {name: _scores(select_effect(pages, name)) for name in EFFECTS},
    }


def select_effect(pages: list[ReadPage], effect: str) -> list[ReadPage]:
    return [page for page in pages if effect in page.synthetic.effects]


def confidence(page: ReadPage) -> float:
    """Of the page as a whole: that of its most doubtful digit; 1 where none was read."""
    return min(page.outcome.confidences, default=1.0)


def tabulate_effects(pages: list[ReadPage]) -> pd.DataFrame:
    """A row for each effect: how many pages have it, share read exactly, digit error rate."""
    rows = [
        {"effect": name, "pages": len(select_effect(pages, name)), **_scores(select_effect(pages, name))}
        for name in EFFECTS
    ]
    return pd.DataFrame(rows)


def _scores(pages: list[ReadPage]) -> dict[str, float]:
    return scoring.shares([page.outcome for page in pages])
