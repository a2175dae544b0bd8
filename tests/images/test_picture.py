"""Reading pictures of every kind, and refusing what is none."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from replicate.errors import ImageError
from replicate.images import Picture, load_image, read_text

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)
ALPHA = RNG.integers(0, 256, (20, 30), dtype=np.uint8)
GREY = RGB[..., 0]


def png(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def encoded(kind, image=None, **options):
    buffer = io.BytesIO()
    (image or Image.fromarray(RGB)).save(buffer, kind, **options)
    return buffer.getvalue()


def three(grey):
    return np.repeat(grey[..., None], 3, axis=2)


def over_white(colour, alpha):
    share = alpha[..., None] / 255
    return colour * share + 255 * (1 - share)


def swapped_profile():
    """An sRGB profile that calls red what is blue."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert data.count(b"rXYZ") == data.count(b"bXYZ") == 1
    return data.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")


# Modes

INKS = RNG.integers(0, 256, (20, 30, 4), dtype=np.uint8)
DEEP = np.linspace(0, 65535, 20 * 30).reshape(20, 30).astype(np.uint16)
PALETTE = Image.fromarray(RGB).quantize(16)
MODES = {
    "RGB": (png(Image.fromarray(RGB)), RGB),
    "grey": (png(Image.fromarray(GREY)), three(GREY)),
    "one bit": (png(Image.fromarray(GREY > 127)), three(np.where(GREY > 127, 255, 0))),
    "palette": (png(PALETTE), np.asarray(PALETTE.convert("RGB"))),
    "RGB, transparent": (png(Image.fromarray(np.dstack([RGB, ALPHA]))), over_white(RGB, ALPHA)),
    "grey, transparent": (
        png(Image.fromarray(np.dstack([GREY, ALPHA]))),
        over_white(three(GREY), ALPHA),
    ),
    "CMYK": (
        encoded("TIFF", Image.fromarray(INKS, "CMYK")),
        (255 - INKS[..., :3].astype(float)) * (255 - INKS[..., 3:].astype(float)) / 255,
    ),
    "grey of 16 bits": (png(Image.fromarray(DEEP)), three(np.rint(DEEP / 257))),
    "L* = 53.7": (
        Image.merge("LAB", [Image.new("L", (20, 20), v) for v in (137, 128, 128)]),
        np.full((20, 20, 3), 128),
    ),
    **{
        mode: (image := Image.fromarray(RGB).convert(mode), np.asarray(image.convert("RGB")))
        for mode in ("YCbCr", "HSV", "RGBX")
    },
}


@pytest.mark.parametrize("mode", MODES)
def test_any_mode_becomes_rgb(mode):
    source, expected = MODES[mode]
    near = {"RGB, transparent": 1, "grey, transparent": 1, "CMYK": 1, "L* = 53.7": 2}
    np.testing.assert_allclose(load_image(source).pixels, expected, atol=near.get(mode, 0))


@pytest.mark.parametrize("premultiplied", ["La", "RGBa"])
def test_premultiplied_transparency_lies_over_white(premultiplied):
    mode = {"La": "LA", "RGBa": "RGBA"}[premultiplied]
    solid = Image.fromarray(RGB).convert(mode)
    pixels = load_image(solid.convert(premultiplied)).pixels
    np.testing.assert_array_equal(pixels, np.asarray(solid.convert("RGB")))
    clear = Image.new(premultiplied, (20, 20))
    assert (load_image(clear).pixels == 255).all()


def test_a_clear_colour_lies_over_white():
    indexed = Image.new("P", (20, 20), 1)
    indexed.putpalette([10, 20, 30, 40, 50, 60])
    indexed.paste(0, (0, 0, 20, 10))
    flat = np.full((20, 20, 3), (40, 50, 60), np.uint8)
    flat[:10] = (1, 2, 3)
    for image, clear in ((indexed, 0), (Image.fromarray(flat), (1, 2, 3))):
        pixels = load_image(png(image, transparency=clear)).pixels
        assert (pixels[:10] == 255).all() and (pixels[10:] == (40, 50, 60)).all()


def test_cmyk_jpeg_is_not_a_negative():
    white = Image.new("CMYK", (20, 20), (0, 0, 0, 0))
    assert (load_image(encoded("JPEG", white)).pixels > 250).all()


def test_sixteen_bit_grey_with_a_clear_value():
    deep = np.full((20, 20), 1000, np.uint16)
    deep[5] = 77
    image = Image.fromarray(deep)
    image.info["transparency"] = 77
    pixels = load_image(image).pixels
    assert (pixels[5] == 255).all() and (pixels[6] == 4).all()


def test_thirty_two_bit_integers_count_as_sixteen():
    deep = np.full((20, 20), 32768, np.int32)
    deep[0, :3] = [-5, 0, 70000]
    pixels = load_image(Image.fromarray(deep)).pixels[..., 0]
    assert pixels[1, 1] == 128 and list(pixels[0, :3]) == [0, 0, 255]


@pytest.mark.parametrize(("white", "factor"), [(1.0, 255), (255.0, 1)])
def test_float_grey_counts_to_one_or_to_255(white, factor):
    values = np.linspace(0, white, 400, dtype=np.float32).reshape(20, 20)
    pixels = load_image(encoded("TIFF", Image.fromarray(values))).pixels
    np.testing.assert_array_equal(pixels, three(np.rint(values * factor)))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM"])
def test_formats(kind, tmp_path):
    path = tmp_path / "flat.bin"  # the content counts, not the suffix
    path.write_bytes(encoded(kind, Image.new("RGB", (40, 24), (200, 100, 50))))
    picture = load_image(path)
    assert picture.size == (40, 24) and picture.name == "flat"
    np.testing.assert_allclose(picture.pixels.mean((0, 1)), [200, 100, 50], atol=3)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_is_taken(kind):
    red, blue = Image.new("RGB", (20, 20), "red"), Image.new("RGB", (20, 20), "blue")
    data = encoded(kind, red, save_all=True, append_images=[blue])
    np.testing.assert_allclose(load_image(data).pixels.mean((0, 1)), [255, 0, 0], atol=4)


# Colour profiles and orientation


def test_a_profile_is_converted_to_srgb_also_beneath_transparency():
    for colour, expected in (((255, 0, 0), (0, 0, 255)), ((255, 0, 0, 128), (127, 127, 255))):
        image = Image.new("RGB" if len(colour) == 3 else "RGBA", (20, 20), colour)
        pixels = load_image(png(image, icc_profile=swapped_profile())).pixels
        np.testing.assert_allclose(pixels.mean((0, 1)), expected, atol=3)


def test_the_srgb_profile_changes_nothing():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    pixels = load_image(png(Image.fromarray(RGB), icc_profile=profile)).pixels
    np.testing.assert_allclose(pixels.astype(int), RGB, atol=1)


@pytest.mark.parametrize("profile", [b"", b"rubbish", swapped_profile()[:200]])
def test_an_unusable_profile_is_ignored(profile):
    data = png(Image.fromarray(RGB), icc_profile=profile)
    np.testing.assert_array_equal(load_image(data).pixels, RGB)
    data = png(Image.fromarray(GREY), icc_profile=swapped_profile())
    np.testing.assert_array_equal(load_image(data).pixels, three(GREY))


UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = png(Image.fromarray(RGB), exif=exif)
    np.testing.assert_array_equal(load_image(data).pixels, UPRIGHT[orientation](RGB))


@pytest.mark.parametrize("exif", [b"Exif\0\0rubbish", b"Exif\0\0MM\0*\xff\xff\xff\xff"])
def test_broken_exif_is_ignored(exif):
    assert load_image(encoded("JPEG", exif=exif)).size == (30, 20)


# What is refused


def huge_png(width, height):
    def chunk(name, body):
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = (
        chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )
    return b"\x89PNG\r\n\x1a\n" + body


def corrupt_png():
    data = bytearray(png(Image.fromarray(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8))))
    data[len(data) // 2] ^= 0xFF
    return bytes(data)


NOISE = Image.fromarray(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8))
BAD_FILES = {
    "empty": (b"", "is empty"),
    "one byte": (b"\x89", "is not a picture"),
    "text": (b"This is not a picture.\n" * 40, "is not a picture"),
    "web page": (b"<!DOCTYPE html><html><body>404</body></html>", "is not a picture"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg" width="9"/>', "is not a picture"),
    "random bytes": (RNG.bytes(5000), "is not a picture"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n", "is not a picture"),
    "PDF": (b"%PDF-1.7\n1 0 obj\n", "is not a picture"),
    "half a PNG": (encoded("PNG", NOISE)[:6000], "is truncated or damaged"),
    "half a JPEG": (encoded("JPEG", NOISE)[:2000], "is truncated or damaged"),
    "half a GIF": (encoded("GIF", NOISE)[:2000], "is truncated or damaged"),
    "half a TIFF": (encoded("TIFF", NOISE)[:4000], "(is truncated|is not a picture)"),
    "half a WebP": (encoded("WEBP", NOISE)[:600], "(is truncated|is not a picture)"),
    "head of a JPEG": (encoded("JPEG", NOISE)[:20], "is not a picture"),
    "flipped bits": (corrupt_png(), "is truncated or damaged"),
    "over the limit": (huge_png(10000, 6000), "10000 × 6000 pixels, over the limit of 50,000,000"),
    "far over the limit": (huge_png(60000, 60000), "too many pixels"),
    "a line": (encoded("PNG", Image.new("RGB", (400, 1))), "each side needs 16 or more"),
    "15 pixels": (encoded("PNG", Image.new("RGB", (15, 15))), "15 × 15 pixels; each side"),
    "NaN": (encoded("TIFF", Image.fromarray(np.full((20, 20), np.nan, np.float32))), "NaN"),
}


@pytest.mark.parametrize("content", BAD_FILES)
def test_a_bad_file_gets_one_sentence_that_names_it(content, tmp_path):
    data, sentence = BAD_FILES[content]
    path = tmp_path / "chosen.png"
    path.write_bytes(data)
    with pytest.raises(ImageError, match=sentence) as caught:
        load_image(path)
    text = str(caught.value)
    assert text.startswith(f"'{path}'") and text.endswith(".") and "\n" not in text
    for source in (data, io.BytesIO(data)):
        with pytest.raises(ImageError, match=rf"^The picture.*{sentence}"):
            load_image(source)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("none.png", r"^'.*none\.png' does not exist\.$"),
        ("", r"is a folder, not a picture\.$"),
        ("pipe", r"cannot be read: not an ordinary file\.$"),
        ("nul\0byte.png", "cannot be read"),
        ("long" * 2000 + ".png", "cannot be read"),
    ],
)
def test_what_is_no_file(tmp_path, name, sentence):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImageError, match=sentence) as caught:
        load_image(f"{tmp_path}/{name}")
    assert len(str(caught.value)) < 500 and str(caught.value).isprintable()


def test_the_pixel_limit_is_inclusive():
    data = png(Image.fromarray(RGB))
    assert load_image(data, max_pixels=600).size == (30, 20)
    with pytest.raises(ImageError, match="30 × 20 pixels, over the limit of 599"):
        load_image(data, max_pixels=599)


def test_a_pillow_image_and_an_open_file_keep_their_name(tmp_path):
    path = tmp_path / "boat.png"
    path.write_bytes(png(Image.fromarray(RGB)))
    with open(path, "rb") as file:
        assert load_image(file).name == "boat"
    with Image.open(path) as image:
        assert load_image(image).name == "boat"


# Picture


def test_size_digest_and_repr():
    picture = Picture(RGB, "name")
    assert picture.size == (30, 20) and "name" in repr(picture)
    assert picture.sha256 == Picture(RGB.copy()).sha256
    assert picture.sha256 != Picture(RGB.reshape(30, 20, 3)).sha256
    changed = RGB.copy()
    changed[0, 0, 0] ^= 1
    assert picture.sha256 != Picture(changed).sha256


def test_from_array_rounds_and_clips():
    values = np.array([-1.0, 0.0, 0.4999 / 255, 0.5001 / 255, 1.0, 9.0])
    pixels = Picture.from_array(np.tile(values, (2, 1))).pixels
    assert pixels.shape == (2, 6, 3)
    assert list(pixels[0, :, 1]) == [0, 0, 0, 1, 255, 255]


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 3), np.int64),
        np.full((4, 4, 3), np.nan),
        np.full((4, 4, 3), np.inf, np.float32),
        np.float64(3),
    ],
)
def test_arrays_that_are_no_picture(array):
    with pytest.raises(ImageError):
        Picture.from_array(array)


def test_resizing():
    picture = Picture(RGB, "n", "c")
    assert picture.resized(30, 20) is picture
    smaller = picture.resized(7, 5)
    assert smaller.size == (7, 5) and (smaller.name, smaller.credit) == ("n", "c")
    expected = Image.fromarray(RGB).resize((7, 5), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(smaller.pixels, np.asarray(expected))


@pytest.mark.parametrize(
    ("longest", "size"), [(60, (60, 40)), (30, (30, 20)), (15, (15, 10)), (1, (1, 1))]
)
def test_scaling_keeps_the_proportions(longest, size):
    assert Picture(RGB).scaled_to(longest).size == size


@pytest.mark.parametrize("longest", [0, -3])
def test_scaling_to_nothing(longest):
    with pytest.raises(ImageError):
        Picture(RGB).scaled_to(longest)


def test_saving_keeps_pixels_and_text(tmp_path):
    text = {"job": '{"seed": 0}', "note": "Tübingen – ½ × α/β\nsecond line"}
    path = Picture(RGB).save(tmp_path / "new" / "out.PNG", text)
    np.testing.assert_array_equal(load_image(path).pixels, RGB)
    assert read_text(path) == text
    assert os.listdir(path.parent) == ["out.PNG"]


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp"])
def test_saving_with_loss_keeps_the_text(tmp_path, suffix):
    flat = Picture(np.full((32, 48, 3), 90, np.uint8))
    path = flat.save(tmp_path / f"out{suffix}", {"job": "α"})
    np.testing.assert_allclose(load_image(path).pixels, 90, atol=2)
    assert read_text(path) == {"job": "α"}


def test_a_foreign_file_has_no_text(tmp_path):
    exif = Image.Exif()
    exif[0x010E] = "a holiday"
    (tmp_path / "a.jpg").write_bytes(encoded("JPEG", exif=exif))
    (tmp_path / "b.png").write_bytes(encoded("PNG"))
    assert read_text(tmp_path / "a.jpg") == read_text(tmp_path / "b.png") == {}


@pytest.mark.parametrize("name", ["out", "out.tiff", "out.png.txt"])
def test_saving_under_another_suffix(tmp_path, name):
    with pytest.raises(ImageError, match=r"must end in \.png, \.jpg or \.webp"):
        Picture(RGB).save(tmp_path / name)
    assert os.listdir(tmp_path) == []
