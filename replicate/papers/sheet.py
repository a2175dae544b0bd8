"""What a figure function returns, and small measurements that several figures share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..engine.job import Result
from ..figure.claims import Claim
from ..figure.panels import Grid, Panel
from ..measure.metrics import edge_correlation, psnr, ssim
from ..networks.spec import NetworkInfo
from .panels import Metrics, ratio_label, source_panel

__all__ = [
    "Metrics",
    "Sheet",
    "column",
    "fidelity",
    "ratio_label",
    "shown",
    "source_panel",
]


@dataclass
class Sheet:
    """A figure before it is set on a page.

    Attributes:
        grids: what is seen, from top to bottom.
        claims: what was measured of it.
        panels: label to the job's result and its metrics, for the figure's JSON.
        readings: label to what was measured of something that no job drew, for the JSON.
        networks: those that only read pictures; the ones that drew panels are known.
        note: said under the caption, such as what had to be left out here.
    """

    grids: list[Grid] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    panels: dict[str, tuple[Result, Metrics]] = field(default_factory=dict)
    readings: dict[str, Metrics] = field(default_factory=dict)
    networks: list[NetworkInfo] = field(default_factory=list)
    note: str = ""

    def add(self, label: str, result: Result, metrics: Metrics) -> None:
        self.panels[label] = (result, metrics)


def fidelity(result: Result) -> Metrics:
    """How much of the content picture is left: PSNR, SSIM and edge correlation."""
    content = result.job.content
    assert content is not None
    reference = content.resized(*result.picture.size).pixels
    drawn = result.picture.pixels
    return {
        "psnr": psnr(drawn, reference),
        "ssim": ssim(drawn, reference),
        "edge_correlation": edge_correlation(drawn, reference),
    }


def column(metrics: Mapping[str, Metrics], name: str) -> dict[str, float]:
    """One metric of several panels, by label."""
    return {label: values[name] for label, values in metrics.items()}


def shown(result: Result, lines: Sequence[str] = (), **settings: object) -> Panel:
    """A panel of a result with small text under it."""
    return Panel(result.picture, lines=tuple(lines), **settings)  # type: ignore[arg-type]
