"""Figures: panels in labelled grids, claims with verdicts, and the report that holds them."""

from replicate.figure import claims
from replicate.figure.claims import Claim, tally
from replicate.figure.index import Index, write_index
from replicate.figure.montage import Montage
from replicate.figure.page import Answer
from replicate.figure.panels import Drawable, Grid, Panel, crop
from replicate.figure.plots import HeatMap, LinePlot, Series
from replicate.figure.record import (
    FigureRecord,
    PanelRecord,
    read_records,
)
from replicate.figure.report import Figure, installed_versions

__all__ = [
    "Answer",
    "Claim",
    "Drawable",
    "Figure",
    "FigureRecord",
    "Grid",
    "HeatMap",
    "Index",
    "LinePlot",
    "Montage",
    "Panel",
    "PanelRecord",
    "Series",
    "claims",
    "crop",
    "installed_versions",
    "read_records",
    "tally",
    "write_index",
]
