"""Fields that several tabs have: pictures to choose, pictures that were drawn, networks."""

from __future__ import annotations

import base64
import io
from abc import ABCMeta
from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.components.gallery import GalleryData, GalleryImage
from gradio.components.imageslider import SliderData
from gradio.data_classes import ImageData

from replicate.images import Picture

from .backend import Backend
from .events import QUIET
from .limits import Limits

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


def _thumbnails(self: Any, names: list[str] | None) -> GalleryData | None:
    # Beside the page: a path would tell where files lie here.
    addresses = {name: ImageData(url=f"examples/{name}.webp") for name in names or []}
    return GalleryData(
        root=[GalleryImage(image=image, caption=name) for name, image in addresses.items()]
    )


def _as_given(self: Any, value: Any) -> Any:
    return value


def _inline(self: Any, picture: Picture | None) -> ImageData | None:
    return None if picture is None else ImageData(url=address(picture))


def _inline_pair(self: Any, pair: tuple[Picture, Picture] | None) -> SliderData | None:
    if pair is None:
        return None
    return SliderData(root=tuple(ImageData(url=address(picture)) for picture in pair))


_Chosen = _derived(gr.Image, "ChosenPicture", preprocess=_path, postprocess=_as_it_is)
_Drawn = _derived(gr.Image, "DrawnPicture", postprocess=_inline)
_Thumbnails = _derived(gr.Gallery, "Thumbnails", postprocess=_thumbnails)
_BeforeAfter = _derived(gr.ImageSlider, "BeforeAfter", postprocess=_inline_pair)
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


def drawn_field(**settings: Any) -> gr.Image:
    """A field that shows a :class:`Picture` straight from memory.

    Previews, three a second, would fill the disk otherwise, and a full disk would end them.
    """
    field: gr.Image = _Drawn(interactive=False, buttons=["fullscreen"], **settings)
    return field


def before_after_field(**settings: Any) -> gr.ImageSlider:
    """A slider between two :class:`Picture`, straight from memory as well."""
    field: gr.ImageSlider = _BeforeAfter(interactive=False, buttons=["fullscreen"], **settings)
    return field


def address(picture: Picture) -> str:
    """The picture itself as an address for the page."""
    file, width, height = io.BytesIO(), *picture.size
    if width * height <= LOSSLESS:
        kind = "png"
        picture.pil().save(file, kind, compress_level=1)
    else:
        kind = "webp"
        picture.pil().save(file, kind, quality=90, method=0)
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"


def picture_input(backend: Backend, role: str, prefix: str = "", label: str = "") -> gr.Image:
    """A field for a content or style picture with the bundled ones under it.

    Args:
        prefix: of the element's name, where a page has several.
        label: in place of the role's.
    """
    with gr.Column(min_width=150):
        field = picture_field(
            label=label or f"{role.capitalize()} picture",
            sources=["upload", "webcam", "clipboard"],
            height=220,
            elem_id=f"{prefix}{role}-picture",
            buttons=[],
        )
        files = backend.examples(role)
        gallery = _Thumbnails(
            list(files),
            columns=6 if role == "content" else 5,
            height="auto",
            allow_preview=False,
            container=False,
            show_label=False,
            label=f"Examples of a {role} picture",
            object_fit="cover",
            buttons=[],
            elem_classes="examples",
            elem_id=f"{prefix}{role}-examples",
            interactive=False,
        )

    def take(event: gr.SelectData) -> str | None:
        names = list(files)
        return files[names[event.index]] if 0 <= event.index < len(names) else None

    gallery.select(take, None, field, **QUIET)
    return field


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


def run_and_stop(label: str = "Run", prefix: str = "") -> tuple[gr.Button, gr.Button]:
    """The two buttons of a drawing; ``prefix`` as for :func:`picture_input`."""
    with gr.Row():
        run = gr.Button(label, variant="primary", elem_id=f"{prefix}run")
        stop = gr.Button("Stop", interactive=False, elem_id=f"{prefix}stop")
    return run, stop


def network_field(backend: Backend, page: gr.Blocks, prefix: str = "") -> gr.Dropdown:
    """A choice of the networks that are here when the page is opened."""
    field = Dropdown(
        network_choices(backend), value="auto", label="Network", elem_id=f"{prefix}network"
    )
    page.load(lambda: gr.Dropdown(network_choices(backend)), None, field, **QUIET)
    return field


def network_choices(backend: Backend) -> list[tuple[str, str]]:
    """Label and id of every network that is here now."""
    return [(label, network) for network, label in backend.networks().items()]
