"""Networks that come and go, and the limits of different servers."""

import os
import threading
from pathlib import Path

import pytest

from demo import backend as module
from demo import texts
from demo.backend import COMPACT, FETCHED, Backend
from demo.limits import Limits
from demo.results import Results
from demo.settings import Settings
from demo.uploads import Uploads
from replicate.config import load_preset
from replicate.errors import WeightsError


@pytest.fixture
def here(monkeypatch):
    """Names of the weights that are on this machine, to be changed."""
    names: set[str] = set()

    def locate(name):
        return ("cache", Path(name)) if name in names else ("absent", None)

    monkeypatch.setattr(module, "locate_weights", locate)
    return names


def made(tmp_path, **limits):
    return Backend(
        "cpu", Limits(128, 60, **limits), Results(tmp_path / "results"), Uploads(tmp_path)
    )


@pytest.mark.parametrize(
    ("shared", "names", "draws"),
    [
        (True, {COMPACT, FETCHED}, COMPACT),
        (True, {FETCHED}, "auto"),
        (False, {COMPACT, FETCHED}, "auto"),
    ],
    ids=["a free Space", "nothing small", "one's own machine"],
)
def test_the_compact_network_draws_where_others_wait(tmp_path, here, shared, names, draws):
    here |= names

    assert made(tmp_path, shared=shared).engine().networks.chosen == draws


# Fetching in the background


def test_a_network_is_fetched_once_and_can_then_be_chosen(tmp_path, here):
    backend, asked, go = made(tmp_path), [], threading.Event()
    before = backend.engine()
    assert list(backend.networks()) == ["auto", "vgg19-random"]

    def fetch(name):
        asked.append(name)
        go.wait()
        here.add(name)
        return tmp_path

    thread = backend.fetch(fetch)
    assert thread is not None and "being fetched" in backend.fetching
    go.set()
    thread.join()

    assert asked == [FETCHED] and backend.fetching == ""
    assert list(backend.networks()) == ["auto", FETCHED, "vgg19-random"]
    assert backend.engine() is not before, "what is automatic may be another network now"
    assert backend.fetch(fetch) is None


def test_weights_that_cannot_be_fetched_are_a_sentence(tmp_path, here, capsys):
    backend = made(tmp_path)

    def fetch(name):
        raise WeightsError("no route to https://example.org/secret")

    thread = backend.fetch(fetch)
    assert thread is not None
    thread.join()

    assert backend.fetching == "VGG-19 itself could not be fetched; other networks draw."
    assert "no route" in capsys.readouterr().out


# Estimates in words


def test_the_estimate_says_who_draws_and_what_the_papers_network_would_take(
    backend, here, monkeypatch
):
    settings = Settings.of(load_preset("gatys2016"), backend.limits)
    monkeypatch.setattr(backend, "_automatic", lambda: "vgg19-random")
    backend.fetching = "It comes."

    absent = texts.estimate(backend, settings)
    here |= {FETCHED}
    present = texts.estimate(backend, settings)

    assert "<b>VGG-19-random" in absent and "untrained" in absent
    assert "is not on this machine." in absent and absent.endswith("It comes.</p>")
    assert (
        "VGG-19 (caffe), average pooling, normalised under max pooling, to be chosen above: about"
        in present
    )
    wrong = Settings(**{**vars(settings), "content_layers": {"relu9_9": 1.0}})
    assert texts.estimate(backend, wrong) == '<p class="quiet estimate"></p>'


# Limits


def test_a_server_opens_with_what_its_machine_draws(monkeypatch):
    gpu, own = Limits.here(on_gpu=True), Limits.here(on_gpu=False)
    monkeypatch.setenv("SPACE_ID", "somebody/style-layers")
    space = Limits.here(on_gpu=False)

    assert (own.shared, space.shared) == (False, True)
    assert space.size < own.size and space.evaluations < own.evaluations
    start = Settings.of(load_preset("gatys2016"), gpu)
    assert (start.size, start.evaluations) == (512, 500), "the paper's own"
    assert space.first_size == own.first_size == 256
    small = Settings.of(load_preset("gatys2016"), Limits(size=200, evaluations=20))
    assert (small.size, small.evaluations) == (200, 20)


def test_a_process_split_off_takes_a_lock_of_its_own(backend):
    with backend.lock:
        child = os.fork()
        if child == 0:  # whatever happens here, no test goes on in this process
            os._exit(0 if backend.lock.acquire(blocking=False) else 1)
        _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
