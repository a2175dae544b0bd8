"""Picture fields that leave the reading of files to us, who answer bad ones with a sentence."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.data_classes import ImageData


def picture_field(**settings: Any) -> gr.Image:
    """A :class:`gradio.Image` that gives the path of what was uploaded, unread.

    Gradio opens the file before a function sees it, and a file that is no picture, or one of a
    hundred megapixels, then fails with a message of Pillow's.  The methods are replaced on the
    field, for Gradio writes a stub file beside every module that derives a class from its own.
    """
    field = gr.Image(type="filepath", image_mode=None, **settings)
    written = field.postprocess

    def as_it_is(picture: Any) -> Any:
        if isinstance(picture, str):
            return ImageData(path=picture, orig_name=picture.rsplit("/", 1)[-1])
        return written(picture)

    field.preprocess = _path  # type: ignore[method-assign, assignment]
    field.postprocess = as_it_is  # type: ignore[method-assign]
    return field


def _path(payload: Any) -> str | None:
    return str(payload.path) if payload is not None and payload.path else None
