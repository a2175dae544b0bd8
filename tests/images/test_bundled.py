"""Bundled photographs and drawn artworks."""

import sys
import urllib.request

import numpy as np
import pytest
from scipy import ndimage

from replicate.errors import ImageError
from replicate.images import artworks, bundled, bundled_names, find_image

# The package's name for the function hides the module of the same name.
bundled_module = sys.modules[bundled.__module__]
SMALL = 128
STYLES = ["swirls", "shards", "facets", "wave", "mosaic"]


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    def no_network(*_, **__):
        raise AssertionError("a bundled picture must not be downloaded")

    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    monkeypatch.setenv("REPLICATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(bundled_module, "ARTWORK_SIZE", SMALL)


@pytest.fixture(scope="module")
def drawn():
    return {name: artworks.draw(name, SMALL) for name in [*STYLES, *artworks.SUBJECTS]}


def test_names():
    names = bundled_names()
    assert names["artworks"] == STYLES
    assert names["subjects"] == ["phoenix", "rosette"]
    expected = ["astronaut", "chelsea", "coffee", "rocket", "motorcycle", "horse"]
    assert names["photographs"] == expected


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("astronaut", (512, 512)),
        ("chelsea", (451, 300)),
        ("coffee", (600, 400)),
        ("rocket", (640, 427)),
        ("motorcycle", (741, 500)),
        ("horse", (400, 328)),
    ],
)
def test_photographs(name, size):
    picture = bundled(name)
    assert picture.size == size and picture.name == name and picture.credit


def test_the_horse_is_black_on_white():
    pixels = bundled("horse").pixels
    assert (pixels[0, 0] == 255).all()
    assert 0.1 < (pixels < 128).mean() < 0.5


def test_a_photograph_that_is_not_installed(monkeypatch, tmp_path):
    monkeypatch.setattr(bundled_module, "_photograph_folder", lambda: tmp_path)
    assert bundled_names()["photographs"] == []
    with pytest.raises(ImageError, match="does not contain the photograph 'coffee'"):
        bundled("coffee")


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ImageError, match="did you mean 'swirls'"):
        bundled("swirl")


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("Coffe", "did you mean 'coffee'"),
        ("neckerfront", "did you mean 'neckarfront'"),
        ("zzz", "there are .*astronaut.*neckarfront"),
        ("none.png", "'none.png' does not exist"),
        ("folder/none", "'folder/none' does not exist"),
        (".", "is a folder"),
    ],
)
def test_finding_what_does_not_exist(name, answer):
    with pytest.raises(ImageError, match=answer):
        find_image(name)


def test_finding_a_file_and_a_bundled_name(tmp_path):
    path = bundled("coffee").save(tmp_path / "cup.png")
    assert find_image(path).sha256 == find_image("coffee").sha256


# Artworks


@pytest.mark.parametrize("name", [*STYLES, "phoenix", "rosette"])
def test_a_drawing_is_the_same_twice(name, drawn):
    assert drawn[name].shape == (SMALL, SMALL, 3) and drawn[name].dtype == np.uint8
    np.testing.assert_array_equal(artworks.draw(name, SMALL), drawn[name])


@pytest.mark.parametrize("name", STYLES)
def test_a_smaller_drawing_is_the_same_picture(name, drawn):
    half = artworks.draw(name, SMALL // 2).astype(float)
    reduced = drawn[name].reshape(SMALL // 2, 2, SMALL // 2, 2, 3).mean((1, 3))
    blurred = [ndimage.gaussian_filter(each, (2, 2, 0)).ravel() for each in (half, reduced)]
    assert np.corrcoef(*blurred)[0, 1] > 0.9


def test_palettes_differ(drawn):
    means = {name: drawn[name].astype(float).mean((0, 1)) for name in STYLES}
    for first in STYLES:
        for second in STYLES:
            if first < second:
                assert np.abs(means[first] - means[second]).max() > 12, (first, second)


@pytest.mark.parametrize("name", STYLES)
def test_a_style_has_colours_and_texture_at_several_scales(name, drawn):
    pixels = drawn[name].astype(float)
    assert pixels.std(axis=(0, 1)).min() > 25
    grey = pixels.mean(axis=2)
    blurred = [ndimage.gaussian_filter(grey, sigma) for sigma in (0.01, 1, 2, 4, 8)]
    bands = [np.std(a - b) for a, b in zip(blurred[:-1], blurred[1:])]
    assert min(bands) > 4, bands


def test_an_artwork_is_drawn_once_and_then_read(monkeypatch, tmp_path):
    first = bundled("rosette")
    files = list((tmp_path / "cache" / "artworks").iterdir())
    assert [file.name for file in files] == [f"rosette-v{artworks.VERSION}.png"]
    monkeypatch.setattr(artworks, "draw", None)
    again = bundled("rosette")
    assert again.sha256 == first.sha256
    assert (again.name, again.credit) == (first.name, first.credit) and again.credit


def damaged(data):
    return {
        "empty": b"",
        "half": data[: len(data) // 2],
        "rubbish": b"rubbish" * 100,
    }


@pytest.mark.parametrize("damage", ["empty", "half", "rubbish"])
def test_a_damaged_cache_is_drawn_anew(damage, tmp_path):
    first = bundled("rosette")
    path = tmp_path / "cache" / "artworks" / f"rosette-v{artworks.VERSION}.png"
    whole = path.read_bytes()
    path.write_bytes(damaged(whole)[damage])
    assert bundled("rosette").sha256 == first.sha256
    assert path.read_bytes() == whole


def test_another_picture_in_the_cache_is_not_taken_for_the_artwork(tmp_path):
    first = bundled("rosette")
    path = tmp_path / "cache" / "artworks" / f"rosette-v{artworks.VERSION}.png"
    bundled("coffee").save(path, {"sha256": first.sha256})
    assert bundled("rosette").sha256 == first.sha256


def test_a_cache_that_cannot_be_written_is_only_a_warning(tmp_path):
    (tmp_path / "cache").write_bytes(b"a file where a folder should be")
    with pytest.warns(UserWarning, match="drawn anew each time: Cannot write"):
        assert bundled("rosette").size == (SMALL, SMALL)
