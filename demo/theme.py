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
        block_title_text_weight="600",
        block_label_text_weight="600",
        button_primary_background_fill="#1f5a61",
        button_primary_background_fill_hover="#2c6f76",
        button_primary_background_fill_dark="#2c6f76",
        button_primary_background_fill_hover_dark="#4f8e93",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#ffffff",
        slider_color="#2c6f76",
        slider_color_dark="#4f8e93",
    )


CSS = """
:root { --series-content:#2563a8; --series-other:#7d8590; --series-style-1:#e0a33a;
  --series-style-2:#d9822b; --series-style-3:#c9602a; --series-style-4:#b0413a;
  --series-style-5:#8a2f52; --holds:#2b7a4b; --fails:#b3413a; }
.dark { --series-content:#7fb2ec; --series-other:#9aa2ad; --series-style-1:#f2c46a;
  --series-style-2:#f0a458; --series-style-3:#ea8358; --series-style-4:#e56b66;
  --series-style-5:#d0719b; --holds:#6cc08d; --fails:#ec8a82; }
.dark { --color-accent:#6fb3b8; --link-text-color:#8cc7cb; }
.gradio-container { width:100% !important; max-width:1560px !important; margin:0 auto; }
.gradio-container, .gradio-container > .main, main.contain, main .row { min-width:0 !important; }
.masthead h1 { font-size:1.45rem; font-weight:650; margin:.2rem 0 .15rem; letter-spacing:-.01em; }
.masthead p { margin:0; max-width:90ch; color:var(--body-text-color-subdued); }
.quiet, .quiet * { color:var(--body-text-color-subdued); font-size:.875rem; line-height:1.45; }
.quiet b { font-weight:600; color:var(--body-text-color); }
.note p { margin:0 0 .25rem; line-height:1.45; } .estimate { margin:0; min-height:2.6em; }
.note .remark { border-left:3px solid var(--color-accent); padding-left:.6rem; }
.plain { border:0 !important; background:none !important; padding:0 !important; }
#picture img, .labelled img { width:100%; height:100%; object-fit:contain; }
.labelled .image-frame { padding-top:1.6rem; box-sizing:border-box; }
.examples { min-height:0 !important; }
.examples .grid-wrap { min-height:0 !important; height:auto !important; overflow:visible; }
.examples .grid-container { grid-template-columns:repeat(6,1fr) !important; gap:.35rem;
  padding:0 !important; grid-auto-rows:auto; }
.examples .thumbnail-lg, .examples .gallery-item { aspect-ratio:1; width:100%; height:auto; }
.examples .caption-label { display:none; }
.status { min-height:4.4rem; } .status p { margin:.35rem 0 0; line-height:1.4; }
.status span { color:var(--body-text-color-subdued); font-size:.875rem; }
.status progress { width:100%; height:6px; display:block; appearance:none; border:0;
  border-radius:3px; overflow:hidden; background:var(--border-color-primary); }
.status progress::-webkit-progress-bar { background:var(--border-color-primary); }
.status progress::-webkit-progress-value { background:var(--color-accent); }
.status progress::-moz-progress-bar { background:var(--color-accent); }
.chart svg { width:100%; max-width:760px; height:auto; display:block; overflow:visible;
  color:var(--body-text-color); }
.chart path { fill:none; stroke-linejoin:round; stroke-linecap:round; }
.chart .total { stroke-width:2.4; } .chart .part { stroke-width:1.5; opacity:.9; }
.chart .grid { stroke:var(--border-color-primary); stroke-width:1; }
.chart text { fill:var(--body-text-color-subdued); font-size:12px; }
.chart .power { font-size:9px; }
.chart .legend { list-style:none; margin:.4rem 0 0; padding:0; display:flex; flex-wrap:wrap;
  gap:.15rem 1rem; font-size:.8rem; min-height:2.6em; align-content:flex-start; }
.chart .legend li { margin:0; padding:0; display:flex; align-items:center; gap:.35rem;
  color:var(--body-text-color); } .chart .legend b { font-weight:500; font-variant-numeric:
  tabular-nums; color:var(--body-text-color-subdued); }
.chart .legend i { width:14px; height:3px; border-radius:2px; }
.figure-text h2 { font-size:1.2rem; font-weight:650; margin:.2rem 0 .3rem; }
.figure-text p { line-height:1.5; margin:.3rem 0; max-width:80ch; }
.figure-text ul.claims { list-style:none; padding:0; margin:.8rem 0; }
.figure-text ul.claims li { display:grid; grid-template-columns:5.6rem 1fr; gap:.6rem;
  padding:.55rem 0; border-top:1px solid var(--border-color-primary); margin:0; }
.figure-text small { display:block; color:var(--body-text-color-subdued); line-height:1.45; }
.wide { overflow-x:auto; } .measures { border-collapse:collapse; width:100%; font-size:.875rem; }
.measures, .measures thead, .measures tbody, .measures tr { border:0 !important; }
#compare-table { min-width:0; max-width:100%; overflow:hidden; }
.measures th, .measures td { padding:.4rem .6rem; text-align:right; font-variant-numeric:
  tabular-nums; border:0 !important; border-bottom:1px solid var(--border-color-primary)
  !important; }
.measures th:first-child { text-align:left; font-weight:600; }
.charts { display:grid; grid-template-columns:repeat(auto-fit,minmax(300px,1fr)); gap:1rem; }
.charts .chart text { font-size:20px; } .charts .chart .power { font-size:14px; }
.charts h3 { font-size:.9rem; font-weight:600; margin:.6rem 0 .3rem; }
.pairs h3 { font-size:.9rem; font-weight:600; margin:.8rem 0 .3rem; }
.pairs > div { display:grid; grid-template-columns:repeat(auto-fit,minmax(240px,1fr)); gap:1rem; }
.pairs figure { margin:0; } .pairs img { width:100%; display:block; border-radius:3px;
  image-rendering:pixelated; }
.pairs figcaption { font-size:.8rem; margin-top:.2rem; color:var(--body-text-color-subdued); }
.badge { font-weight:650; font-size:.82rem; } .badge.holds { color:var(--holds); }
.badge.fails { color:var(--fails); }
.figure-text .panels { display:flex; flex-wrap:wrap; gap:.3rem .9rem; padding:0; margin:.3rem 0;
  list-style:none; } .figure-text .panels li { margin:0; }
.figure-text a { color:var(--link-text-color); }
a:focus-visible, button:focus-visible, [tabindex]:focus-visible { outline:2px solid
  var(--color-accent); outline-offset:2px; }
@media (max-width:640px) { .examples .grid-container { grid-template-columns:repeat(3,1fr)
  !important; } .chart text { font-size:21px; }
  .chart .power { font-size:15px; } #picture, #slider { height:340px !important; }
  .gradio-container { padding:.5rem !important; }
  .gradio-container .column { min-width:0 !important; }
  .tab-container button { padding:0 .55rem !important; font-size:.9rem; }
  .figure-text ul.claims li { grid-template-columns:1fr; gap:.1rem; } }
"""
