"""The page: its tabs, its server, its limits."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import Any

# Before Gradio is imported: it reports its start to its makers otherwise.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr

from replicate.errors import ReplicateError

from . import api, compare, figures, pictures, transfer
from .session import Stops
from .theme import CSS, theme
from .workshop import Workshop

TITLE = "Which layers? Neural style transfer"
GALLERY = Path(__file__).resolve().parents[1] / "figures" / "gallery"

_MASTHEAD = """
<h1>Which layers? Neural style transfer, tried out</h1>
<p>Pick what a paper used, or your own layers and weights, and watch the picture and the losses
change.</p>
"""


def build(workshop: Workshop, gallery: Path = GALLERY) -> gr.Blocks:
    """The page, ready to be launched."""
    stops = Stops()
    limits = workshop.limits
    networks = [network.key for network in workshop.networks()]
    shown = figures.Figures(gallery, limits, networks)
    with gr.Blocks(
        title=TITLE,
        analytics_enabled=False,
        delete_cache=(300, limits.kept_minutes * 60),
    ) as page:
        gr.HTML(_MASTHEAD, elem_classes=["masthead", "plain"], padding=False)
        with gr.Tabs():
            with gr.Tab("Transfer", id="transfer"):
                transfer.tab(workshop, stops, page)
            with gr.Tab("Compare", id="compare"):
                compare.tab(workshop, stops, page)
            with gr.Tab("Figures", id="figures"):
                figures.tab(shown)
        api.endpoints(workshop, stops)
    page.queue(max_size=limits.waiting, default_concurrency_limit=4)
    return page


def launch(workshop: Workshop, gallery: Path = GALLERY, **server: Any) -> gr.Blocks:
    """Serve the page; ``server`` are arguments of :meth:`gradio.Blocks.launch`."""
    page = build(workshop, gallery)
    settings: dict[str, Any] = {
        "theme": theme(),
        "css": CSS,
        "allowed_paths": [str(pictures.folder())],
        "max_file_size": f"{workshop.limits.megabytes}mb",
        "footer_links": ["api"],
        "ssr_mode": False,
        "run_history": False,
        "enable_monitoring": False,
        "show_error": True,
    }
    page.launch(**{**settings, **server})
    return page


def warm_up(workshop: Workshop) -> threading.Thread:
    """Load the first network while the page is already open."""

    def load() -> None:
        with contextlib.suppress(ReplicateError):  # the first visitor gets the sentence
            workshop.warm_up()

    thread = threading.Thread(target=load, name="warm-up", daemon=True)
    thread.start()
    return thread
