"""Figures: panels in labelled grids, claims with verdicts, and the report that holds them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "claims": ["Claim", "tally"],
        "index": ["write_index"],
        "montage": ["Montage"],
        "page": ["Answer"],
        "panels": ["Drawable", "Grid", "Panel"],
        "plots": ["HeatMap", "LinePlot", "Series"],
        "record": ["FigureRecord", "PanelRecord", "read_records"],
        "report": ["Figure"],
    },
)
