"""Figures: panels in labelled grids, claims and their evidence, and the report that holds them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "claims": ["Claim"],
        "index": ["write_index"],
        "montage": ["Montage"],
        "page": ["Answer"],
        "panels": ["Drawable", "Grid", "Panel"],
        "plots": ["HeatMap", "LinePlot", "Series"],
        "record": ["FigureRecord", "PanelRecord", "read_records"],
        "report": ["Figure"],
        "verdicts": ["Verdict", "tally"],
    },
)
