"""From a sheet to the figure as it is written: title, caption, provenance, record."""

from __future__ import annotations

from collections.abc import Sequence

from ..engine.job import NetworkInfo, Result
from ..figure.record import PanelRecord
from ..figure.report import Figure
from ..record import job_record
from .sheet import Sheet
from .studio import Studio, figure_config


def page(studio: Studio, figure_id: str, sheet: Sheet, results: Sequence[Result]) -> Figure:
    """The figure: what the config says of it around what was drawn and measured."""
    paper, config, _ = figure_config(figure_id)
    networks = _networks(results)
    remarks = [config.caption, *_reading(networks), *_proceeding(results)]
    if config.remark and studio.inputs == "paper":
        remarks.append(config.remark)
    if studio.inputs == "bundled":
        remarks.append("The pictures are bundled ones, not the paper's.")
    if config.status == "unverified":
        remarks.append("Some settings of this figure could not be verified in the source.")
    if sheet.note:
        remarks.append(sheet.note)
    return Figure(
        id=figure_id,
        title=config.title,
        source=f"{paper.authors} {paper.year}, {config.source}",
        grids=sheet.grids,
        profile=studio.profile_name,
        inputs=studio.inputs,
        networks=networks,
        caption=" ".join(text.strip() for text in remarks),
        claims=sheet.claims,
        panels=[
            PanelRecord(
                label=label,
                job=job_record(result),
                evaluations=result.evaluations,
                seconds=round(result.seconds, 2),
                losses=result.losses,
                metrics=metrics,
            )
            for label, (result, metrics) in sheet.panels.items()
        ],
        size=_common_size(results),
    )


def _networks(results: Sequence[Result]) -> list[NetworkInfo]:
    """The networks that drew, each once, in order."""
    by_name = {(result.network.name, result.network.weights): result.network for result in results}
    return list(by_name.values())


def _reading(networks: Sequence[NetworkInfo]) -> list[str]:
    """How the networks were used: pooling, and whether they were normalised."""
    used = {(info.spec.pooling, info.spec.normalised) for info in networks}
    if len(used) != 1:
        return []
    ((pooling, normalised),) = used
    return [f"{pooling.capitalize()} pooling{', normalised network' if normalised else ''}."]


def _proceeding(results: Sequence[Result]) -> list[str]:
    """How the minimisation differs from the source's on so small a picture."""
    jobs = [result.job for result in results]
    remarks = []
    scales = max(len(job.levels()) for job in jobs)
    if scales > 1:
        remarks.append(f"Noise starts went from coarse to fine in {scales} scales.")
    factors = {
        round(job.content_weight / job.preset.content_weight, 1)
        for job in jobs
        if job.content_layers and job.style_layers and job.preset.content_weight
    }
    if factors - {1.0}:
        low, high = min(factors), max(factors)
        by = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        remarks.append(
            f"Ratios α/β are those of a 512 × 512 picture; on this smaller canvas α counts "
            f"{by} times."
        )
    return remarks


def _common_size(results: Sequence[Result]) -> int | None:
    sizes = {max(result.picture.size) for result in results}
    return sizes.pop() if len(sizes) == 1 else None
