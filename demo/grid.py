"""The grid of layers above the tabs: finished pictures that two sliders choose, with no server."""

from __future__ import annotations

import html

import gradio as gr

from . import opening
from .parts import part


def grid() -> gr.HTML:
    """The grid's element; its first picture is there before any script runs."""
    content, style = list(opening.CONTENT.items()), list(opening.STYLE.items())
    layer, depth = opening.FIRST
    at = (list(opening.CONTENT).index(layer), list(opening.STYLE).index(depth))
    sliders = "".join(
        f'<label class="slide"><span><b>{title}</b> <output>{named}</output></span>'
        f'<input type="range" min="0" max="{len(steps) - 1}" value="{place}" step="1" '
        f'aria-label="{title}">'  # the label's own element is its output
        f"<small><span>{low}</span><span>{high}</span></small></label>"
        for title, named, steps, place, low, high in (
            ("Content layer", layer, content, at[0], "shallow: keeps detail", "deep: keeps shape"),
            ("Style layers", f"relu1_1 to {depth}", style, at[1], "one: colour", "five: motifs"),
        )
    )
    inputs = "".join(
        f'<figure><img src="own/grid/{name}.webp" alt="" width="56" height="56">'
        f"<figcaption>{role}</figcaption></figure>"
        for name, role in ((opening.PHOTOGRAPH, "photograph"), (opening.PAINTING, "painting"))
    )
    words = (
        f"<b>{layer}</b>: {html.escape(opening.CONTENT[layer])}. "
        f"<b>relu1_1 to {depth}</b>: {html.escape(opening.STYLE[depth])}."
    )
    inside = (
        f'<img class="cell" src="own/grid/{layer}-{depth}.webp" width="320" height="213" '
        f'alt="A cat as a mosaic" fetchpriority="high"><div class="controls">'
        f"<h2>{opening.WORDS}</h2><div class='inputs'>{inputs}</div>"
        f'{sliders}<p class="words" role="status">{words}</p></div>'
    )
    return part("grid", {"content": content, "style": style}, inside=inside, elem_id="grid")
