"""A page's ink on paper, in some light, through a lens."""

import cv2
import numpy as np

from pipeline.synthetic.layout import Page
from pipeline.synthetic.pens import fixed_point, smooth_noise

Box = tuple[int, int, int, int]


def photograph(
    page: Page, effects: frozenset[str], rng: np.random.Generator
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """What the camera, or the paint program, makes of a page.

    Returns:
        The picture, uint8 H×W×3, and where each digit's ink is in it, float32 N×2 (x, y).
    """
    to_picture, size = _view(page, effects, rng)
    ink = cv2.warpPerspective(page.ink, to_picture, size, flags=cv2.INTER_LINEAR)
    rulings = _draw_rulings(page, to_picture, size, effects, rng)
    inks = tuple(_through(to_picture, points) for points in page.digits)
    return _expose(ink, rulings, page, effects, rng), inks


def _expose(
    ink: np.ndarray, rulings: np.ndarray, page: Page, effects: frozenset[str], rng: np.random.Generator
) -> np.ndarray:
    """Colour, light and lens: float32 H×W coverages to a picture, uint8 H×W×3."""
    shape = ink.shape
    light = _light(shape, effects, rng)
    ground, contrast, pen_colour = _colours(float(light.min()), effects, rng)
    # Planes come first in here: NumPy is several times faster on long rows than on triples.
    picture = np.empty((3, *shape), np.float32)
    picture[:] = ground
    if "paper" in effects:
        picture += _paper(shape, page.height, min(10, contrast / 5), rng)
    if page.rulings:
        # A table is drawn with the pen or printed; the lines of paper are fainter than what is written on it.
        strength = rng.uniform(0.5, 1) if "table" in effects else rng.uniform(0.15, 0.55)
        line_colour = ground + (pen_colour - ground) * strength
        if rng.random() < 0.5:
            line_colour += _planes(_tint(rng) * 0.3 * contrast)
        picture += (line_colour - picture) * rulings
    covered = ink if "canvas" in effects else ink * _ink_texture(shape, page.stroke, "chalk" in effects, rng)
    picture += (pen_colour - picture) * covered
    if "desk" in effects:
        written = np.maximum(ink, rulings) if "table" in effects else ink
        picture += (_desk_colour(ground, rng) - picture) * _desk(written, rng)

    picture *= light
    if "cast" in effects:
        picture *= rng.uniform(0.65, 1, (3, 1, 1)).astype(np.float32)
    if "blur" in effects:
        sigma = 0.4 + rng.uniform(0.1, 0.4) * page.stroke
        picture = np.stack([cv2.GaussianBlur(plane, (0, 0), sigma) for plane in picture])
    if "noise" in effects:
        sigma = max(1.0, min(rng.uniform(3, 16), contrast * float(light.min()) / 5))
        picture += np.float32(sigma) * rng.standard_normal(picture.shape, dtype=np.float32)
    pixels = cv2.merge([np.rint(plane).clip(0, 255).astype(np.uint8) for plane in picture])
    if "jpeg" in effects:
        # What the strongest compression takes from small or faint digits, nobody could read.
        lowest = 50 if page.height < 40 or effects & {"faint", "thin"} else 20
        pixels = _compressed(pixels, int(rng.integers(lowest, lowest + 30)))
    return pixels


def _view(
    page: Page, effects: frozenset[str], rng: np.random.Generator
) -> tuple[np.ndarray, tuple[int, int]]:
    """The homography from page to picture, and the picture's width and height."""
    height, width = page.ink.shape
    if "perspective" not in effects:
        return np.eye(3), (width, height)
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    angle = np.radians(rng.uniform(-15, 15))
    turn = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
    seen = corners @ turn + rng.uniform(-0.05, 0.05, (4, 2)) * (width, height)
    seen -= seen.min(axis=0)
    size = np.ceil(seen.max(axis=0)).astype(int)
    return cv2.getPerspectiveTransform(corners, seen.astype(np.float32)), (int(size[0]), int(size[1]))


def _through(homography: np.ndarray, points: np.ndarray) -> np.ndarray:
    return cv2.perspectiveTransform(points[None].astype(np.float32), homography)[0]


def box(points: np.ndarray, shape: tuple[int, ...]) -> Box:
    """The box of points, float32 N×2 (x, y), within a picture of this shape."""
    left, top = np.maximum(np.floor(points.min(axis=0)), 0).astype(int)
    right, bottom = np.minimum(np.floor(points.max(axis=0)) + 1, (shape[1], shape[0])).astype(int)
    return int(left), int(top), int(right - left), int(bottom - top)


def _draw_rulings(
    page: Page,
    homography: np.ndarray,
    size: tuple[int, int],
    effects: frozenset[str],
    rng: np.random.Generator,
) -> np.ndarray:
    """Coverage of the paper's or the table's lines, float32 H×W."""
    coverage = np.zeros((size[1], size[0]), np.uint8)
    width = (
        page.stroke * rng.uniform(0.5, 1.1) if "table" in effects else page.height * rng.uniform(0.01, 0.03)
    )
    lines = [fixed_point(_through(homography, line)) for line in page.rulings]
    cv2.polylines(coverage, lines, False, 255, max(1, round(width)), cv2.LINE_AA, 4)
    return coverage.astype(np.float32) / 255


def _colours(
    dimmest: float, effects: frozenset[str], rng: np.random.Generator
) -> tuple[np.ndarray, float, np.ndarray]:
    """Colour of the ground, contrast of the ink in grey levels, colour of the ink; colours are float32 3×1×1.

    Contrasts are chosen so that they hold where the light is dimmest, too.
    """
    light_on_dark = "chalk" in effects
    level = rng.uniform(0, 90) if light_on_dark else rng.uniform(150, 255)
    if "canvas" in effects and rng.random() < 0.7:
        level = 0.0 if light_on_dark else 255.0
    most = 255 - level if light_on_dark else level
    contrast = rng.uniform(16, 45) if "faint" in effects else rng.uniform(60, most)
    contrast = min(contrast / dimmest if "faint" in effects else contrast, most)
    ground = np.full(3, level)
    if "canvas" not in effects:
        ground = ground * rng.uniform((0.97, 0.95, 0.85), (1, 1, 1))
    ink = ground + (contrast if light_on_dark else -contrast)
    if rng.random() < 0.5:
        ink = ink + _tint(rng) * min(70, 0.6 * contrast)
    return _planes(ground.clip(0, 255)), contrast, _planes(ink.clip(0, 255))


def _planes(colour: np.ndarray) -> np.ndarray:
    """A colour of three numbers as float32 3×1×1, to be added to a picture's planes."""
    return colour.astype(np.float32)[:, None, None]


def _desk_colour(ground: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    brightness = rng.uniform(0.15, 0.7) if ground.mean() > 120 else rng.uniform(1.5, 4)
    return (ground * brightness * rng.uniform(0.7, 1, (3, 1, 1))).clip(0, 255).astype(np.float32)


def _desk(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Where the sheet has ended, on one to three sides, clear of all ink: float32 H×W, 1 on the desk."""
    desk = np.zeros(ink.shape, np.float32)
    height, width = ink.shape
    x, y, ink_width, ink_height = cv2.boundingRect((ink > 0.05).astype(np.uint8))
    if not ink_width:
        x, y, ink_width, ink_height = width // 3, height // 3, width // 3, height // 3
    free = {"left": x, "top": y, "right": width - x - ink_width, "bottom": height - y - ink_height}
    for side in rng.choice(list(free), size=rng.integers(1, 4), replace=False):
        start, end = rng.uniform(0.15, 0.65, 2) * free[side]
        corners = {
            "left": [(0, 0), (start, 0), (end, height), (0, height)],
            "top": [(0, 0), (0, start), (width, end), (width, 0)],
            "right": [(width, 0), (width - start, 0), (width - end, height), (width, height)],
            "bottom": [(0, height), (0, height - start), (width, height - end), (width, height)],
        }[str(side)]
        cv2.fillPoly(desk, [fixed_point(np.array(corners))], 1.0, cv2.LINE_8, 4)
    return cv2.GaussianBlur(desk, (0, 0), 0.8)


def _tint(rng: np.random.Generator) -> np.ndarray:
    """A hue without brightness: to be added to a grey."""
    hues = np.array([(-0.6, -0.3, 1), (1, -0.4, -0.3), (-0.5, 0.4, -0.3), (0.4, -0.4, 0.8)])
    hue = hues[rng.integers(len(hues))]
    return hue - hue @ (0.299, 0.587, 0.114)


def _paper(shape: tuple[int, ...], height: float, amplitude: float, rng: np.random.Generator) -> np.ndarray:
    """What a sheet adds to its even colour, in grey levels: float32 H×W."""
    grain = rng.standard_normal((shape[0] // 2 + 1, shape[1] // 2 + 1), dtype=np.float32)
    fibres = cv2.GaussianBlur(grain, (0, 0), sigmaX=rng.uniform(0.5, 2), sigmaY=rng.uniform(0.5, 2))
    fibres = cv2.resize(fibres / fibres.std(), (shape[1], shape[0]))
    texture = fibres * rng.uniform(0.15, 0.4) + 0.6 * smooth_noise(shape, 12, rng)
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    for _ in range(rng.integers(0, 4)):
        angle = rng.uniform(0, np.pi)
        middle = rng.uniform(0, shape[1]), rng.uniform(0, shape[0])
        away = ((columns - middle[0]) * np.sin(angle) - (rows - middle[1]) * np.cos(angle)).astype(np.float32)
        width = rng.uniform(0.02, 0.1) * height + 1
        texture += rng.uniform(-1, 1) * np.exp(-((away / width) ** 2)) + rng.uniform(-0.5, 0.5) * (away > 0)
    return texture * np.float32(amplitude * rng.uniform(0.4, 1))


def _ink_texture(shape: tuple[int, ...], stroke: float, chalk: bool, rng: np.random.Generator) -> np.ndarray:
    """How well the ink covers: float32 H×W, 0 to 1."""
    texture = 0.9 + 0.1 * smooth_noise(shape, 25, rng)
    if chalk and rng.random() < 0.6:
        speckles = rng.standard_normal(shape, dtype=np.float32)
        grain = cv2.GaussianBlur(speckles, (0, 0), max(0.5, 0.08 * stroke))
        texture *= np.clip(0.8 + 0.35 * grain / grain.std(), 0.15, 1)
    return np.clip(texture, 0, 1)


def _light(shape: tuple[int, ...], effects: frozenset[str], rng: np.random.Generator) -> np.ndarray:
    """The share of light that reaches each pixel: float32 H×W, 0.3 to 1."""
    light = np.ones(shape, np.float32)
    rows = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    columns = np.linspace(-1, 1, shape[1], dtype=np.float32)[None]
    if "uneven_light" in effects:
        drift = rng.uniform(-1, 1) * rows + rng.uniform(-1, 1) * columns + 0.4 * smooth_noise(shape, 2, rng)
        light *= 1 - rng.uniform(0.25, 0.55) * (drift - drift.min()) / np.ptp(drift)
    if "shadow" in effects:
        angle = rng.uniform(0, 2 * np.pi)
        edge = rows * np.sin(angle) + columns * np.cos(angle) - rng.uniform(-0.6, 0.6)
        edge = edge + rng.uniform(0, 0.35) * smooth_noise(shape, 3, rng)
        light *= 1 - rng.uniform(0.2, 0.5) / (1 + np.exp(-edge / rng.uniform(0.01, 0.1)))
    if "vignette" in effects:
        light *= 1 - rng.uniform(0.2, 0.5) * (rows**2 + columns**2) / 2
    return np.maximum(light, np.float32(0.3))


def _compressed(pixels: np.ndarray, quality: int) -> np.ndarray:
    _, data = cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB))
