"""What a figure's function returns."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..engine.job import Result
from ..figure.claims import Claim
from ..figure.panels import Grid
from ..networks.spec import NetworkInfo
from .panels import Metrics


@dataclass
class Sheet:
    """A figure before it is set on a page.

    Attributes:
        grids: what is seen, from top to bottom.
        claims: what was measured of it.
        panels: label to the job's result and its metrics, for the figure's JSON.
        readings: label to what was measured of something that no job drew, for the JSON.
        networks: those that only read pictures; the ones that drew panels are known.
        judges: claim to the network that measured it, where another drew.
        note: said under the caption, such as what had to be left out here.
        optimised: it has pictures that were optimised, though no job drew them.
    """

    grids: list[Grid]
    claims: list[Claim]
    panels: dict[str, tuple[Result, Metrics]]
    readings: dict[str, Metrics] = field(default_factory=dict)
    networks: list[NetworkInfo] = field(default_factory=list)
    judges: dict[str, NetworkInfo] = field(default_factory=dict)
    note: str = ""
    optimised: bool = False
