"""What the demo's tests share: a workshop of tiny networks, and few bundled pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from demo import pictures
from demo.limits import Limits
from demo.workshop import Workshop
from replicate.engine.store import ResultStore

LIMITS = Limits(size=128, evaluations=60, pixels=1_000_000, megabytes=2)


@pytest.fixture
def few_pictures(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Photographs alone, for artworks take seconds to draw."""
    names = {"photographs": ["chelsea", "coffee"], "artworks": ["rocket"], "subjects": []}
    monkeypatch.setattr(pictures, "bundled_names", lambda: names)
    cached = (pictures.examples, pictures._by_digest)
    for each in cached:
        each.cache_clear()
    yield
    for each in cached:
        each.cache_clear()


@pytest.fixture
def workshop(tmp_path: Any, tiny_engine: Callable[..., Any], few_pictures: None) -> Workshop:
    """A workshop whose ``vgg19-caffe`` is tiny; results go to a folder of the test's own."""
    tiny_engine()
    return Workshop("cpu", LIMITS, ResultStore(tmp_path / "results"))


@pytest.fixture
def server(workshop: Workshop, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a started page."""
    from demo.page import launch

    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    page = launch(workshop, tmp_path, server_name="127.0.0.1", prevent_thread_lock=True, quiet=True)
    yield page.local_url
    page.close()
