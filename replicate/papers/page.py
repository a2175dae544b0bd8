"""From a sheet to the figure as it is written: title, caption, provenance, record."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..engine.job import Result
from ..fast.beside import Pass
from ..figure.claims import counted
from ..figure.record import PanelRecord
from ..figure.report import Figure
from ..figure.verdicts import Verdict
from ..networks.spec import NetworkInfo
from ..record import record_of
from .sheet import Sheet
from .studio import Studio, figure_config
from .verdicts import verdicts


def page(studio: Studio, figure_id: str, sheet: Sheet, results: Sequence[Result]) -> Figure:
    """The figure: what the config says of it around what was drawn and measured."""
    paper, config, _ = figure_config(figure_id)
    used = [*(result.network for result in results), *sheet.networks]
    networks = _networks(used)
    balanced = studio.balanced
    remarks = [config.caption, *_reading(used), *_proceeding(results)]
    if config.compares_layers:
        remarks.append(_weighing(balanced))
    if config.remark and studio.inputs == "paper":
        remarks.append(config.remark)
    if studio.inputs == "bundled":
        remarks.append("The pictures are bundled ones, not the paper's.")
    if config.status == "unverified":
        remarks.append("Some settings of this figure could not be verified in the source.")
    for judge in dict.fromkeys(info.drawn for info in sheet.judges.values()):
        remarks.append(f"{judge} drew nothing here, it only measured.")
    if sheet.note:
        remarks.append(sheet.note)
    return Figure(
        id=figure_id,
        title=config.title,
        source=f"{paper.authors} {paper.year}, {config.source}",
        grids=sheet.grids,
        profile=studio.profile_name,
        inputs=studio.inputs,
        balanced=balanced,
        networks=networks,
        caption=" ".join(text.strip() for text in remarks),
        claims=sheet.claims,
        verdicts=_verdicts(figure_id),
        preview=not studio.profile.judged,
        panels=[
            PanelRecord(
                label=label,
                **_repeated(result),
                evaluations=result.evaluations,
                seconds=round(result.seconds, 2),
                losses=result.losses,
                metrics=metrics,
            )
            for label, (result, metrics) in sheet.panels.items()
        ]
        + [PanelRecord(label=label, metrics=numbers) for label, numbers in sheet.readings.items()],
        size=_common_size(results),
    )


def _repeated(result: Result) -> dict[str, Any]:
    """How the record says that a panel can be drawn again."""
    if isinstance(result, Pass):
        return {"fast": dict(result.how)}
    return {"job": record_of(result).plain()}


def _verdicts(figure_id: str) -> dict[str, Verdict]:
    """What the evidence says of the figure's claims, by their names."""
    found = verdicts().items()
    return {
        claim.removeprefix(f"{figure_id}/"): verdict
        for claim, verdict in found
        if claim.startswith(f"{figure_id}/")
    }


def _networks(used: Sequence[NetworkInfo]) -> list[NetworkInfo]:
    """The networks that drew or read, each once, in order."""
    return list({info.name: info for info in used}.values())


def _reading(used: Sequence[NetworkInfo]) -> list[str]:
    """How all networks were used: pooling, and whether and by which means they were normalised."""
    ways = {(info.spec.pooling, info.spec.normalised, info.spec.means) for info in used}
    if len(ways) != 1:
        return []
    ((pooling, normalised, means),) = ways
    network = f", network normalised{f' under {means} pooling' if means else ''}"
    return [f"{pooling.capitalize()} pooling{network if normalised else ''}."]


def _proceeding(results: Sequence[Result]) -> list[str]:
    """How the optimization differs from the source's on so small a picture."""
    jobs = [result.job for result in results]
    remarks = []
    plans = [job.levels() for job in jobs]
    leads = [plan[0].evaluations for plan in plans if plan[0].style != plan[-1].style]
    if leads:
        remarks.append(
            f"Transfers from noise spent their first {counted(max(leads), 'evaluation')} on the "
            "content alone, at half the size, before style came in."
        )
    sizes = max((len(plan) for plan in plans if not plan[-1].style), default=1)
    if sizes > 1:
        remarks.append(f"Content was reconstructed from coarse to fine in {sizes} sizes.")
    weighed = [
        job for job in jobs if job.content_layers and job.style_layers and job.preset.content_weight
    ]
    factors = {round(job.content_weight / job.preset.content_weight, 1) for job in weighed}
    if factors - {1.0}:
        low, high = min(factors), max(factors)
        by = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        meant = {job.preset.ratio_pixels for job in weighed if job.preset.ratio_pixels}
        remarks.append(
            f"Ratios α/β are those of a picture of {' or '.join(map(_extent, sorted(meant)))}; on "
            f"this canvas α counts {by} times."
        )
    return remarks


def _extent(pixels: int) -> str:
    """``512 × 512 px`` for as many pixels as a square has, else how many they are."""
    side = math.isqrt(pixels)
    return f"{side} × {side} px" if side * side == pixels else f"{pixels} pixels"


def _weighing(balanced: bool) -> str:
    """How the layers of a figure that compares them are weighted."""
    if balanced:
        return (
            "Layer weights are balanced: at the start the gradients of all style layers have one "
            "norm, and content and style pull equally hard in all panels before the ratio."
        )
    return "Layer weights are not balanced."


def _common_size(results: Sequence[Result]) -> int | None:
    sizes = {max(result.picture.size) for result in results}
    return sizes.pop() if len(sizes) == 1 else None
