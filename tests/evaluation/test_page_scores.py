"""Scores of generated pages, with readings made by hand."""

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from pipeline.evaluation import page_scores, plots, scoring
from pipeline.reader.reading import Digit, Reading
from pipeline.synthetic.page import EFFECTS, SyntheticPage


def page(truth: str, text: str, effects: tuple[str, ...], confidence: float = 0.9) -> page_scores.ReadPage:
    picture = np.full((60, 80, 3), 200, np.uint8)
    digits = tuple(Digit(int(c), confidence, (5 + 9 * i, 20, 8, 12), 0, 0) for i, c in enumerate(text))
    outcome = scoring.Outcome(truth, text, tuple(confidence for _ in text), 0.01)
    return page_scores.ReadPage(
        SyntheticPage(picture, truth, (), effects), Reading(digits, (), (60, 80)), outcome
    )


@pytest.fixture
def read() -> list[page_scores.ReadPage]:
    return [
        page("12", "12", ("shadow",)),
        page("345", "346", ("shadow", "blur"), confidence=0.6),
        page("", "", ("empty",)),
        page("", "7", ("empty", "blur")),
    ]


def test_scores_by_effect(read: list[page_scores.ReadPage]) -> None:
    summary = page_scores.summarize(read)
    assert summary["exact"] == 0.5
    assert summary["digit_error_rate"] == pytest.approx(2 / 5)
    rows = {row["effect"]: row for row in page_scores.tabulate_effects(read).to_dict("records")}
    assert rows["shadow"] == {
        "effect": "shadow",
        "pages": 2,
        "exact": 0.5,
        "digit_error_rate": 0.2,
        "ece": rows["shadow"]["ece"],
    }
    assert rows["empty"]["exact"] == 0.5
    assert np.isnan(rows["empty"]["digit_error_rate"])
    assert rows["plain"]["pages"] == 0


def test_a_page_is_as_sure_as_its_most_doubtful_digit(read: list[page_scores.ReadPage]) -> None:
    assert [page_scores.confidence(each) for each in read] == [0.9, 0.6, 1.0, 0.9]


def test_galleries_are_drawn_whatever_there_is(read: list[page_scores.ReadPage]) -> None:
    for some in ([], read, read * 15):
        figure = plots.page_gallery(some, "Pages")
        drawn = [axes for axes in figure.axes if axes.images]
        assert len(drawn) == min(len(some), plots.MOST_PAGES)


def test_galleries_show_the_first_pages_under_truth_reading_and_effects(
    read: list[page_scores.ReadPage],
) -> None:
    figure = plots.page_gallery(read, "Pages")
    assert [axes.get_title() for axes in figure.axes if axes.images] == [
        "12\nshadow",
        "345, read 346\nshadow, blur",
        "nothing\nempty",
        "nothing, read 7\nempty, blur",
    ]
    shown = plots.page_gallery(read * 15, "Pages").get_suptitle()
    assert shown == f"Pages ({60 - plots.MOST_PAGES} more not shown)"


def test_a_bar_is_as_long_as_its_effect_s_share(read: list[page_scores.ReadPage]) -> None:
    (axes,) = plots.effects(page_scores.tabulate_effects(read)).axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert len(labels) == len(axes.patches) == len(EFFECTS)
    widths = dict(
        zip(labels, (bar.get_width() for bar in axes.patches if isinstance(bar, Rectangle)), strict=True)
    )
    assert (widths["shadow (2)"], widths["blur (2)"], widths["empty (2)"]) == (50, 0, 50)


@pytest.mark.parametrize("temperature", [0.7, 1.0, 2.0])
def test_the_page_temperature_makes_confidences_true_frequencies(temperature: float) -> None:
    rng = np.random.default_rng(0)
    pages = []
    for _ in range(2000):
        true = rng.dirichlet([0.15] * 11)
        shown = int(rng.choice(11, p=true))
        powers = (
            np.maximum(true, 1e-9) ** temperature
        )  # what a network says whose logits are so many times too large
        said = powers / powers.sum()
        digit = int(said[:10].argmax())
        read = Digit(digit, float(said[digit]), (0, 0, 8, 12), 0, 0, None, None, said[:10])
        outcome = scoring.Outcome("" if shown == 10 else str(shown), str(digit), (read.confidence,), 0.01)
        blank = SyntheticPage(np.zeros((60, 80, 3), np.uint8), outcome.truth, (), ("plain",))
        pages.append(page_scores.ReadPage(blank, Reading((read,), (), (60, 80)), outcome))
    assert page_scores.fit_temperature(pages) == pytest.approx(temperature, rel=0.1)
