"""Any picture a person has, as an upright uint8 array: `load`, and `load_to_read` for what is only to be read.

Pillow decodes, and only the formats named here: it knows a picture's size before it decodes a pixel, it says
when a file is cut short, and its decoders print nothing. OpenCV decodes a JPEG twice as fast, but lets a
truncated one pass and writes to the console.
"""

import io
import logging
import math
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

# 50 megapixels; the largest phone pictures in common use.
MAX_PIXELS = 50_000_000

# The first six come with Pillow's core; looking for a later one imports all its plugins.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "DIB", "PPM", "WEBP", "TIFF", "JPEG2000", "AVIF")

# What values stand for white: 8 bits, the 12 bits of many sensors, 16 bits.
_WHITE_LEVELS = (255, 4095, 65535)

# Height and width in pixels.
Size = tuple[int, int]

_STDERR_LOCK = threading.Lock()

# Without a handler of its own, Python prints what Pillow logs about odd files.
logging.getLogger("PIL").addHandler(logging.NullHandler())


class PictureError(ValueError):
    """The picture cannot be read. The message is one line for a person: what is wrong and what to do."""


def load(source: bytes | bytearray | str | Path | np.ndarray) -> np.ndarray:
    """Load a picture from a file, an encoded file's bytes, or an array.

    Transparent parts become white behind dark ink and black behind light ink. Of an animation, the first
    frame is taken. Colour profiles are ignored.

    Args:
        source: A path, the bytes of an encoded picture, or an array of H×W, H×W×1 (grey), H×W×3 (RGB) or
            H×W×4 (RGBA): bool, integers from 0 (of 8, 12 or 16 bits), or floats from 0 to 1 or as integers.

    Returns:
        uint8, contiguous, H×W (grey) or H×W×3 (RGB), the way up a person sees it. It may share memory with
        an array given as the source.

    Raises:
        PictureError: There is no such file, it is no picture, is damaged, empty or larger than 50
            megapixels, or the array has another shape, type or range.
    """
    return _load(source, None)[0]


def load_to_read(
    source: bytes | bytearray | str | Path | np.ndarray, longest_side: int
) -> tuple[np.ndarray, Size]:
    """Load a picture as `load` does, but only as much of it as reading needs.

    That is its brightness, but where parts are transparent. A JPEG is decoded at a half, a quarter or an eighth of
    its size if its longest side is at least `longest_side` pixels even then: a 12-megapixel photo takes a third of
    the time and memory.

    Returns:
        The pixels, and height and width of the whole picture, upright.

    Raises:
        PictureError: As `load` does.
    """
    return _load(source, longest_side)


def _load(
    source: bytes | bytearray | str | Path | np.ndarray, longest_side: int | None
) -> tuple[np.ndarray, Size]:
    if isinstance(source, np.ndarray):
        pixels = _from_array(source)
        return pixels, (pixels.shape[0], pixels.shape[1])
    if isinstance(source, (bytes, bytearray)):
        if not source:
            raise PictureError("the file is empty (0 bytes); copy or export it again")
        return _decode(io.BytesIO(source), longest_side)
    if isinstance(source, (str, Path)):
        return _from_file(Path(source), longest_side)
    raise PictureError(
        f"a {type(source).__name__} is not a picture; give a path, a picture file's bytes, or a NumPy array"
    )


def _from_file(path: Path, longest_side: int | None) -> tuple[np.ndarray, Size]:
    try:
        # Opening a pipe or a device could wait for ever.
        if path.exists() and not path.is_file():
            raise PictureError("it is not a file; give the path of a picture")
        with path.open("rb") as file:
            if not file.read(1):
                raise PictureError("the file is empty (0 bytes); copy or export it again")
            file.seek(0)
            return _decode(file, longest_side)
    except PictureError:
        raise
    except FileNotFoundError:
        raise PictureError("there is no such file; check the path") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PictureError(
            f"the file cannot be opened ({reason}); check the path and its permissions"
        ) from None


def _decode(file: io.BytesIO | io.BufferedReader, longest_side: int | None) -> tuple[np.ndarray, Size]:
    # Damaged files raise nearly every kind of exception in Pillow's readers, hence the wide nets.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = Image.open(file, formats=FORMATS)
        except Image.DecompressionBombError:
            raise PictureError(_too_large("more than 100")) from None
        except UnidentifiedImageError:
            raise PictureError(
                "it is not a picture in a known format (JPEG, PNG, WebP, GIF, TIFF, BMP, PNM, JPEG 2000, "
                "AVIF), or its beginning is damaged; save it as JPEG or PNG"
            ) from None
        except Exception:
            raise PictureError("the beginning of the picture is damaged; copy or export it again") from None
        with image:
            height, width = image.height, image.width
            _check_size(height, width)
            if longest_side is not None and image.format == "JPEG":
                _draft(image, longest_side)
            try:
                with _stderr_closed() if image.format == "TIFF" else nullcontext():
                    image.load()
                on_its_side = _turn_upright(image)
                pixels = _pixels(image, "RGB" if longest_side is None else "L")
            except PictureError:
                raise
            except Exception:
                raise PictureError(
                    f"the {image.format} picture is damaged or cut short; copy or export it again"
                ) from None
    return np.ascontiguousarray(pixels), (width, height) if on_its_side else (height, width)


def _draft(image: Image.Image, longest_side: int) -> None:
    """Have a JPEG decoded as `load_to_read` says."""
    # CMYK has no brightness of its own.
    mode = "L" if image.mode in ("L", "RGB") else None
    share = min(1.0, longest_side / max(image.size))
    image.draft(mode, (math.ceil(share * image.width), math.ceil(share * image.height)))


@contextmanager
def _stderr_closed() -> Iterator[None]:
    """Keep libtiff, which Pillow does not silence, from writing what it finds wrong to file descriptor 2."""
    with _STDERR_LOCK:
        stderr = os.dup(2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _turn_upright(image: Image.Image) -> bool:
    """Undo what EXIF's orientation says the camera did; return whether that exchanged width and height."""
    # Damaged metadata is no reason to refuse sound pixels.
    with suppress(Exception):
        orientation = image.getexif().get(ExifTags.Base.Orientation)
        ImageOps.exif_transpose(image, in_place=True)
        # The sizes do not tell: a JPEG of 4000×3999 may have been decoded as 2000×2000.
        return orientation in (5, 6, 7, 8)
    return False


def _pixels(image: Image.Image, mode: str) -> np.ndarray:
    """Pixels of a decoded image of any of Pillow's modes: uint8, H×W or H×W×3.

    mode: RGB or L, for colours that are to be kept or not.
    """
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _to_uint8(np.asarray(image))
    if image.has_transparency_data:
        return _composite(np.asarray(image.convert("RGBA")))
    return np.asarray(image.convert("L" if image.mode in ("1", "L") else mode))


def _from_array(array: np.ndarray) -> np.ndarray:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[2] in (3, 4)):
        shape = "×".join(str(side) for side in array.shape) or "no dimension"
        raise PictureError(f"the array is {shape}; give H×W or H×W×1 (grey), H×W×3 (RGB) or H×W×4 (RGBA)")
    _check_size(*array.shape[:2])
    values = _to_uint8(array)
    if values.ndim == 3 and values.shape[2] == 4:
        values = _composite(values)
    return np.ascontiguousarray(values)


def _check_size(height: int, width: int) -> None:
    if height < 1 or width < 1:
        raise PictureError(f"the picture is {width}×{height} pixels: there is nothing in it")
    if height * width > MAX_PIXELS:
        raise PictureError(_too_large(f"{width}×{height} pixels, {height * width / 1e6:.1f}"))


def _too_large(size: str) -> str:
    return f"the picture has {size} megapixels; at most {MAX_PIXELS // 1_000_000} are read: make it smaller"


def _to_uint8(values: np.ndarray) -> np.ndarray:
    """Scale values of any numeric type to 0–255.

    The type does not say what white is (12-bit scans come in 16 bits, and floats from 0 to 1 or to 255), so
    the largest value does.
    """
    if values.dtype == np.uint8:
        return values
    if values.dtype == bool:
        return values.astype(np.uint8) * 255
    if values.dtype.kind not in "uif":
        raise PictureError(f"the array holds {values.dtype}; give uint8, uint16, float or bool")
    darkest, brightest = values.min(), values.max()
    if not np.isfinite(darkest) or not np.isfinite(brightest):
        raise PictureError(
            "the picture holds values that are not numbers (NaN or infinite); replace them first"
        )
    if darkest < 0:
        raise PictureError(
            f"the picture holds negative values (down to {darkest:g}); scale them to 0–1 or 0–255 first"
        )
    if values.dtype.kind == "f" and brightest <= 1:
        white = 1.0
    else:
        white = next((float(level) for level in _WHITE_LEVELS if brightest <= level), float(brightest))
    return np.rint(values * np.float32(255 / white)).astype(np.uint8)


def _composite(rgba: np.ndarray) -> np.ndarray:
    """Put what is visible on a ground on which it can be seen: uint8 H×W×4 to H×W×3."""
    alpha = rgba[:, :, 3]
    if alpha.min() == 255:
        return rgba[:, :, :3]
    opacity = alpha[:, :, None] / np.float32(255)
    ground = _ground(rgba)
    return np.rint(rgba[:, :, :3] * opacity + ground * (1 - opacity)).astype(np.uint8)


def _ground(rgba: np.ndarray) -> int:
    alpha = rgba[:, :, 3]
    visible = alpha > 127
    if not visible.any():
        visible = alpha > 0
    if not visible.any():
        return 255
    brightness = rgba[:, :, :3][visible] @ np.array([0.299, 0.587, 0.114], np.float32)
    if visible.mean() > 0.5:
        # Mostly opaque: a picture that brings its paper along and has, say, rounded corners.
        return round(float(np.median(brightness)))
    return 255 if brightness.mean() < 128 else 0
