"""Downloads from a server on this machine that behaves well and badly."""

import hashlib
import http.server
import os
import socket
import threading

import pytest

from replicate.errors import DownloadError, ReplicateError
from replicate.storage.download import Digest, download

CONTENT = bytes(range(256)) * 5000
WHOLE = len(CONTENT)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/good")
            self.end_headers()
        elif self.path in ("/good", "/truncated", "/unmeasured", "/empty"):
            self.send_response(200)
            if self.path != "/unmeasured":
                length = 0 if self.path == "/empty" else len(CONTENT)
                self.send_header("Content-Length", str(length))
            self.end_headers()
            sent = {"/truncated": len(CONTENT) // 2, "/empty": 0}.get(self.path, len(CONTENT))
            self.wfile.write(CONTENT[:sent])
        else:
            self.send_error(404, "Not Found")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


@pytest.mark.parametrize("page", ["good", "moved", "unmeasured"])
def test_a_good_download_arrives_whole(server, tmp_path, page):
    path = tmp_path / "new" / "file.bin"
    check = Digest("sha256", SHA256[:8]).require
    assert download(f"{server}/{page}", path, check=check) == path
    assert path.read_bytes() == CONTENT
    assert os.listdir(path.parent) == ["file.bin"]


def test_a_bar_is_drawn_only_on_a_terminal(server, tmp_path, capsys):
    download(f"{server}/good", tmp_path / "file")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("page", "most", "sentence"),
    [
        ("truncated", WHOLE, r"the connection ended after 640,000 of 1,280,000 bytes\.$"),
        ("missing", WHOLE, r"the server answered 404 Not Found\.$"),
        ("good", WHOLE - 1, r"larger than the 1,279,999 bytes that are accepted\.$"),
        ("unmeasured", WHOLE - 1, r"larger than the 1,279,999 bytes that are accepted\.$"),
    ],
)
def test_a_bad_answer_is_one_sentence_and_leaves_what_was_there(
    server, tmp_path, page, most, sentence
):
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(DownloadError, match=sentence):
        download(f"{server}/{page}", tmp_path / "file", most=most)
    assert os.listdir(tmp_path) == ["file"] and (tmp_path / "file").read_bytes() == b"old"


def test_a_required_digest_that_differs_rejects_the_file(server, tmp_path):
    with pytest.raises(DownloadError) as caught:
        download(f"{server}/good", tmp_path / "file", check=Digest("sha256", "d01eb7cb").require)
    text = str(caught.value)
    assert SHA256 in text and "d01eb7cb" in text and f"{server}/good" in text
    assert os.listdir(tmp_path) == []


def test_an_advised_digest_that_differs_is_a_warning_with_both_sums(server, tmp_path):
    actual = hashlib.md5(CONTENT).hexdigest()
    with pytest.warns(UserWarning, match=rf"md5 {actual} where 0123abcd was expected"):
        download(f"{server}/good", tmp_path / "file", check=Digest("md5", "0123abcd").advise)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_digest_may_be_written_in_capitals(tmp_path):
    (tmp_path / "file").write_bytes(CONTENT)
    Digest("sha256", SHA256.upper()).require(tmp_path / "file")


def test_a_refused_connection_is_one_sentence(nobody, tmp_path):
    with pytest.raises(DownloadError, match=r"connection refused\.$"):
        download(nobody, tmp_path / "file")


def test_silence_is_given_up_within_the_time_limit(tmp_path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(DownloadError, match=r"no answer within 0\.2 seconds"):
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
            download(url, tmp_path / "file", timeout=0.2)


def test_an_unknown_server_name_asks_about_the_network(tmp_path, monkeypatch):
    def no_name(*_, **__):
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", no_name)
    with pytest.raises(DownloadError, match=r"cannot be looked up \(is this machine online\?\)\.$"):
        download("http://images.invalid/file", tmp_path / "file")


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://host/file", "picture.jpg", ""])
def test_only_web_addresses_are_fetched(url, tmp_path):
    with pytest.raises(DownloadError, match="only http and https"):
        download(url, tmp_path / "file")


def test_a_folder_that_cannot_be_written_is_one_sentence(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ReplicateError, match="Cannot write"):
        download(f"{server}/good", tmp_path / "file" / "below")
