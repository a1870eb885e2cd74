import cv2
import numpy as np
import pytest

from pipeline.reader.binarize import find_ink, is_light_on_dark, subtract_background, threshold
from pipeline.reader.form_boxes import erase_boxes
from pipeline.reader.ruled_lines import measure_contrasts, remove_ruled_lines, to_border

HEIGHT, WIDTH = 240, 320


def draw(page: np.ndarray, ink: int, pen: int = 6) -> np.ndarray:
    """A 7 and a 0 on a page, 110 pixels high."""
    strokes = np.array([(60, 60), (120, 60), (85, 170)], np.int32)
    cv2.polylines(page, [strokes], False, ink, pen, cv2.LINE_AA)
    cv2.ellipse(page, (220, 115), (35, 55), 0, 0, 360, ink, pen, cv2.LINE_AA)
    return page


@pytest.fixture
def truth() -> np.ndarray:
    return draw(np.zeros((HEIGHT, WIDTH), np.uint8), 255) > 127


def overlap(mask: np.ndarray, truth: np.ndarray) -> float:
    """Intersection over union."""
    return float((mask & truth).sum() / (mask | truth).sum())


@pytest.mark.parametrize(("paper", "ink"), [(255, 0), (200, 150), (0, 255), (60, 110), (90, 74)])
def test_ink_of_any_polarity_and_contrast(truth: np.ndarray, paper: int, ink: int) -> None:
    found = find_ink(draw(np.full((HEIGHT, WIDTH), paper, np.uint8), ink))
    assert found.scale == 1
    assert overlap(found.mask > 0, truth) > 0.85


def test_colour_counts_by_its_brightness(truth: np.ndarray) -> None:
    page = np.full((HEIGHT, WIDTH, 3), 240, np.uint8)
    page[truth] = 30, 40, 200
    assert overlap(find_ink(page).mask > 0, truth) > 0.85


def test_light_that_falls_off_and_the_edge_of_a_shadow_are_no_ink(truth: np.ndarray) -> None:
    page = draw(np.full((HEIGHT, WIDTH), 230, np.uint8), 60).astype(np.float32)
    page *= np.linspace(1, 0.5, WIDTH)
    page[:, 155:] *= 0.7
    assert overlap(find_ink(page.astype(np.uint8)).mask > 0, truth) > 0.8


@pytest.mark.parametrize("pen", [14, 34, 48])
@pytest.mark.parametrize("margin", [20, 40, 100])
@pytest.mark.parametrize("dark", [False, True])
def test_strokes_of_a_digit_that_fills_the_picture_are_whole(pen: int, margin: int, dark: bool) -> None:
    around = margin + pen // 2
    strokes = np.array([(0, 0), (120, 0), (50, 220)], np.int32) + around
    page = np.zeros((220 + 2 * around, 120 + 2 * around), np.uint8)
    cv2.polylines(page, [strokes], False, 255, pen, cv2.LINE_AA)
    assert overlap(find_ink(page if dark else 255 - page).mask > 0, page > 127) > 0.85


@pytest.mark.parametrize("tilt", [0, 7, -60])
def test_the_edge_of_a_sheet_on_a_darker_table_is_no_ink(tilt: int) -> None:
    page = draw(np.full((473, 530), 245, np.uint8), 60)
    sheet = cv2.fillPoly(
        np.zeros_like(page), [np.array([(0, 0), (400 + tilt, 0), (400 - tilt, 472), (0, 472)])], 255
    )
    page[sheet == 0] = 120
    strokes = draw(np.zeros_like(page), 255)
    ink = find_ink(page).mask > 0
    assert overlap(ink, strokes > 127) > 0.85
    assert not ink[cv2.dilate(strokes, np.ones((5, 5), np.uint8)) == 0].any()


def test_noise_is_no_ink(truth: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    page = draw(np.full((HEIGHT, WIDTH), 220, np.uint8), 60) + rng.normal(0, 8, (HEIGHT, WIDTH))
    mask = find_ink(page.clip(0, 255).astype(np.uint8)).mask > 0
    assert overlap(mask, truth) > 0.7
    assert find_ink(rng.normal(200, 8, (HEIGHT, WIDTH)).astype(np.uint8)).mask.mean() < 0.002


def test_an_even_page_has_no_ink() -> None:
    for level in (0, 128, 255):
        assert not find_ink(np.full((50, 60), level, np.uint8)).mask.any()


@pytest.mark.parametrize("pen", [3, 12, 30])
def test_polarity_with_any_pen(pen: int) -> None:
    dark = draw(np.full((HEIGHT, WIDTH), 220, np.uint8), 40, pen)
    assert not is_light_on_dark(dark)
    assert is_light_on_dark(255 - dark)


def test_polarity_beside_a_dark_table() -> None:
    page = draw(np.full((HEIGHT, WIDTH), 220, np.uint8), 60)
    page = cv2.copyMakeBorder(page, 60, 0, 80, 10, cv2.BORDER_CONSTANT, value=25)
    assert not is_light_on_dark(page)


def test_large_pictures_are_shrunk_and_small_ones_enlarged() -> None:
    large = find_ink(np.full((1000, 3200), 255, np.uint8))
    assert large.mask.shape == (500, 1600)
    assert large.scale == pytest.approx(2)
    small = find_ink(np.full((28, 28), 0, np.uint8))
    assert small.mask.shape == (112, 112)
    assert small.scale == pytest.approx(0.25)


def test_contrast_is_what_the_pen_added() -> None:
    page = draw(np.full((HEIGHT, WIDTH), 200, np.uint8), 120)
    contrast, noise = subtract_background(page, page)
    assert noise == 0
    assert contrast.dtype == np.uint8
    assert np.median(contrast[threshold(cv2.GaussianBlur(contrast, (3, 3), 0), noise) > 0]) == pytest.approx(
        80, abs=3
    )


def without_rules(mask: np.ndarray) -> np.ndarray:
    """Where rules are as dark as the writing."""
    return remove_ruled_lines(mask, np.zeros_like(mask), 100 * mask)


@pytest.mark.parametrize("tilt", [0, 9])
def test_ruled_lines_go_and_the_strokes_that_cross_them_stay(truth: np.ndarray, tilt: int) -> None:
    mask = truth.astype(np.uint8)
    for y in (20, 100, 200):
        cv2.line(mask, (0, y), (WIDTH, y + tilt), 1, 2)
    assert overlap(without_rules(mask) > 0, truth) > 0.93


def test_a_line_that_bends_is_as_dark_as_it_is_beside_where_it_was_sought() -> None:
    inked = np.zeros((400, 900), np.uint8)
    cv2.polylines(inked, [np.array([(0, 200), (450, 204), (899, 200)], np.int32)], False, 60, 5)
    cv2.polylines(inked, [np.array([(0, 200), (450, 204), (899, 200)], np.int32)], False, 120, 1)
    assert measure_contrasts([np.array([0, 200, 899, 200])], inked)[0] == 120


@pytest.mark.parametrize("upright", [False, True])
@pytest.mark.parametrize(
    ("begin", "end", "longer"), [(0, 480, (0, 479)), (40, 480, (100, 479)), (0, 440, (0, 400))]
)
def test_a_line_goes_on_to_the_border_where_there_is_ink(
    upright: bool, begin: int, end: int, longer: tuple[int, int]
) -> None:
    ink = np.zeros((200, 480), np.float32)
    ink[98:103, begin:end] = 1
    ink = ink.T if upright else ink
    found, expected = np.array([100.0, 100, 400, 100]), np.array([longer[0], 100, longer[1], 100])
    swapped = [1, 0, 3, 2]
    line = to_border(found[swapped] if upright else found, ink)
    assert line.tolist() == (expected[swapped] if upright else expected).tolist()


def test_a_grid_goes_and_its_digits_stay(truth: np.ndarray) -> None:
    mask = truth.astype(np.uint8)
    for x in (30, 150, 290):
        cv2.line(mask, (x, 30), (x, 210), 1, 4)
    for y in (30, 210):
        cv2.line(mask, (30, y), (290, y), 1, 4)
    cleaned = without_rules(mask)
    assert overlap(cleaned > 0, truth) > 0.93


def test_a_digit_close_beside_a_line_stays_whole() -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for x in (20, 110, 200, 300):
        cv2.line(mask, (x, 10), (x, 230), 1, 5)
    for y in (12, 120, 228):
        cv2.line(mask, (18, y), (302, y), 1, 5)
    one = np.zeros_like(mask)
    cv2.polylines(one, [np.array([(150, 45), (118, 48), (117, 95)], np.int32)], False, 1, 3)
    cleaned = without_rules(mask | one)
    assert cleaned.sum() == one.sum()
    assert (cleaned[one > 0] == 1).all()


def boxes(x: int, y: int, columns: int, rows: int, side: int, thickness: int) -> np.ndarray:
    """A table whose upper left corner is at x, y, drawn onto an empty page."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for column in range(columns + 1):
        cv2.line(mask, (x + column * side, y), (x + column * side, y + rows * side), 1, thickness)
    for row in range(rows + 1):
        cv2.line(mask, (x, y + row * side), (x + columns * side, y + row * side), 1, thickness)
    return mask


@pytest.mark.parametrize(("columns", "rows"), [(6, 1), (1, 3), (4, 3)])
def test_the_walls_of_small_boxes_go_and_what_is_written_in_them_stays(columns: int, rows: int) -> None:
    written = np.zeros((HEIGHT, WIDTH), np.uint8)
    for column in range(columns):
        cv2.putText(written, str(column), (67 + 30 * column, 74), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 1, 2)
    mask = boxes(60, 50, columns, rows, 30, 3) | written
    assert (without_rules(mask) == written).all()


def test_a_digit_that_runs_into_a_wall_stays_but_for_the_wall() -> None:
    table = boxes(60, 50, 4, 2, 40, 3)
    digit = np.zeros_like(table)
    cv2.line(digit, (102, 60), (124, 80), 1, 4)
    in_a_box = cv2.circle(np.zeros_like(table), (160, 110), 10, 1, 3)
    mask = table | digit | in_a_box
    cleaned = without_rules(mask)
    assert (cleaned[in_a_box > 0] == 1).all()
    beside = cv2.dilate(table, np.ones((7, 7), np.uint8))
    assert cleaned[(digit > 0) & (beside == 0)].all()
    assert cleaned[(table > 0) & (digit == 0)].mean() < 0.03


def test_digits_with_holes_and_squared_paper_are_no_boxes() -> None:
    mask = boxes(20, 20, 1, 2, 40, 4)
    cv2.circle(mask, (150, 60), 30, 1, 4)
    cv2.circle(mask, (150, 60), 10, 1, 3)
    mask |= boxes(10, 120, 15, 5, 20, 2)
    cleaned, within = erase_boxes(mask)
    assert (cleaned == mask).all()
    assert not within.any()


def test_ones_below_each_other_in_boxes_are_no_line() -> None:
    written = np.zeros((HEIGHT, WIDTH), np.uint8)
    for row in range(4):
        cv2.line(written, (75, 26 + 45 * row), (75, 58 + 45 * row), 1, 2)
    mask = boxes(52, 20, 3, 4, 45, 3) | written
    assert (without_rules(mask) == written).all()


@pytest.mark.parametrize("tilt", [-7, 7])
def test_the_walls_of_a_tilted_box_that_run_off_the_picture_go(tilt: int) -> None:
    table = np.zeros((HEIGHT, WIDTH), np.uint8)
    for x in (85, 235):
        cv2.line(table, (x, -400), (x, 700), 1, 3)
    for y in (65, 185):
        cv2.line(table, (-400, y), (700, y), 1, 3)
    digit = cv2.polylines(np.zeros_like(table), [np.array([(140, 95), (180, 95), (150, 155)])], False, 1, 5)
    turn = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), tilt, 1)
    cell, written = (
        cv2.warpAffine(255 * it, turn, (WIDTH, HEIGHT))[62:188, 82:238] > 127 for it in (table, digit)
    )
    cleaned = without_rules((cell | written).astype(np.uint8))
    assert (cleaned == written).all()


@pytest.mark.parametrize("thickness", [2, 6])
def test_what_goes_on_beyond_a_box_goes_with_its_walls(thickness: int) -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for x in (40, 280):
        cv2.line(mask, (x, 0), (x, HEIGHT), 1, thickness)
    for y in (40, 200):
        cv2.line(mask, (0, y), (WIDTH, y), 1, thickness)
    written = np.zeros_like(mask)
    cv2.circle(written, (160, 120), 25, 1, 5)
    assert (without_rules(mask | written) == written).all()


def test_a_slanting_one_on_a_ruled_slip_is_no_ruled_line() -> None:
    one = cv2.line(np.zeros((150, 50), np.uint8), (47, 2), (2, 147), 1, 5)
    mask = one.copy()
    for y in (50, 120):
        cv2.line(mask, (0, y), (50, y - 15), 1, 2)
    assert overlap(without_rules(mask) > 0, one > 0) > 0.8


def test_what_broken_rules_leave_is_no_ink_beside_darker_writing() -> None:
    page = draw(np.full((HEIGHT, WIDTH), 220, np.uint8), 90)
    alone = find_ink(page)
    select_ruled_lines = np.full_like(page, 255)
    for y in (25, 60, 160, 215):
        cv2.line(select_ruled_lines, (0, y), (WIDTH, y), 175, 2)
    for x in range(10, WIDTH, 60):
        cv2.line(select_ruled_lines, (x, 45), (x, 75), 175, 2)
    ink = find_ink(np.minimum(page, select_ruled_lines))
    assert alone.mask.any()
    assert not ink.contrast[25, 5:300].any()
    assert overlap(ink.mask > 0, alone.mask > 0) > 0.9


@pytest.mark.parametrize(("apart", "line"), [(7, 130), (10, 160)])
def test_writing_on_squares_that_cover_half_of_the_paper_is_ink(apart: int, line: int) -> None:
    written = draw(np.full((HEIGHT, WIDTH), 220, np.uint8), 60)
    squares = np.full_like(written, 220)
    for x in range(0, WIDTH, apart):
        cv2.line(squares, (x, 0), (x, HEIGHT), line, 2)
    for y in range(0, HEIGHT, apart):
        cv2.line(squares, (0, y), (WIDTH, y), line, 2)
    page = np.minimum(cv2.GaussianBlur(squares, (0, 0), 1), written)
    assert overlap(find_ink(page).mask > 0, written < 140) > 0.9


def test_a_tall_one_is_no_ruled_line() -> None:
    mask = np.zeros((200, 90), np.uint8)
    cv2.line(mask, (50, 2), (44, 197), 1, 5)
    cleaned = without_rules(mask)
    assert (cleaned == mask).all()


def on_squares(written: np.ndarray, apart: int, grey: int, thickness: int) -> np.ndarray:
    """The picture on squared paper, its lines of this grey."""
    squares = np.full_like(written, 255)
    for x in range(15, WIDTH, apart):
        cv2.line(squares, (x, 0), (x, HEIGHT), grey, thickness)
    for y in range(15, HEIGHT, apart):
        cv2.line(squares, (0, y), (WIDTH, y), grey, thickness)
    return np.minimum(written, squares)


@pytest.mark.parametrize("x", [45, 51, 60])
def test_a_one_stays_on_fainter_squares_even_along_a_line(x: int) -> None:
    paper = np.full((HEIGHT, WIDTH), 220, np.uint8)
    one = cv2.line(paper.copy(), (x, 60), (x - 3, 130), 40, 3)
    ink = find_ink(on_squares(one, 30, 150, 2))
    assert overlap(ink.mask > 0, one < 130) > 0.8


def test_squares_too_faint_to_be_whole_beside_the_writing_leave_nothing() -> None:
    written = draw(np.full((HEIGHT, WIDTH), 220, np.uint8), 60)
    # Where they cross, blur makes them darker: in the writing's ink they are rows of dots.
    blurred = cv2.GaussianBlur(on_squares(written, 30, 150, 2), (0, 0), 1.5)
    near = cv2.dilate((written < 140).astype(np.uint8), np.ones((9, 9), np.uint8))
    mask = find_ink(blurred).mask
    assert not mask[near == 0].any()
    assert mask[written < 140].mean() > 0.9
