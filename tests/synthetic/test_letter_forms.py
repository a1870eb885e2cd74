import cv2
import numpy as np

from pipeline.reader.crops import SURROUNDINGS
from pipeline.reader.normalize import SIDE
from pipeline.reader.split import Splitter
from pipeline.synthetic.letter_forms import LETTER_FORMS, draw_letters


def test_letters_are_seen_whole_and_in_pieces(cuts_nothing: bytes) -> None:
    count = 5 * len(LETTER_FORMS)
    crops, again = (draw_letters(count, Splitter(cuts_nothing), np.random.default_rng(0)) for _ in range(2))
    assert np.array_equal(crops, again)
    # Each as it is, and of those in two pieces, as a j, the stem and the dot besides.
    assert count < len(crops) < 1.5 * count
    assert crops.shape[1:] == (SIDE, SIDE, 2)
    for crop in crops[..., 0]:
        _, _, width, height = cv2.boundingRect((crop > 127).astype(np.uint8))
        assert 17 <= max(width, height) <= 22
    assert len(np.unique(crops, axis=0)) == len(crops)


def test_the_parts_of_a_letter_that_is_cut_are_seen_among_the_rest_of_it(
    cuts_nothing: bytes, cuts_bridges: bytes
) -> None:
    count = 5 * len(LETTER_FORMS)
    whole, cut = (
        draw_letters(count, Splitter(model), np.random.default_rng(0))
        for model in (cuts_nothing, cuts_bridges)
    )
    known = {crop.tobytes() for crop in whole}
    parts = [crop for crop in cut if crop.tobytes() not in known]
    assert len(parts) > count / 4
    # What stands around a part is dimmer than its own ink.
    assert np.mean([(crop[..., 0] == SURROUNDINGS).any() for crop in parts]) > 0.5
