import cv2
import numpy as np

from pipeline.letters import LETTERS, letters
from pipeline.reader.cut import Cutter
from pipeline.reader.normalize import SIDE
from pipeline.reader.views import SURROUNDINGS


def test_letters_are_seen_whole_and_in_pieces(cuts_nothing: bytes) -> None:
    count = 5 * len(LETTERS)
    views, again = (letters(count, Cutter(cuts_nothing), np.random.default_rng(0)) for _ in range(2))
    assert np.array_equal(views, again)
    # Each as it is, and of those in two pieces, as a j, the stem and the dot besides.
    assert count < len(views) < 1.5 * count
    assert views.shape[1:] == (SIDE, SIDE, 2)
    for view in views[..., 0]:
        _, _, width, height = cv2.boundingRect((view > 127).astype(np.uint8))
        assert 17 <= max(width, height) <= 22
    assert len(np.unique(views, axis=0)) == len(views)


def test_the_parts_of_a_letter_that_is_cut_are_seen_among_the_rest_of_it(
    cuts_nothing: bytes, cuts_bridges: bytes
) -> None:
    count = 5 * len(LETTERS)
    whole, cut = (
        letters(count, Cutter(model), np.random.default_rng(0)) for model in (cuts_nothing, cuts_bridges)
    )
    known = {view.tobytes() for view in whole}
    parts = [view for view in cut if view.tobytes() not in known]
    assert len(parts) > count / 4
    # What stands around a part is dimmer than its own ink.
    assert np.mean([(view[..., 0] == SURROUNDINGS).any() for view in parts]) > 0.5
