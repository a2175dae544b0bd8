"""The papers' own images: folder, cache, address; and the catalogue."""

import http.server
import io
import socket
import threading
import tomllib

import numpy as np
import pytest
from PIL import Image

from replicate.errors import ConfigError, ImageError
from replicate.images import find_image, load_image, paper_image, paper_image_keys, papers
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
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def folder(monkeypatch, tmp_path):
    (tmp_path / "images" / "paper").mkdir(parents=True)
    monkeypatch.setenv("REPLICATE_IMAGES", str(tmp_path / "images"))
    return tmp_path / "images"


@pytest.fixture
def server():
    pages = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path not in pages:
                self.send_error(404, "Not Found")
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(pages[self.path])))
            self.end_headers()
            self.wfile.write(pages[self.path])

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", pages
        running.shutdown()


def catalogue_of(monkeypatch, address, md5=""):
    entry = PaperImage(
        "house", "A house", "A. Author", "CC BY 3.0", ("paper/house.jpg",), address, md5
    )
    monkeypatch.setattr(papers, "_catalogue", lambda: {"house": entry})


# The catalogue


def test_the_catalogue_has_the_papers_images():
    keys = paper_image_keys()
    wanted = ["neckarfront", "starry_night", "the_scream", "composition_vii", "shipwreck"]
    assert set(wanted) <= set(keys)
    # As typed from the reference table.
    assert paper_image_entry("neckarfront").md5 == "dc9ad203263f34352e18bc29b03e1066"
    assert paper_image_entry("starry_night").md5 == "372e5bc438e3e8d0eb52cc6f7ef44760"
    assert paper_image_entry("the_scream").md5 == "46ef64eea5a7b2d13dbadd420b531249"
    assert paper_image_entry("composition_vii").md5 == "bfcbc420684bf27d2d8581fa8cc9522f"
    assert "Andreas Praefcke" in paper_image_entry("neckarfront").credit
    assert "CC BY 3.0" in paper_image_entry("neckarfront").credit


@pytest.mark.parametrize("key", paper_image_keys())
def test_only_free_images_are_downloaded(key):
    entry = paper_image_entry(key)
    if entry.address:
        assert entry.address.startswith("https://") and len(entry.md5) == 32
        assert "public domain" in entry.licence or "CC" in entry.licence


def test_a_key_is_never_also_a_bundled_name():
    from replicate.images import bundled_names

    bundled = {name for names in bundled_names().values() for name in names}
    assert not bundled & set(paper_image_keys())


GOOD = '[a]\ntitle = "t"\nauthor = "x"\nlicence = "l"\nfiles = ["f.jpg"]\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            GOOD + 'adress = "x"',
            r"images.toml, a: there is no key 'adress'; did you mean 'address'",
        ),
        (GOOD + 'zzz = "x"', "there are address, author, files, licence, md5, note, title"),
        (GOOD.replace('title = "t"\n', ""), "'title' is missing"),
        (GOOD.replace('["f.jpg"]', '"f.jpg"'), "must be a list of one or more texts"),
        (GOOD.replace('["f.jpg"]', "[]"), "must be a list of one or more texts"),
        (GOOD.replace('["f.jpg"]', "[3]"), "must be a list of one or more texts"),
        (GOOD.replace('"l"', "3"), "'licence' must be a text"),
        ("a = 3", "'a' must be a table"),
        ("[a", "cannot be read"),
        ("\xff\xfe", "cannot be read"),
    ],
)
def test_a_bad_catalogue(tmp_path, text, sentence):
    path = tmp_path / "images.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=sentence):
        read_catalogue(path)


def test_a_missing_catalogue(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_catalogue(tmp_path / "images.toml")


def test_the_catalogue_is_plain_toml():
    tables = tomllib.loads((configs_dir() / "images.toml").read_text(encoding="utf-8"))
    assert list(tables) == paper_image_keys()


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


@pytest.mark.parametrize("key", ["seated_nude", "jesuiten", "shipwreck"])
def test_an_image_without_address_says_where_to_put_it(key):
    with pytest.raises(ImageError, match=r"cannot be downloaded; put it as 'paper/\w+\.jpg' into"):
        paper_image(key)


def test_from_the_address_once_and_then_from_the_cache(server, monkeypatch, tmp_path):
    address, pages = server
    pages["/house.jpg"] = jpeg("green")
    catalogue_of(monkeypatch, f"{address}/house.jpg")
    first = paper_image("house")
    assert (tmp_path / "cache" / "images" / "house.jpg").is_file()
    pages.clear()
    assert paper_image("house").sha256 == first.sha256


def test_a_damaged_cache_is_downloaded_anew(server, monkeypatch, tmp_path):
    address, pages = server
    pages["/house.jpg"] = jpeg("green")
    catalogue_of(monkeypatch, f"{address}/house.jpg")
    cached = tmp_path / "cache" / "images" / "house.jpg"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(jpeg("red")[:300])
    np.testing.assert_array_equal(paper_image("house").pixels, load_image(jpeg("green")).pixels)
    assert cached.read_bytes() == pages["/house.jpg"]


def test_a_changed_checksum_is_a_warning_that_names_both(server, monkeypatch):
    address, pages = server
    pages["/house.jpg"] = jpeg("green")
    catalogue_of(monkeypatch, f"{address}/house.jpg", "dc9ad203263f34352e18bc29b03e1066")
    with pytest.warns(UserWarning, match=r"md5 [0-9a-f]{32} where dc9ad203\w+ was expected"):
        assert paper_image("house").size == (40, 30)


def test_a_web_page_instead_of_the_picture(server, monkeypatch, tmp_path):
    address, pages = server
    pages["/house.jpg"] = b"<html>Please log in to this network.</html>"
    catalogue_of(monkeypatch, f"{address}/house.jpg")
    with pytest.raises(ImageError, match="is not a picture that can be read; or put it as"):
        paper_image("house")
    assert list((tmp_path / "cache").rglob("*.*")) == []


def test_offline_says_so_and_what_to_do(monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    catalogue_of(monkeypatch, f"http://127.0.0.1:{port}/house.jpg")
    with pytest.raises(ImageError, match=r"refused; or put it as 'paper/house\.jpg' into a folder"):
        paper_image("house")
