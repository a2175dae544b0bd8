"""The page: its tabs, its server, its limits."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Any

import gradio as gr

from replicate.errors import ReplicateError

from . import api, compare, figures, layers, pictures, transfer
from .backend import Backend
from .messages import Page
from .session import Drawings, Stops
from .theme import CSS, theme

TITLE = "Which layers? Neural style transfer"
SWEEP = 300
"""Seconds between two looks for what has been kept long enough."""

GALLERY = Path(__file__).resolve().parents[1] / "figures" / "gallery"

_MASTHEAD = """
<h1>Which layers? Neural style transfer, tried out</h1>
<p>Pick what a paper used, or your own layers and weights, and watch the picture and the losses
change.</p>
"""


def build(backend: Backend, gallery: Path = GALLERY) -> gr.Blocks:
    """The page, ready to be launched."""
    drawings, stops, limits = Drawings(backend), Stops(), backend.limits
    with Page(
        title=TITLE,
        analytics_enabled=False,
        delete_cache=(SWEEP, limits.kept_minutes * 60),
    ) as page:
        gr.HTML(_MASTHEAD, elem_classes=["masthead", "plain"], padding=False)
        with gr.Tabs():
            with gr.Tab("Transfer", id="transfer"):
                transfer.tab(drawings, stops, page)
            with gr.Tab("Compare", id="compare"):
                compare.tab(drawings, stops, page)
            with gr.Tab("Layers", id="layers"):
                layers.tab(drawings, stops, page)
            with gr.Tab("Figures", id="figures") as opened:
                figures.tab(figures.Figures(gallery, limits), opened)
        api.endpoints(drawings)
    page.queue(max_size=limits.waiting, default_concurrency_limit=4)
    return page


def launch(backend: Backend, gallery: Path = GALLERY, **server: Any) -> gr.Blocks:
    """Serve the page; ``server`` are arguments of :meth:`gradio.Blocks.launch`."""
    page = build(backend, gallery)
    settings: dict[str, Any] = {
        "theme": theme(),
        "css": CSS,
        "allowed_paths": [str(pictures.folder())],
        "max_file_size": f"{backend.limits.megabytes}mb",
        "footer_links": ["api"],
        "ssr_mode": False,
        "run_history": False,
        "enable_monitoring": False,
        "show_error": False,
    }
    page.launch(**{**settings, **server})
    return page


def warm_up(backend: Backend) -> threading.Thread:
    """Load the first network while the page is already open."""

    def load() -> None:
        with contextlib.suppress(ReplicateError):  # the first visitor gets the sentence
            backend.warm_up()

    thread = threading.Thread(target=load, name="warm-up", daemon=True)
    thread.start()
    return thread
