"""What the demo's tests share: a backend of tiny networks, few bundled pictures, a visitor."""

import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from demo import pictures
from demo.backend import Backend
from demo.limits import Limits
from demo.results import Results
from demo.uploads import Uploads
from replicate.config import load_preset
from replicate.engine.engine import Engine
from replicate.engine.job import Job

LIMITS = Limits(size=128, evaluations=60, pixels=1_000_000, megabytes=2, waiting=3)


@pytest.fixture
def few_pictures(request, monkeypatch):
    """Photographs, for artworks take longer to read; a test adds some by parametrizing this
    indirectly.
    """
    artworks = ["rocket", *getattr(request, "param", [])]
    names = {"photographs": ["chelsea", "coffee"], "artworks": artworks, "subjects": []}
    monkeypatch.setattr(pictures, "bundled_names", lambda: names)
    cached = (pictures.examples, pictures._by_digest)
    for each in cached:
        each.cache_clear()
    yield
    for each in cached:
        each.cache_clear()


@pytest.fixture
def limits(request):
    """The server's limits; a test changes some by parametrizing this indirectly."""
    return replace(LIMITS, **getattr(request, "param", {}))


@pytest.fixture
def backend(tmp_path, tiny_engine, few_pictures, measured_means, limits):
    """A backend whose ``vgg19-caffe`` is tiny; results go to a folder of the test's own."""
    tiny_engine()
    results, uploads = Results(tmp_path / "results"), Uploads(tmp_path / "uploads")
    return Backend("cpu", limits, results, uploads)


@pytest.fixture
def visitor():
    """The request of a visitor's event."""
    return SimpleNamespace(session_hash="visitor", query_params={})


@pytest.fixture
def files(tmp_path, scene):
    """A visitor's content and style picture."""
    names = ("my photo.png", "my art.png")
    content, style = (scene(48, 32, seed).save(tmp_path / name) for seed, name in enumerate(names))
    return str(content), str(style)


@pytest.fixture
def job(scene):
    """Eight evaluations."""
    preset = load_preset("gatys2016-code")
    return Job(preset, scene(48, 32), scene(32, 32, 1), size=48, evaluations=8)


@pytest.fixture
def endless(monkeypatch):
    """Drawings of 40 evaluations and more never come to their last one, however fast the machine
    is and however late a test stops them.  The event says that one has been given up.
    """
    given_up, whole = threading.Event(), Engine.stream

    def stream(self, job, *every):
        before = None
        try:
            for snapshot in whole(self, job, *every):
                while snapshot.step >= 39:  # to and fro, so that something moves
                    yield before
                    yield snapshot
                    time.sleep(0.01)  # leaves the processor to others
                yield snapshot
                before = snapshot
        finally:
            if job.evaluations >= 40:
                given_up.set()

    monkeypatch.setattr(Engine, "stream", stream)
    return given_up


@pytest.fixture
def server(backend, tmp_path, monkeypatch):
    """The address of a started page."""
    from demo.page import launch

    monkeypatch.setenv("GRADIO_TEMP_DIR", "")  # set by the page, and restored
    page = launch(backend, tmp_path, server_name="127.0.0.1", prevent_thread_lock=True, quiet=True)
    yield page.local_url
    page.close()
