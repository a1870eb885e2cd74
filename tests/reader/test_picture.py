import io
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, features

from pipeline.reader import picture
from pipeline.reader.picture import PictureError, load, load_to_read

HEIGHT, WIDTH = 48, 64


@pytest.fixture
def grey() -> np.ndarray:
    """A light page with a dark, smooth-edged stroke in its upper left quarter: no symmetry to hide a turn."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    distance = np.hypot(rows - 14, columns - 20)
    return (230 - 200 * np.exp(-((distance - 8) ** 2) / 6) - columns / 2).astype(np.uint8)


@pytest.fixture
def rgb(grey: np.ndarray) -> np.ndarray:
    return np.dstack([grey, grey // 2 + 40, 255 - grey])


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def assert_close(actual: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    assert actual.shape == expected.shape
    assert actual.dtype == np.uint8
    assert actual.flags.c_contiguous
    assert np.abs(actual.astype(int) - expected.astype(int)).max() <= tolerance


@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP", "PPM", "WEBP", "JPEG2000"])
def test_lossless_formats_give_the_very_pixels(format: str, rgb: np.ndarray) -> None:
    options = {"lossless": True} if format == "WEBP" else {}
    np.testing.assert_array_equal(load(encoded(Image.fromarray(rgb), format, **options)), rgb)


@pytest.mark.parametrize("format", ["JPEG", "AVIF"])
def test_lossy_formats_come_near(format: str, rgb: np.ndarray) -> None:
    smooth = np.asarray(Image.fromarray(rgb).resize((WIDTH, HEIGHT)))
    actual = load(encoded(Image.fromarray(smooth), format, quality=98))
    assert actual.shape == smooth.shape
    assert np.abs(actual.astype(int) - smooth).mean() < 5


@pytest.mark.parametrize(("longest_side", "reduction"), [(500, 1), (400, 2), (300, 2), (160, 4), (10, 8)])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_photo_is_decoded_no_larger_than_it_is_read(
    longest_side: int, reduction: int, orientation: int, rgb: np.ndarray
) -> None:
    photo = Image.fromarray(rgb).resize((800, 600), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels, size = load_to_read(encoded(photo, "JPEG", quality=95, exif=exif), longest_side)
    expected = np.asarray(
        photo.convert("L").resize((800 // reduction, 600 // reduction), Image.Resampling.BOX)
    )
    upright = np.rot90(expected, 3) if orientation == 6 else expected
    assert size == ((800, 600) if orientation == 6 else (600, 800))
    assert pixels.shape == upright.shape
    assert np.abs(pixels.astype(int) - upright).mean() < 2


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_photo_to_read_of_any_mode(mode: str, rgb: np.ndarray) -> None:
    photo = Image.fromarray(rgb).resize((800, 600)).convert(mode)
    pixels, size = load_to_read(encoded(photo, "JPEG"), 400)
    assert pixels.shape[:2] == (300, 400)
    assert size == (600, 800)


def test_of_what_is_no_photo_the_brightness_is_read_at_full_size(rgb: np.ndarray) -> None:
    pixels, size = load_to_read(encoded(Image.fromarray(rgb), "PNG"), 10)
    np.testing.assert_array_equal(pixels, cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))
    assert size == (HEIGHT, WIDTH)


def test_path_string_bytes_and_bytearray_are_alike(tmp_path: Path, rgb: np.ndarray) -> None:
    path = tmp_path / "Zahlen é 数字.png"
    path.write_bytes(encoded(Image.fromarray(rgb), "PNG"))
    for source in (path, str(path), path.read_bytes(), bytearray(path.read_bytes())):
        np.testing.assert_array_equal(load(source), rgb)


def test_grey_stays_grey(grey: np.ndarray) -> None:
    np.testing.assert_array_equal(load(encoded(Image.fromarray(grey), "PNG")), grey)


def test_one_bit(grey: np.ndarray) -> None:
    ink = grey > 128
    np.testing.assert_array_equal(load(encoded(Image.fromarray(ink), "PNG")), ink * np.uint8(255))
    np.testing.assert_array_equal(
        load(encoded(Image.fromarray(ink), "TIFF", compression="group4")), ink * np.uint8(255)
    )


def test_palette(rgb: np.ndarray) -> None:
    image = Image.fromarray(rgb).quantize(16)
    np.testing.assert_array_equal(load(encoded(image, "GIF")), np.asarray(image.convert("RGB")))


def test_cmyk_is_not_inverted(rgb: np.ndarray) -> None:
    cmyk = Image.fromarray(rgb).convert("CMYK")
    assert_close(load(encoded(cmyk, "TIFF")), rgb, 2)
    assert np.abs(load(encoded(cmyk, "JPEG", quality=98)).astype(int) - rgb).mean() < 5


@pytest.mark.parametrize("format", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_are_scaled_not_clipped(format: str, grey: np.ndarray) -> None:
    assert_close(load(encoded(Image.fromarray(grey.astype(np.uint16) * 257), format)), grey, 0)


def test_twelve_bits_in_sixteen_are_not_black(grey: np.ndarray) -> None:
    assert_close(load(encoded(Image.fromarray(grey.astype(np.uint16) * 16), "PNG")), grey, 1)


@pytest.mark.parametrize("white", [1.0, 255.0])
def test_float_tiff(white: float, grey: np.ndarray) -> None:
    values = grey.astype(np.float32) * np.float32(white / 255)
    assert_close(load(encoded(Image.fromarray(values), "TIFF")), grey, 0)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize(("ink", "ground"), [(0, 255), (60, 255), (255, 0), (200, 0)])
def test_ink_on_a_transparent_canvas_can_be_seen(
    ink: int, ground: int, format: str, grey: np.ndarray
) -> None:
    coverage = 255 - grey
    coverage[coverage < 90] = 0
    canvas = np.dstack([np.full((HEIGHT, WIDTH, 3), ink, np.uint8), coverage])
    options = {"lossless": True, "exact": True} if format == "WEBP" else {}
    actual = load(encoded(Image.fromarray(canvas), format, **options))
    expected = np.rint(ground + (ink - ground) * (coverage / 255.0))
    assert_close(actual, np.dstack([expected] * 3), 1)


def test_transparent_palette_and_grey(grey: np.ndarray) -> None:
    ink = Image.fromarray((grey < 128).astype(np.uint8), "P")
    ink.putpalette([255, 255, 255, 0, 0, 0])
    for format in ("PNG", "GIF"):
        actual = load(encoded(ink, format, transparency=0))
        np.testing.assert_array_equal(actual[..., 0], np.where(grey < 128, 0, 255))
    light = Image.merge(
        "LA", [Image.new("L", (WIDTH, HEIGHT), 255), Image.fromarray((grey < 128) * np.uint8(255))]
    )
    np.testing.assert_array_equal(load(encoded(light, "PNG"))[..., 0], np.where(grey < 128, 255, 0))


def test_transparent_corners_of_a_page_take_its_colour() -> None:
    page = np.full((HEIGHT, WIDTH, 4), 240, np.uint8)
    page[..., 3] = 255
    page[20:30, 20:24, :3] = 10
    page[:6, :6] = 0
    assert load(page)[:6, :6].min() == 240


def test_wholly_transparent_is_white() -> None:
    assert (load(np.zeros((HEIGHT, WIDTH, 4), np.uint8)) == 255).all()


def test_a_photo_that_is_square_once_decoded_smaller_keeps_its_own_size() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels, size = load_to_read(encoded(Image.new("RGB", (400, 399)), "JPEG", exif=exif), 199)
    assert pixels.shape == (200, 200)
    assert size == (400, 399)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(format: str, orientation: int, rgb: np.ndarray) -> None:
    # The inverse of each orientation, by Pillow, is what a camera would have stored.
    stored_as = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = Image.fromarray(rgb)
    stored = image.transpose(stored_as[orientation]) if orientation > 1 else image
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if format == "WEBP" else {}
    actual = load(encoded(stored, format, exif=exif, **options))
    assert actual.shape == rgb.shape
    assert np.abs(actual.astype(int) - rgb).mean() < (12 if format == "JPEG" else 0.01)


def test_nonsense_in_exif_does_not_turn_or_refuse(rgb: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0112] = 77
    np.testing.assert_array_equal(load(encoded(Image.fromarray(rgb), "PNG", exif=exif)), rgb)
    np.testing.assert_array_equal(
        load(encoded(Image.fromarray(rgb), "PNG", exif=b"Exif\0\0MM\0*garbage")), rgb
    )


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_first_frame_of_an_animation(format: str, rgb: np.ndarray) -> None:
    first = Image.fromarray(rgb).quantize(8).convert("RGB")
    options = {"lossless": True} if format == "WEBP" else {}
    frames = [Image.new("RGB", first.size, colour) for colour in ("red", "blue")]
    data = encoded(first, format, save_all=True, append_images=frames, **options)
    np.testing.assert_array_equal(load(data), np.asarray(first))


# Arrays -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "white"),
    [(np.uint8, 255), (np.int64, 255), (np.uint16, 65535), (np.float32, 1), (np.float64, 255)],
)
def test_arrays_of_any_number_type(dtype: type, white: float, rgb: np.ndarray) -> None:
    full_range = rgb.copy()
    full_range[0, 0] = 255
    assert_close(load((full_range / 255 * white).astype(dtype)), full_range, 1)


def test_array_shapes(grey: np.ndarray, rgb: np.ndarray) -> None:
    np.testing.assert_array_equal(load(grey[:, :, None]), grey)
    np.testing.assert_array_equal(load(grey > 128), (grey > 128) * np.uint8(255))
    np.testing.assert_array_equal(load(rgb[::-1, ::2]), rgb[::-1, ::2])
    opaque = np.dstack([rgb, np.full(grey.shape, 255, np.uint8)])
    np.testing.assert_array_equal(load(opaque), rgb)


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros(784), "784"),
        (np.zeros((3, 28, 28)), "3×28×28"),
        (np.zeros((28, 28, 2)), "28×28×2"),
        (np.zeros((1, 28, 28, 3)), "1×28×28×3"),
        (np.zeros(()), "no dimension"),
        (np.zeros((0, 28)), "nothing"),
        (np.full((28, 28), np.nan), "NaN"),
        (np.full((28, 28), np.inf), "NaN or infinite"),
        (np.full((28, 28), -0.5), "negative"),
        (np.full((28, 28), "7"), "<U1"),
        (np.zeros((28, 28), complex), "complex"),
        (np.zeros((28, 28), object), "object"),
        (np.broadcast_to(np.uint8(0), (10_001, 5_000)), "50.0 megapixels"),
    ],
)
def test_odd_arrays_are_refused_in_one_line(array: np.ndarray, says: str) -> None:
    with pytest.raises(PictureError, match=says) as rejection:
        load(array)
    assert "\n" not in str(rejection.value)


# Bad files ----------------------------------------------------------------------------------------------


def test_50_megapixels_are_read_and_one_row_more_is_not() -> None:
    largest = Image.new("1", (10_000, 5_000))
    assert load(encoded(largest, "PNG")).shape == (5_000, 10_000)
    for format in ("PNG", "TIFF", "GIF"):
        with pytest.raises(PictureError, match="at most 50"):
            load(encoded(Image.new("1", (10_000, 5_001)), format))


def test_a_bomb_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object) -> None:
        raise AssertionError("pixels were decoded")

    bomb = bytearray(encoded(Image.new("1", (8, 8)), "BMP"))
    bomb[18:26] = (60_000).to_bytes(4, "little") + (60_000).to_bytes(4, "little")
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", explode)
    with pytest.raises(PictureError, match="megapixels"):
        load(bytes(bomb))


def test_files_that_are_no_pictures(tmp_path: Path) -> None:
    missing, empty, text, script = (tmp_path / name for name in ("no.png", "empty.png", "text.png", "a.eps"))
    empty.touch()
    text.write_text("label,1x1\n5,0\n")
    script.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")
    for path, says in (
        (missing, "no such file"),
        (empty, "empty"),
        (text, "not a picture"),
        (script, "not a picture"),
        (tmp_path, "not a file"),
        ("a\0b.png", "cannot be opened|no such file"),
        ("x" * 5000, "cannot be opened"),
    ):
        with pytest.raises(PictureError, match=says):
            load(path)
    with pytest.raises(PictureError, match="empty"):
        load(b"")
    with pytest.raises(PictureError, match="NoneType is not a picture"):
        load(None)  # type: ignore[arg-type]


def samples() -> dict[str, bytes]:
    """A small file of each kind of coding the decoders know."""
    rng = np.random.default_rng(7)
    smooth = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize((WIDTH, HEIGHT))
    exif = Image.Exif()
    exif[0x0112] = 6
    files = {
        "jpeg": encoded(smooth, "JPEG", exif=exif),
        "jpeg progressive": encoded(smooth, "JPEG", progressive=True),
        "jpeg cmyk": encoded(smooth.convert("CMYK"), "JPEG"),
        "mpo": encoded(smooth, "MPO", save_all=True, append_images=[smooth]),
        "png": encoded(smooth, "PNG", exif=exif),
        "png palette": encoded(smooth.quantize(16), "PNG", transparency=3),
        "png 16 bits": encoded(
            Image.fromarray(np.asarray(smooth.convert("L")).astype(np.uint16) * 257), "PNG"
        ),
        "gif": encoded(smooth, "GIF"),
        "gif animated": encoded(smooth, "GIF", save_all=True, append_images=[smooth.rotate(90)]),
        "bmp": encoded(smooth, "BMP"),
        "ppm": encoded(smooth, "PPM"),
        "webp": encoded(smooth, "WEBP", exif=exif),
        "webp lossless": encoded(smooth.convert("RGBA"), "WEBP", lossless=True),
        "jpeg 2000": encoded(smooth, "JPEG2000"),
        "avif": encoded(smooth, "AVIF", exif=exif),
        "tiff float": encoded(smooth.convert("F"), "TIFF"),
    }
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"):
        files[f"tiff {compression}"] = encoded(smooth, "TIFF", compression=compression, exif=exif)
    files["tiff group4"] = encoded(smooth.convert("1"), "TIFF", compression="group4")
    return files


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """The file with up to nine bytes changed, most of them near its start, and sometimes without its tail."""
    result = bytearray(data)
    for _ in range(rng.integers(0, 10)):
        place = rng.integers(len(result)) if rng.random() < 0.5 else rng.integers(min(len(result), 200))
        result[place] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, int(rng.integers(256))])
    if rng.random() < 0.4:
        del result[rng.integers(len(result)) :]
    return bytes(result)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", samples())
def test_damaged_files_are_read_or_refused_quietly(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    data = samples()[kind]
    assert load(data).size
    rng = np.random.default_rng(len(kind))
    rejections = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(150):
            try:
                pixels = load(damaged(data, rng))
            except PictureError as rejection:
                rejections.append(str(rejection))
            else:
                assert pixels.dtype == np.uint8
                assert pixels.size
                assert pixels.ndim == 2 or pixels.shape[2] == 3
    assert len(rejections) > 10
    assert all(rejection and "\n" not in rejection for rejection in rejections)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "kind", ["jpeg", "png", "gif", "tiff raw", "webp", "bmp", "avif", "jpeg 2000", "ppm"]
)
def test_a_file_cut_short_is_refused_not_half_read(kind: str) -> None:
    data = samples()[kind]
    with pytest.raises(PictureError, match="damaged"):
        load(data[: len(data) * 6 // 10])


def test_every_format_named_is_supported_by_the_pillow_here() -> None:
    Image.init()
    assert set(picture.FORMATS) <= set(Image.OPEN)
    for codec in ("jpg", "jpg_2000", "zlib", "libtiff"):
        assert features.check_codec(codec)
