"""Fields that several tabs have: pictures to choose, pictures that were drawn, networks."""

from __future__ import annotations

import base64
import io
from abc import ABCMeta
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import ImageData

from replicate.images import Picture

from . import texts
from .backend import Backend
from .events import QUIET, Bar
from .limits import InputError, Limits
from .parts import part
from .rows import Row

LOSSLESS = 512 * 512
"""Pixels up to which the page gets a PNG: of a megapixel it has 2 MB, three times a second."""


def _derived(base: type, name: str, **methods: Callable[..., Any]) -> Any:
    """A component that is shown as ``base`` is, with some methods of its own.

    Not by a class statement, for Gradio writes a stub file beside every module that has one.  And
    not by methods set on an object, for Gradio makes objects anew from their class.
    """
    place = {"__module__": base.__module__, "is_template": True}
    return ABCMeta.__new__(type(base), name, (base,), {**place, **methods})


def _path(self: Any, payload: Any) -> str | None:
    return str(payload.path) if payload is not None and payload.path else None


def _as_it_is(self: Any, picture: Any) -> Any:
    if isinstance(picture, str):
        return ImageData(path=picture, orig_name=picture.rsplit("/", 1)[-1])
    return gr.Image.postprocess(self, picture)


def _as_given(self: Any, value: Any) -> Any:
    return value


def _viewed(self: Any, shown: Shown | Picture | None) -> dict[str, Any]:
    view = Shown(shown) if isinstance(shown, Picture) else shown or Shown()
    return {
        "picture": view.picture and address(view.picture),
        "before": view.before and address(view.before),
        "alt": view.alt,
        "words": view.words,
        "left": view.left,
        "right": view.right,
        **({} if view.at is None else {"at": view.at}),
    }


_Chosen = _derived(gr.Image, "ChosenPicture", preprocess=_path, postprocess=_as_it_is)
_Viewer = _derived(gr.HTML, "Viewer", postprocess=_viewed)
# These give what was entered, unread, for Gradio's own sentences on it are nobody's.
Slider = _derived(gr.Slider, "Slider", preprocess=_as_given)
Number = _derived(gr.Number, "Number", preprocess=_as_given)
Dropdown = _derived(gr.Dropdown, "Dropdown", preprocess=_as_given)
Radio = _derived(gr.Radio, "Radio", preprocess=_as_given)


def picture_field(**settings: Any) -> gr.Image:
    """A :class:`gradio.Image` that gives the path of what was uploaded, unread.

    Gradio opens the file before a function sees it, and a file that is no picture, or one of a
    hundred megapixels, then fails with a message of Pillow's.
    """
    field: gr.Image = _Chosen(type="filepath", image_mode=None, **settings)
    return field


@dataclass(frozen=True)
class Shown:
    """What a viewer shows.

    Attributes:
        picture: an address in place of a picture is taken as it is.
        before: what a slider uncovers, if there is something.
        words: where there is no picture.
        left, right: what the ends of the slider are.
        at: where the slider stands, 0 to 100; None leaves it there.
    """

    picture: Picture | str | None = None
    before: Picture | str | None = None
    alt: str = "Drawn picture"
    words: str = ""
    left: str = "photograph"
    right: str = "result"
    at: int | None = None


def viewer(elem_id: str, shown: Shown | None = None, **settings: Any) -> gr.HTML:
    """A field that shows a :class:`Picture` or :class:`Shown` straight from memory.

    Previews, three a second, would fill the disk otherwise, and a full disk would end them.
    """
    return part("viewer", shown, base=_Viewer, elem_id=elem_id, **settings)


def address(picture: Picture | str, lossless: int = LOSSLESS) -> str:
    """The picture itself as an address for the page; without loss up to so many pixels."""
    if isinstance(picture, str):
        return picture
    file, width, height = io.BytesIO(), *picture.size
    if width * height <= lossless:
        kind = "png"
        picture.pil().save(file, kind, compress_level=1)
    else:
        kind = "webp"
        picture.pil().save(file, kind, quality=90, method=0)
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"


TITLES = {"content": "Photograph", "style": "Painting", "second": "A second painting, if you like"}


def picture_input(backend: Backend, role: str, prefix: str = "", **settings: Any) -> gr.HTML:
    """A chooser of a content, style or second style picture among the bundled ones and one's own;
    its value is a file's path.

    Args:
        prefix: of the element's name, where a page has several.
    """

    def path(self: Any, payload: Any) -> str | None:
        if not isinstance(payload, dict):
            return None
        if "path" in payload:
            return str(payload["path"])
        found = backend.example(str(payload.get("name")))
        if found is None:
            raise InputError(f"There is no bundled picture '{str(payload.get('name'))[:40]}'.")
        return found

    def named(self: Any, path: str | None) -> dict[str, str] | None:
        if path is None:
            return None
        file = Path(path)
        bundled = backend.example(file.stem) == path
        return {"name": file.stem} if bundled else {"path": path, "name": file.name}

    base = _derived(gr.HTML, "Chooser", preprocess=path, postprocess=named)
    return part(
        "chooser",
        base=base,
        elem_id=f"{prefix}{role}-picture",
        role=role,
        title=TITLES[role],
        examples=backend.examples(role),
        kept_minutes=backend.limits.kept_minutes,
        **settings,
    )


def layer_picker(rows: list[Row], elem_id: str) -> gr.HTML:
    """Chips for every layer, for content and for style; its value is the rows."""
    return part("picker", rows, elem_id=elem_id)


def size_field(limits: Limits, value: int, prefix: str = "") -> gr.Slider:
    """The longest side of what is drawn; ``prefix`` as for :func:`picture_input`."""
    return Slider(
        64,
        limits.size,
        min(value, limits.size),
        step=16,
        label="Size",
        info="Longest side in pixels",
        elem_id=f"{prefix}size",
    )


def evaluations_field(limits: Limits, value: int, info: str, prefix: str = "") -> gr.Slider:
    """How long is drawn; ``prefix`` as for :func:`picture_input`."""
    return Slider(
        1,
        limits.evaluations,
        min(value, limits.evaluations),
        step=1,
        label="Evaluations",
        info=info,
        elem_id=f"{prefix}evaluations",
    )


def run_and_stop(label: str, waiting: str, prefix: str = "") -> Bar:
    """The buttons of a drawing and its progress, at the foot of a phone's window.

    Args:
        waiting: what the status says at first.
        prefix: as for :func:`picture_input`.
    """
    with gr.Column(elem_classes="bar", min_width=0):
        with gr.Row(elem_classes="buttons"):
            run = gr.Button(label, variant="primary", elem_id=f"{prefix}run", min_width=80)
            stop = gr.Button("Stop", interactive=False, elem_id=f"{prefix}stop", min_width=60)
        place = gr.HTML("", padding=False, elem_id=f"{prefix}place")
        status = gr.HTML(
            texts.status(None, waiting),
            elem_classes="plain",
            padding=False,
            elem_id=f"{prefix}status",
        )
    return Bar(run, stop, place, status)


def network_field(backend: Backend, page: gr.Blocks, prefix: str = "") -> gr.Dropdown:
    """A choice of the networks that are here when the page is opened."""
    field = Dropdown(
        network_choices(backend),
        value="auto",
        label="Network",
        elem_id=f"{prefix}network",
        min_width=240,
    )
    page.load(lambda: gr.Dropdown(network_choices(backend)), None, field, **QUIET)
    return field


def network_choices(backend: Backend) -> list[tuple[str, str]]:
    """Label and id of every network that is here now."""
    return [(label, network) for network, label in backend.networks().items()]
