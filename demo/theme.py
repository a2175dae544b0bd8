"""The look: one quiet theme, light and dark, from fonts that every system has."""

from __future__ import annotations

from typing import Any

import gradio as gr

_FONT = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "Consolas", "Liberation Mono", "monospace")

_INK = gr.themes.Color(
    name="ink",
    c50="#eef4f4",
    c100="#d6e5e5",
    c200="#b1cfd0",
    c300="#82b1b4",
    c400="#4f8e93",
    c500="#2c6f76",
    c600="#1f5a61",
    c700="#1a4a50",
    c800="#163c41",
    c900="#122f33",
    c950="#0b1f22",
)


def theme() -> Any:
    """The theme for :meth:`gradio.Blocks.launch`."""
    return gr.themes.Base(
        primary_hue=_INK,
        secondary_hue=_INK,
        neutral_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_sm,
        spacing_size=gr.themes.sizes.spacing_md,
        text_size=gr.themes.sizes.text_md,
        font=_FONT,
        font_mono=_MONO,
    ).set(
        body_background_fill="#faf9f7",
        body_background_fill_dark="#171615",
        block_background_fill="#ffffff",
        block_background_fill_dark="#201f1d",
        block_border_width="1px",
        block_border_color="#e3e0da",
        block_border_color_dark="#37342f",
        block_shadow="none",
        body_text_color_subdued="#67625b",
        body_text_color_subdued_dark="#a8a29a",
        block_label_background_fill="#ffffff",
        block_label_background_fill_dark="#201f1d",
        block_label_border_width="0px",
        block_title_text_color="*body_text_color",
        block_title_text_color_dark="*body_text_color",
        block_title_text_weight="600",
        block_label_text_weight="600",
        button_primary_background_fill="#1f5a61",
        button_primary_background_fill_hover="#2c6f76",
        button_primary_background_fill_dark="#2c6f76",
        button_primary_background_fill_hover_dark="#357c83",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#ffffff",
        slider_color="#2c6f76",
        slider_color_dark="#4f8e93",
    )
