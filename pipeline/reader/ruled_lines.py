"""Ruled lines, squares and frames out of the ink, the strokes that cross them left whole."""

import cv2
import numpy as np

from .form_boxes import erase_boxes

# Where no measurement is named, a value was chosen while looking at generated pages and at other people's pictures, and
# has not been varied by itself.
# Pixels. Lines are searched for in a copy of this longest side or, for a long strip, this shortest side: enough to see
# them, and quick.
SEARCH_SIDE, SEARCH_SHORT = 480, 160
# A pixel of that copy is ink from a quarter of ink in it: thin lines become thinner than a pixel there.
SEARCH_INK = 63
# A ruled line is at least this share of the picture's shorter side long, this many times as long as thick, and has ink
# along at least this share of it.
SHORTEST_LINE, SLENDERNESS, COVERAGE = 0.3, 15, 0.8
# Hough's segments, as the shortest line's length divided by these: votes, shortest segment, widest gap within one,
# widest gap between two that are joined. Their ends lie aside of each other by at most that gap divided by the last.
VOTES, SEGMENT, GAP_WITHIN, GAP_BETWEEN, ASIDE = 3, 2, 10, 4, 3
# Pixels of the copy by which the ink of a line that bends may lie aside, on both sides together.
BEND_IN_COPY = 9
# Faint lines are searched for where there is as much faint ink as in this many of the shortest, one pixel thick; and so
# many pixels around ink do not count, on both sides together, where the edges of strokes are faint.
FEWEST_FAINT, EDGE_OF_STROKES = 4, 5
# Nowhere has a line this many times its own contrast: what has is written across it, or beside it.
DARKER_THAN_LINE = 1.5
# A level line of this share of the width is one by itself, since no digit is so wide; an upright one of this share of
# the height, since a tall 1 may nearly fill it.
LEVEL_EXTENT, UPRIGHT_EXTENT = 0.75, 0.95
# A line of a grid crosses others along at least this share of it: a 1 on squared paper crosses few. Two lines meet if
# they come as near as this share of the picture's longer side.
CROSSED_SHARE, MEETING_GAP = 0.5, 0.02
# Lines of one direction are two if they are this far apart, as a share of the picture's shorter side.
LINES_APART = 0.1
# A band is this many times as wide as its line is thick, and wider by twice `BEND`; a run across it belongs to the
# line up to this many times its thickness.
BAND_WIDTH, THIN_RUN = 3.0, 1.6
# What is left of a line once its thin runs are gone has at least this share of itself in the line's band.
IN_BAND = 0.8
# A 1 in a line's band, unlike a spot of the line, is this many times as long as the band is wide, and darker than the
# line in this share of its ink.
LENGTH_OF_ONE, DARKER_PART = 1.5, 0.5
# What is at least this share of a line's length long is connected with it.
CONNECTED_LENGTH = 0.5
# A line may bend by this share of the picture's shorter side.
BEND = 0.009
# A line runs off the picture if it ends within this share of the shorter side from the border. With lines that cross a
# corner removed, 1,873 instead of 1,824 of 1,959 altered pictures are read.
OFF_PICTURE = 0.02
# Degrees within which lines of one ruling are parallel or at right angles: paper may be seen at a slant.
ASKEW = 5
# How often lines are searched for: what others hide is found once these are gone.
PASSES = 3
# Degrees from level or upright within which lines lie.
MOST_TILT = 20


def remove_ruled_lines(mask: np.ndarray, faint: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    """The mask (uint8 H×W, 1 on ink) without ruled lines and boxes.

    faint: uint8 H×W, 1 on what is fainter than the ink of the mask; lines that are whole there may be left in pieces
        in the mask.
    contrast: uint8 H×W, grey levels by which a pixel differs from its paper.
    """
    cleaned, boxed = erase_boxes(mask)
    known: list[np.ndarray] = []
    # Walls are lines, too, and whole ones are found more easily than what boxes leave of them; but digits that stand
    # in boxes one below the other are none.
    searched = mask & ~(boxed & cleaned)
    # A line that others hide is found once these are gone.
    for _ in range(PASSES):
        found = find_ruled_lines(searched, known)
        if not len(found):
            break
        known.extend(found)
        cleaned = erase_lines(cleaned, found, mask, contrast)
        searched = cleaned & ~boxed
    # The edges of strokes are faint, too.
    away = faint > cv2.dilate(mask, np.ones((EDGE_OF_STROKES, EDGE_OF_STROKES), np.uint8))
    if np.count_nonzero(away) >= FEWEST_FAINT * SHORTEST_LINE * min(mask.shape):
        found = find_ruled_lines(faint, known)
        if len(found):
            cleaned = erase_lines(cleaned, found, faint, contrast)
    return cleaned


def erase_lines(mask: np.ndarray, lines: np.ndarray, inked: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    """The mask without lines, the strokes that cross them left whole.

    inked: The ink with all lines, to see how thick and how dark they are.
    """
    # In the bands around the lines the most contrast that these have, 0 elsewhere.
    darkest = np.zeros_like(mask)
    widest = 0
    rest = mask.copy()
    passes = []
    for upright in (False, True):
        along = [line for line in lines if is_vertical(line) == upright]
        if along:
            thickness = measure_thickness(inked, along)
            width = 2 * round(BAND_WIDTH / 2 * thickness + BEND * min(mask.shape)) + 1
            limits = np.minimum(1 + DARKER_THAN_LINE * measure_contrasts(along, inked * contrast), 255)
            bands = draw_bands(mask.shape, along, limits, width)
            removed = (bands > 0) & (contrast <= bands) & find_thin_runs(rest, thickness, upright)
            rest &= ~removed
            passes.append((removed, min(map(line_length, along))))
            darkest = cv2.max(darkest, bands)
            widest = max(widest, width)
    cleaned = mask.copy()
    for removed, shortest in passes:
        # A corner of two lines is of neither direction alone.
        cleaned &= ~(removed & find_parts_of_lines(mask, mask & ~rest, shortest))
    return remove_line_remains(cleaned, darkest, widest, contrast)


def is_vertical(line: np.ndarray) -> bool:
    x1, y1, x2, y2 = line
    return bool(abs(y2 - y1) > abs(x2 - x1))


def find_ruled_lines(mask: np.ndarray, known: list[np.ndarray]) -> np.ndarray:
    """Straight lines that are no strokes: int N×4 of x1, y1, x2, y2 in pixels of the mask.

    known: Lines that were in the mask before and are told apart from strokes already, in the same form.
    """
    factor = min(1.0, max(SEARCH_SIDE / max(mask.shape), SEARCH_SHORT / min(mask.shape)))
    small = cv2.resize(mask * np.uint8(255), None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    small = (small > SEARCH_INK).astype(np.uint8)
    least = SHORTEST_LINE * min(small.shape)
    contours, _ = cv2.findContours(small, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if max((max(cv2.boundingRect(contour)[2:]) for contour in contours), default=0) < least:
        return np.empty((0, 4), int)
    found = cv2.HoughLinesP(
        small,
        1,
        np.pi / 360,
        round(least / VOTES),
        minLineLength=least / SEGMENT,
        maxLineGap=least / GAP_WITHIN,
    )
    if found is None:
        return np.empty((0, 4), int)
    distance = cv2.distanceTransform(
        cv2.copyMakeBorder(small, 1, 1, 1, 1, cv2.BORDER_CONSTANT), cv2.DIST_L2, 3
    )[1:-1, 1:-1]
    # Lines may bend a little: their ink may lie a few pixels aside.
    aside = cv2.dilate(distance, np.ones((BEND_IN_COPY, BEND_IN_COPY), np.uint8))
    lines = [
        to_border(line, aside)
        for upright in (False, True)
        for line in join_segments(found.reshape(-1, 4).astype(float), upright, least / GAP_BETWEEN)
        if line_length(line) >= least and is_thin(line, aside)
    ]
    scaled = [line * factor for line in known]
    return (np.array(select_ruled_lines(lines, scaled, small.shape)).reshape(-1, 4) / factor).astype(int)


def line_length(line: np.ndarray) -> float:
    return float(np.hypot(line[2] - line[0], line[3] - line[1]))


def trace_line(line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pixels along a line: x and y, int N each."""
    steps = np.linspace(0, 1, round(line_length(line)) + 1)
    x, y = (np.rint(line[i] + (line[i + 2] - line[i]) * steps).astype(int) for i in (0, 1))
    return x, y


def is_thin(line: np.ndarray, aside: np.ndarray) -> bool:
    """Whether there is ink along nearly all of the line, and little across it.

    aside: float32 H×W, the most that a pixel of ink nearby is away from paper.
    """
    x, y = trace_line(line)
    return is_covered(line, aside) and line_length(line) >= SLENDERNESS * 2 * float(np.median(aside[y, x]))


def is_covered(line: np.ndarray, aside: np.ndarray) -> bool:
    """Whether there is ink along nearly all of the line."""
    x, y = trace_line(line)
    return bool((aside[y, x] > 0).mean() >= COVERAGE)


def to_border(line: np.ndarray, aside: np.ndarray) -> np.ndarray:
    """The line as far as the picture's border on each side where there is ink along the way.

    Where a digit stands on a ruled line that bends, the line may have been found from there on only.
    """
    along, across = (1, 0) if is_vertical(line) else (0, 1)
    slope = (line[across + 2] - line[across]) / (line[along + 2] - line[along])
    longer = line.copy()
    for end, border in ((0, 0), (2, aside.shape[1 - along] - 1)):
        ending = line[end : end + 2].copy()
        ending[across] += slope * (border - ending[along])
        ending[along] = border
        inside = 0 <= ending[across] <= aside.shape[1 - across] - 1
        if inside and is_covered(np.concatenate([line[end : end + 2], ending]), aside):
            longer[end : end + 2] = ending
    return longer


def join_segments(segments: np.ndarray, upright: bool, gap: float) -> list[np.ndarray]:
    """Segments of one direction, those that continue each other over at most `gap` joined."""
    lines: list[np.ndarray] = []
    along, across = (1, 0) if upright else (0, 1)
    for segment in sorted(segments, key=line_length, reverse=True):
        if segment[along] > segment[along + 2]:
            segment = segment[[2, 3, 0, 1]]
        run = segment[along + 2] - segment[along]
        rise = segment[across + 2] - segment[across]
        if abs(rise) > np.tan(np.radians(MOST_TILT)) * run:
            continue
        for line in lines:
            slope = (line[across + 2] - line[across]) / (line[along + 2] - line[along])
            offsets = [
                segment[across + e] - line[across] - slope * (segment[along + e] - line[along])
                for e in (0, 2)
            ]
            apart = max(segment[along] - line[along + 2], line[along] - segment[along + 2])
            if max(map(abs, offsets)) <= gap / ASIDE and apart <= gap:
                if segment[along] < line[along]:
                    line[:2] = segment[:2]
                if segment[along + 2] > line[along + 2]:
                    line[2:] = segment[2:]
                break
        else:
            lines.append(segment.copy())
    return lines


def select_ruled_lines(
    lines: list[np.ndarray], known: list[np.ndarray], shape: tuple[int, ...]
) -> list[np.ndarray]:
    """Those that run from border to border, and those of a grid, which cross two others and have a parallel.

    What runs across a corner of the picture may be shorter, if it is parallel or at right angles to another of these.

    A level line need not reach the border, since no digit is so wide; a tall 1 may fill the height, and in
    a picture cut to one digit, higher than wide, it does.
    """
    height, width = shape
    apart = LINES_APART * min(shape)
    level = [line for line in lines if not is_vertical(line)]
    upright = [line for line in lines if is_vertical(line)]
    all_level = level + [line for line in known if not is_vertical(line)]
    all_upright = upright + [line for line in known if is_vertical(line)]
    kept = []
    for new, group, others, extent in (
        (level, all_level, all_upright, LEVEL_EXTENT * width),
        (upright, all_upright, all_level, UPRIGHT_EXTENT * height),
    ):
        for line in new:
            crossing = [other for other in others if is_meeting(line, other, MEETING_GAP * max(shape))]
            crossed = measure_spread(crossing) >= max(apart, CROSSED_SHARE * measure_spread(others))
            in_grid = crossed and measure_spread(group) >= apart
            alone = is_vertical(line) and not in_grid and height > width
            if in_grid or (line_length(line) >= extent and not alone):
                kept.append(line)
    cutting = [line for line in lines if cuts_corner(line, shape)]
    ruling = [*kept, *cutting, *known]
    for line in cutting:
        already = any(line is other for other in kept)
        if not already and any(is_square_to(line, other, apart) for other in ruling):
            kept.append(line)
    return kept


def cuts_corner(line: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether a line runs from one side of the picture to another at right angles to it.

    It ends well apart from the corners, where a 1 ends that a picture was cut out around.
    """
    height, width = shape
    margin = OFF_PICTURE * min(shape)
    aside, above = (
        (line[[i, i + 2]] <= margin) | (line[[i, i + 2]] >= side - 1 - margin)
        for i, side in ((0, width), (1, height))
    )
    return bool((aside != above).all() and aside[0] != aside[1])


def is_square_to(line: np.ndarray, other: np.ndarray, apart: float) -> bool:
    """Whether two lines are at right angles, or parallel and so far apart that they are not the same one."""
    angles = [np.degrees(np.arctan2(it[3] - it[1], it[2] - it[0])) for it in (line, other)]
    square = abs((angles[0] - angles[1] + 45) % 90 - 45) <= ASKEW
    return bool(
        square and (is_vertical(line) != is_vertical(other) or measure_spread([line, other]) >= apart)
    )


def measure_spread(lines: list[np.ndarray]) -> float:
    """Distance between the outermost of lines of one direction: a line found twice counts once."""
    if not lines:
        return 0.0
    places = [line[0] + line[2] if is_vertical(line) else line[1] + line[3] for line in lines]
    return (max(places) - min(places)) / 2


def is_meeting(line: np.ndarray, other: np.ndarray, margin: float) -> bool:
    """Whether a level and an upright line, or the reverse, touch or cross, but for a gap of `margin`."""
    low = np.maximum(np.minimum(line[:2], line[2:]), np.minimum(other[:2], other[2:]))
    high = np.minimum(np.maximum(line[:2], line[2:]), np.maximum(other[:2], other[2:]))
    return bool((low <= high + margin).all())


def draw_bands(shape: tuple[int, ...], lines: list[np.ndarray], values: np.ndarray, width: int) -> np.ndarray:
    """Values of the lines around them, `width` pixels wide, since a line may bend a little: uint8, 0 elsewhere.

    Where two cross, the higher value.
    """
    bands = np.zeros(shape, np.uint8)
    for i in np.argsort(values):
        x1, y1, x2, y2 = map(int, lines[i])
        cv2.line(bands, (x1, y1), (x2, y2), int(values[i]), width)
    return bands


def find_thin_runs(mask: np.ndarray, thickness: float, upright: bool) -> np.ndarray:
    """1 where a run of ink across a line is no longer than the line is thick: uint8, like the mask.

    Where a stroke crosses the line, or runs into it, the run is longer and stays.
    """
    run = round(THIN_RUN * thickness) + 1
    kernel = np.ones((1, run) if upright else (run, 1), np.uint8)
    return mask - np.minimum(mask, cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel))


def remove_line_remains(mask: np.ndarray, bands: np.ndarray, width: int, contrast: np.ndarray) -> np.ndarray:
    """The mask without what lies mostly in the bands around the lines: thick spots and corners of them.

    Where squares are small, their bands hold whole digits, too; these, unlike remains, are larger in both
    directions than a band is wide, or, as 1s, long and darker than the lines.

    bands: uint8 H×W, the most contrast that the line has around which a band lies, 0 elsewhere.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    inked = np.flatnonzero(mask)
    component = labels.ravel()[inked]
    limit = bands.ravel()[inked]
    total = np.bincount(component, minlength=count)
    inside = np.bincount(component, limit > 0, minlength=count)
    darker = np.bincount(component, contrast.ravel()[inked] > limit, minlength=count)
    sides = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    spot = (sides.max(axis=1) <= LENGTH_OF_ONE * width) | (darker < DARKER_PART * total)
    remains = (inside > IN_BAND * total) & (sides.min(axis=1) <= width) & spot
    cleaned = mask.copy()
    cleaned.ravel()[inked] = ~remains[component]
    return cleaned


def find_parts_of_lines(mask: np.ndarray, removed: np.ndarray, shortest: float) -> np.ndarray:
    """1 on components that are lines, pieces of lines, or hang together with one: uint8, like the mask.

    A digit beside a line, which does not touch it, is left whole, even if a band reaches into it.

    removed: uint8 H×W, 1 on what the bands would take.
    shortest: Length of the shortest line, in pixels.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    inside = np.bincount(labels[removed > 0], minlength=len(stats))
    longest = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1)
    lines = (longest >= CONNECTED_LENGTH * shortest) | (inside >= IN_BAND * stats[:, cv2.CC_STAT_AREA])
    return lines[labels].astype(np.uint8)


def measure_thickness(mask: np.ndarray, lines: list[np.ndarray]) -> float:
    """Median thickness in pixels of the ink along the lines."""
    trace = np.zeros_like(mask)
    for x1, y1, x2, y2 in lines:
        cv2.line(trace, (x1, y1), (x2, y2), 1, 3)
    distance = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    along = distance[(trace & mask) > 0]
    return 2 * float(np.median(along)) if len(along) else 1.0


def measure_contrasts(lines: list[np.ndarray], inked: np.ndarray) -> np.ndarray:
    """Median contrast along each line, float N.

    inked: uint8 H×W, grey levels, 0 where there is no ink.
    """
    # The line may bend.
    near = cv2.dilate(inked, np.ones((2 * round(BEND * min(inked.shape)) + 3,) * 2, np.uint8))
    along = []
    for line in lines:
        x, y = trace_line(line)
        values = near[np.minimum(y, near.shape[0] - 1), np.minimum(x, near.shape[1] - 1)]
        along.append(float(np.median(values[values > 0])) if values.any() else 0.0)
    return np.array(along)
