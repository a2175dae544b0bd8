"""The papers: one module each, one function a figure."""

from __future__ import annotations

from .registry import draw_figure, figure_ids, match_figures

__all__ = ["draw_figure", "figure_ids", "match_figures"]
