"""Networks that come and go, and the limits of different servers."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from demo import backend as module
from demo import texts
from demo.backend import COMPACT, FETCHED, Backend
from demo.limits import Limits
from demo.settings import Settings
from replicate.config import load_preset
from replicate.errors import WeightsError
from replicate.networks.weights import WeightsStatus
from replicate.storage.store import ResultStore


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of the weights that are on this machine, to be changed."""
    names: set[str] = set()

    def status() -> list[WeightsStatus]:
        return [WeightsStatus(name, "somewhere", 1, "cache") for name in names]

    monkeypatch.setattr(module, "weights_status", status)
    return names


def made(tmp_path: Path, **limits: Any) -> Backend:
    return Backend("cpu", Limits(128, 60, **limits), ResultStore(tmp_path))


# Which network draws


@pytest.mark.parametrize(
    ("shared", "names", "draws"),
    [
        (True, {COMPACT, FETCHED}, COMPACT),
        (True, {FETCHED}, "auto"),
        (False, {COMPACT, FETCHED}, "auto"),
    ],
    ids=["a free Space", "nothing small", "one's own machine"],
)
def test_the_compact_network_draws_where_others_wait(
    tmp_path: Path, here: set[str], shared: bool, names: set[str], draws: str
) -> None:
    here |= names

    assert made(tmp_path, shared=shared).engine().networks.chosen == draws


def test_a_network_can_be_chosen_as_soon_as_it_is_here(tmp_path: Path, here: set[str]) -> None:
    backend = made(tmp_path)
    assert list(backend.networks()) == ["auto", "vgg19-random"]

    here.add(FETCHED)

    assert list(backend.networks()) == ["auto", FETCHED, "vgg19-random"]


# Fetching in the background


def test_weights_are_fetched_once_while_the_page_is_open(tmp_path: Path, here: set[str]) -> None:
    backend, asked, go = made(tmp_path), [], threading.Event()
    before = backend.engine()

    def fetch(name: str) -> Path:
        asked.append(name)
        go.wait(10)
        here.add(name)
        return tmp_path

    thread = backend.fetch(fetch)
    assert thread is not None and "being fetched" in backend.fetching
    go.set()
    thread.join(10)

    assert asked == [FETCHED] and backend.fetching == ""
    assert backend.engine() is not before, "what is automatic may be another network now"
    assert backend.fetch(fetch) is None


def test_weights_that_cannot_be_fetched_are_a_sentence(
    tmp_path: Path, here: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    backend = made(tmp_path)

    def fetch(name: str) -> Path:
        raise WeightsError("no route to https://example.org/secret")

    thread = backend.fetch(fetch)
    assert thread is not None
    thread.join(10)

    assert backend.fetching == "VGG-19 itself could not be fetched; other networks draw."
    assert "no route" in capsys.readouterr().out


# Estimates in words


def said(backend: Backend, **changes: Any) -> str:
    settings = Settings.of(load_preset("gatys2016"), backend.limits)
    return texts.estimate(backend, Settings(**{**vars(settings), **changes}))


def test_the_estimate_offers_the_papers_network_with_its_time(
    backend: Backend, here: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    here |= {FETCHED}
    monkeypatch.setattr(backend, "_automatic", lambda: "vgg19-random")

    text = said(backend)

    assert "<b>VGG-19-random" in text and "untrained" in text
    assert "VGG-19 (caffe), average pooling, normalised, to be chosen above: about" in text


def test_the_estimate_says_what_is_missing_and_what_is_coming(
    backend: Backend, here: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "_automatic", lambda: "vgg19-random")
    backend.fetching = "It comes."

    text = said(backend)

    assert "is not on this machine." in text and text.endswith("It comes.</p>")


def test_no_estimate_for_what_cannot_be_drawn(backend: Backend, here: set[str]) -> None:
    assert said(backend, content_layers={"relu9_9": 1.0}) == '<p class="quiet estimate"></p>'


# Limits


def test_a_gpu_opens_with_the_papers_size_and_evaluations() -> None:
    limits = Limits.here(on_gpu=True)

    start = Settings.of(load_preset("gatys2016"), limits)

    assert (start.size, start.evaluations) == (512, 500)


def test_a_space_draws_smaller_than_a_machine_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Limits.here(on_gpu=False)
    monkeypatch.setenv("SPACE_ID", "somebody/style-layers")
    space = Limits.here(on_gpu=False)

    assert (own.shared, space.shared) == (False, True)
    assert space.size < own.size and space.evaluations < own.evaluations
    assert space.first_size == own.first_size == 256


def test_uploads_are_gone_within_the_hour() -> None:
    from demo.page import SWEEP

    assert SWEEP + Limits(1, 1).kept_minutes * 60 <= 3600


def test_a_process_split_off_takes_a_lock_of_its_own(backend: Backend) -> None:
    with backend.lock:
        child = os.fork()
        if child == 0:  # whatever happens here, no test goes on in this process
            free = backend.lock.acquire(timeout=5)
            os._exit(0 if free else 1)
        _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
