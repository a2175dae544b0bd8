"""The papers' own images: folder, cache, address; and the catalogue."""

import io
import tomllib

import numpy as np
import pytest
from PIL import Image

from replicate.errors import ConfigError, ImageError
from replicate.images import (
    bundled_names,
    find_image,
    load_image,
    paper_image,
    paper_image_keys,
    papers,
)
from replicate.images.papers import PaperImage, paper_image_entry, read_catalogue
from replicate.storage.files import configs_dir


def jpeg(colour):
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    monkeypatch.setenv("REPLICATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("REPLICATE_IMAGES", raising=False)


@pytest.fixture
def folder(monkeypatch, tmp_path):
    (tmp_path / "images" / "paper").mkdir(parents=True)
    monkeypatch.setenv("REPLICATE_IMAGES", str(tmp_path / "images"))
    return tmp_path / "images"


@pytest.fixture
def address(monkeypatch, serve):
    """``address(content, md5)``: the image "house" has an address that answers so."""
    return lambda content, md5="": catalogue_of(monkeypatch, serve("house.jpg", content), md5)


def catalogue_of(monkeypatch, address, md5=""):
    about = {"title": "A house", "author": "A. Author", "licence": "CC BY 3.0"}
    entry = PaperImage(key="house", files=("paper/house.jpg",), address=address, md5=md5, **about)
    monkeypatch.setattr(papers, "_catalogue", lambda: {"house": entry})


# The catalogue


def test_the_catalogue():
    keys = paper_image_keys()
    assert list(tomllib.loads((configs_dir() / "images.toml").read_text())) == keys
    # As typed from the reference table.
    md5 = {
        "neckarfront": "dc9ad203263f34352e18bc29b03e1066",
        "starry_night": "372e5bc438e3e8d0eb52cc6f7ef44760",
        "the_scream": "46ef64eea5a7b2d13dbadd420b531249",
        "composition_vii": "bfcbc420684bf27d2d8581fa8cc9522f",
    }
    assert {key: paper_image_entry(key).md5 for key in md5} == md5
    assert "Andreas Praefcke" in paper_image_entry("neckarfront").credit
    assert not set(keys) & {name for names in bundled_names().values() for name in names}
    for entry in map(paper_image_entry, keys):
        if entry.address:  # only free images are downloaded
            assert entry.address.startswith("https://") and len(entry.md5) == 32
            assert "public domain" in entry.licence or "CC" in entry.licence


GOOD = '[a]\ntitle = "t"\nauthor = "x"\nlicence = "l"\nfiles = ["f.jpg"]\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (GOOD + 'adress = "x"', r"images\.toml: a\.adress: unknown key; did you mean 'address'"),
        (GOOD.replace('title = "t"\n', ""), r"a\.title: Field required"),
        (GOOD.replace('["f.jpg"]', '"f.jpg"'), r"a\.files: Input should be a valid tuple"),
        (GOOD.replace('["f.jpg"]', "[]"), r"a\.files: Tuple should have at least 1"),
        (GOOD.replace('"l"', "3"), r"a\.licence: Input should be a valid string"),
        ("a = 3", r"images\.toml: a: Input should be"),
        ("[a", "is not valid TOML"),
        ("\xff\xfe", "cannot be read"),
        (None, "cannot be read"),
    ],
)
def test_a_bad_catalogue(tmp_path, text, sentence):
    path = tmp_path / "images.toml"
    if text is not None:
        path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=sentence):
        read_catalogue(path)


# Where images come from


def test_an_unknown_key():
    with pytest.raises(ImageError, match="did you mean 'starry_night'"):
        paper_image("stary_night")


def test_from_the_folder(folder):
    (folder / "paper" / "tubingen.jpg").write_bytes(jpeg("red"))
    picture = paper_image("neckarfront")
    assert picture.size == (40, 30) and picture.name == "neckarfront"
    assert "Praefcke" in picture.credit
    assert find_image("neckarfront").sha256 == picture.sha256


def test_the_first_file_of_the_folder_is_the_best(folder):
    (folder / "paper" / "starry_night_google.jpg").write_bytes(jpeg("blue"))
    assert paper_image("starry_night").pixels[0, 0, 2] > 200
    (folder / "paper" / "starry_night_gatys.jpg").write_bytes(jpeg("red"))
    assert paper_image("starry_night").pixels[0, 0, 0] > 200


def test_a_bad_file_in_the_folder_is_not_passed_over(folder):
    (folder / "paper" / "tubingen.jpg").write_bytes(b"rubbish")
    with pytest.raises(ImageError, match=r"tubingen\.jpg' is not a picture"):
        paper_image("neckarfront")


def test_a_folder_that_does_not_exist(monkeypatch, tmp_path):
    monkeypatch.setenv("REPLICATE_IMAGES", str(tmp_path / "none"))
    with pytest.raises(ImageError, match=r"REPLICATE_IMAGES names .* which is not a folder"):
        paper_image("neckarfront")


def test_an_image_without_address_says_where_to_put_it():
    with pytest.raises(ImageError, match=r"cannot be downloaded; put it as 'paper/\w+\.jpg' into"):
        paper_image("shipwreck")


def test_from_the_address_once_and_then_from_the_cache(address, monkeypatch, tmp_path):
    address(jpeg("green"))
    first = paper_image("house")
    assert (tmp_path / "cache" / "images" / "house.jpg").is_file()
    monkeypatch.setattr(papers, "download", None)
    assert paper_image("house").sha256 == first.sha256


def test_a_damaged_cache_is_downloaded_anew(address, tmp_path):
    address(jpeg("green"))
    cached = tmp_path / "cache" / "images" / "house.jpg"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(jpeg("red")[:300])
    np.testing.assert_array_equal(paper_image("house").pixels, load_image(jpeg("green")).pixels)
    assert cached.read_bytes() == jpeg("green")


def test_a_changed_checksum_is_a_warning_that_names_both(address):
    address(jpeg("green"), "dc9ad203263f34352e18bc29b03e1066")
    with pytest.warns(UserWarning, match=r"md5 [0-9a-f]{32} where dc9ad203\w+ was expected"):
        assert paper_image("house").size == (40, 30)


def test_a_web_page_instead_of_the_picture(address, tmp_path):
    address(b"<html>Please log in to this network.</html>")
    with pytest.raises(ImageError, match="is not a picture that can be read; or put it as"):
        paper_image("house")
    assert list((tmp_path / "cache").rglob("*.*")) == []


def test_offline_says_so_and_what_to_do(monkeypatch, nobody):
    catalogue_of(monkeypatch, nobody)
    with pytest.raises(ImageError, match=r"refused; or put it as 'paper/house\.jpg' into a folder"):
        paper_image("house")
