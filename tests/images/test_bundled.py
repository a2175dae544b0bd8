"""Bundled photographs and drawn artworks."""

import runpy
import sys
from itertools import combinations, pairwise

import numpy as np
import pytest
from scipy import ndimage

from replicate.errors import ImageError
from replicate.images import artworks, bundled, bundled_names, find_image, load_image

# The package's name for the function hides the module of the same name.
bundled_module = sys.modules[bundled.__module__]
SMALL = 128


@pytest.fixture(scope="module")
def drawn():
    return {name: artworks.draw(name, SMALL) for name in [*artworks.ARTWORKS, *artworks.SUBJECTS]}


def test_every_name_has_its_picture():
    names = bundled_names()
    assert len(names["artworks"]) == 10 and names["subjects"] == ["phoenix", "rosette"]
    sizes = {name: bundled(name).size for name in names["photographs"]}
    assert sizes == {
        "astronaut": (512, 512),
        "chelsea": (451, 300),
        "coffee": (600, 400),
        "rocket": (640, 427),
        "motorcycle": (741, 500),
        "horse": (400, 328),
        "cameraman": (512, 512),
        "hopper": (512, 600),
        "pagoda": (640, 427),
        "dahlia": (640, 427),
    }
    assert all(bundled(name).name == name and bundled(name).credit for name in sizes)
    # One bit a pixel: black on white, not the other way round.
    assert 0.1 < (bundled("horse").pixels < 128).mean() < 0.5


def test_a_photograph_that_is_not_installed(monkeypatch, tmp_path):
    monkeypatch.setattr(bundled_module, "_photograph_folder", lambda package: tmp_path)
    assert bundled_names()["photographs"] == []
    with pytest.raises(ImageError, match="does not contain the photograph 'coffee'"):
        bundled("coffee")


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("Coffe", "did you mean 'coffee'"),
        ("neckerfront", "did you mean 'neckarfront'"),
        ("zzz", "there are amber, astronaut.* more"),
        ("none.png", "'none.png' does not exist"),
        ("folder/none", "'folder/none' does not exist"),
        (".", "is a folder"),
    ],
)
def test_finding_what_does_not_exist(name, answer):
    with pytest.raises(ImageError, match=answer):
        find_image(name)
    if "." not in name:
        with pytest.raises(ImageError):
            bundled(name)


def test_finding_a_file_and_a_bundled_name(tmp_path):
    path = bundled("coffee").save(tmp_path / "cup.png")
    assert find_image(path).sha256 == find_image("coffee").sha256


# Artworks


@pytest.mark.parametrize("name", [*artworks.ARTWORKS, *artworks.SUBJECTS])
def test_a_drawing_is_the_same_twice_and_at_half_the_size(name, drawn):
    assert drawn[name].shape == (SMALL, SMALL, 3) and drawn[name].dtype == np.uint8
    np.testing.assert_array_equal(artworks.draw(name, SMALL), drawn[name])
    half = artworks.draw(name, SMALL // 2).astype(float)
    reduced = drawn[name].reshape(SMALL // 2, 2, SMALL // 2, 2, 3).mean((1, 3))
    blurred = [ndimage.gaussian_filter(each, (2, 2, 0)).ravel() for each in (half, reduced)]
    assert np.corrcoef(*blurred)[0, 1] > 0.9


def test_styles_have_palettes_of_their_own_and_texture_at_several_scales(drawn):
    means = []
    for name in artworks.ARTWORKS:
        pixels = drawn[name].astype(float)
        means.append(pixels.mean((0, 1)))
        assert pixels.std(axis=(0, 1)).min() > 25
        blurred = [ndimage.gaussian_filter(pixels.mean(2), s) for s in (0.01, 1, 2, 4, 8)]
        assert min(np.std(a - b) for a, b in pairwise(blurred)) > 4, name
    assert all(np.abs(one - other).max() > 12 for one, other in combinations(means, 2))


@pytest.mark.parametrize("name", [*artworks.ARTWORKS, *artworks.SUBJECTS])
def test_the_picture_that_lies_here_is_the_drawn_one(name, drawn):
    picture = bundled(name)
    assert picture.size == (1024, 1024) and (picture.name, bool(picture.credit)) == (name, True)
    step = 1024 // SMALL
    reduced = picture.pixels.reshape(SMALL, step, SMALL, step, 3).mean((1, 3))
    blurred = [ndimage.gaussian_filter(each, (2, 2, 0)).ravel() for each in (drawn[name], reduced)]
    assert np.corrcoef(*blurred)[0, 1] > 0.95


def test_making_a_picture_anew_keeps_every_pixel(monkeypatch, tmp_path):
    monkeypatch.setattr(artworks, "SIDE", 64)
    monkeypatch.setattr(artworks, "artwork_file", lambda name: tmp_path / f"{name}.webp")
    monkeypatch.setattr(sys, "argv", ["artworks", "rosette"])
    runpy.run_module("replicate.images.artworks", run_name="__main__")
    made = load_image(tmp_path / "rosette.webp")
    np.testing.assert_array_equal(made.pixels, artworks.draw("rosette", 64))
