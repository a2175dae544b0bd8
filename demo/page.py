"""The page: its tabs, its server, its limits."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from replicate.errors import ReplicateError

from . import api, compare, figures, layers, mixer, transfer_page
from .backend import Backend
from .grid import grid
from .guard import Guard
from .messages import Page
from .parts import head
from .session import Drawings
from .stops import Stops
from .theme import theme
from .uploads import Sweeper

TITLE = "Which layers? Neural style transfer"
SESSIONS = 64
"""Pages whose last state is remembered: each takes some megabytes of pictures."""

PROXIES = "127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"
"""Addresses that no visitor of a Space has."""

GALLERY = Path(__file__).resolve().parents[1] / "figures" / "gallery"

_MASTHEAD = """
<h1>Which layers? Neural style transfer, tried out</h1>
<p>A network that recognises things looks at pictures in <b>layers</b>, from grain to shape. Choose
which of them keep your photograph and which bring the painting.</p>
"""


def build(backend: Backend, gallery: Path = GALLERY) -> Page:
    """The page, ready to be launched."""
    drawings, stops, limits = Drawings(backend), Stops(), backend.limits
    # Read by Gradio here and there while it runs: where it looks for files and puts its own.
    os.environ["GRADIO_TEMP_DIR"] = str(backend.uploads.folder)
    with Page(title=TITLE, analytics_enabled=False) as page:
        gr.HTML(_MASTHEAD, elem_classes=["masthead", "plain"], padding=False)
        backend.examples("content"), backend.examples("style")
        saved = transfer_page.remembered()
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Mixer", id="mixer"):
                handed = mixer.tab(backend)
            with gr.Tab("Transfer", id="transfer"):
                grid()
                transfer_page.tab(drawings, stops, page, saved, handed)
            with gr.Tab("Compare", id="compare"):
                compare.tab(drawings, stops, page)
            with gr.Tab("Layers", id="layers") as opened:
                layers.tab(drawings, stops, page, opened)
            with gr.Tab("Figures", id="figures"):
                figures.tab(figures.Figures(gallery, limits), backend.uploads.examples)
        api.endpoints(drawings)
    page.uploads = backend.uploads
    return page


def launch(backend: Backend, gallery: Path = GALLERY, **server: Any) -> Page:
    """Serve the page; ``server`` are arguments of :meth:`gradio.Blocks.launch`.

    Uploads and drawings are swept away by age while it is served; what is left of the uploads goes
    when the page is closed.
    """
    page = build(backend, gallery)
    line = page.line_up(backend.limits)
    backend.line = line
    guard = Middleware(
        Guard, uploads=backend.uploads, limits=backend.limits, listening=line.listening
    )
    settings: dict[str, Any] = {
        "theme": theme(),
        "head": head(),
        "app_kwargs": {"middleware": [guard]},
        "max_file_size": f"{backend.limits.megabytes}mb",
        "state_session_capacity": SESSIONS,
        "footer_links": ["api"],
        "ssr_mode": False,
        "run_history": False,
        "enable_monitoring": False,
        "show_error": False,
        # Or Gradio ends where a busy machine does not answer itself within three seconds.
        "_frontend": False,
    }
    if backend.limits.shared:  # visitors come through the hub's proxies, which say from where
        os.environ.setdefault("FORWARDED_ALLOW_IPS", PROXIES)
    sweeper = Sweeper([backend.sweep])
    page.at_close = (sweeper.close, backend.uploads.close)
    try:
        page.launch(**{**settings, **server})
    except BaseException:
        page.close()
        raise
    if not server.get("prevent_thread_lock"):  # the server has been interrupted
        page.close(verbose=False)
    return page


def warm_up(backend: Backend) -> threading.Thread:
    """Load the first network while the page is already open."""

    def load() -> None:
        with contextlib.suppress(ReplicateError):  # the first visitor gets the sentence
            backend.warm_up()

    thread = threading.Thread(target=load, name="warm-up", daemon=True)
    thread.start()
    return thread
