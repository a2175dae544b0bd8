"""The tables of ``benchmarks/compact.md`` and of the model card, written from the record."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from replicate.compact.export import read_making
from replicate.compact.model import CONVOLUTIONS
from replicate.compact.ship import NAME, PACKAGE
from replicate.errors import ReplicateError
from replicate.networks.table import network_entry

from .compact_record import (
    CONTENT,
    STYLE_LAYERS,
    Agreement,
    Layers,
    Measured,
    Pair,
    Reconstructions,
    Speed,
    Transfers,
)
from .page import page, table

PAGE = Path(__file__).with_name("compact.md")
CARD = PACKAGE / "README.md"
STRIPS = PACKAGE / "card"

GRAM_BOUNDS = dict(zip(STYLE_LAYERS, (0.002, 0.003, 0.010, 0.015, 0.35)))
CONTENT_BOUND = 1.15
AGREEMENT_BOUND = 0.9
SPEED_BOUND = 5.0
MEMORY_BOUND = 600.0

MISSING = "*not measured yet*"


def met(holds: bool) -> str:
    return "met" if holds else "**missed**"


def number(value: float) -> str:
    """Two significant digits, without an exponent: 0.0013, 0.47, 12."""
    return (
        f"{value:.0f}" if value >= 10 else f"{float(f'{value:.2g}'):.10f}".rstrip("0").rstrip(".")
    )


# Transfers


def medians(pairs: Mapping[str, Pair]) -> dict[str, Pair]:
    """Median over pairs of every distance, as one pair under ``median``."""
    columns = {
        name: {
            layer: median(getattr(pair, name)[layer] for pair in pairs.values())
            for layer in (*STYLE_LAYERS, CONTENT)
        }
        for name in Pair.model_fields
    }
    return {"median": Pair(**columns)}


def transfers_table(found: Transfers) -> str:
    middle = medians(found.by_both())["median"]
    rows = [
        [
            f"Gram {layer}",
            number(middle.photograph[layer]),
            number(middle.vgg19[layer]),
            number(middle.compact[layer]),
            f"at most {bound:g}",
            met(middle.compact[layer] <= bound),
        ]
        for layer, bound in GRAM_BOUNDS.items()
    ]
    ours, theirs = middle.compact[CONTENT], middle.vgg19[CONTENT]
    rows.append(
        [
            f"content {CONTENT}",
            number(middle.photograph[CONTENT]),
            number(theirs),
            number(ours),
            f"at most {CONTENT_BOUND:g} times VGG-19's: {ours / theirs:.2f}",
            met(ours <= CONTENT_BOUND * theirs),
        ]
    )
    header = ["seen by VGG-19", "the photograph", "drawn with VGG-19", "with compact", "bound", ""]
    return table(header, rows)


def transfers_met(found: Transfers) -> int:
    """How many of the six bounds are met."""
    middle = medians(found.by_both())["median"]
    grams = [middle.compact[layer] <= bound for layer, bound in GRAM_BOUNDS.items()]
    return sum(grams) + (middle.compact[CONTENT] <= CONTENT_BOUND * middle.vgg19[CONTENT])


def transfers_text(found: Transfers | None) -> str:
    if not (found and found.by_both()):
        return MISSING
    kind = "pictures that took no part in training" if found.inputs == "held-out" else "bundled"
    return (
        f"Medians over {len(found.by_both())} pairs of photograph and painting ({kind}), "
        f"{found.size} px, {found.evaluations} L-BFGS evaluations from the photograph, preset "
        "`gatys2016`. Whatever network drew, VGG-19 in float32 measures the finished 8-bit "
        "picture: relative Gram distances to the style, ‖G − A‖² / ‖A‖², and content error, "
        "‖F − P‖² / ‖P‖².\n\n" + transfers_table(found) + f"\n\nMachine: {found.machine}."
    )


# Reconstructions


def order(psnr: Mapping[str, float]) -> list[str]:
    """Layers from the best reconstruction to the worst."""
    return sorted(psnr, key=lambda layer: -psnr[layer])


def same_order(found: Reconstructions) -> dict[str, bool]:
    """Whether both networks order the depths alike, by photograph."""
    return {
        name: order(networks["vgg19"]) == order(networks["compact"])
        for name, networks in found.by_both().items()
    }


def reconstructions_table(found: Reconstructions) -> str:
    layers = list(next(iter(found.by_both().values()))["vgg19"])
    alike = same_order(found)
    rows = [
        [
            name,
            *(f"{networks['vgg19'][at]:.1f} / {networks['compact'][at]:.1f}" for at in layers),
            "same" if alike[name] else "**another**",
        ]
        for name, networks in found.by_both().items()
    ]
    return table(["PSNR, dB", *layers, "order"], rows)


def reconstructions_text(found: Reconstructions | None) -> str:
    if not (found and found.by_both()):
        return MISSING
    return (
        "Content reconstructions from noise, one layer at a time, with the normalised network and "
        f"average pooling (preset `gatys2016`), {found.size} px, {found.evaluations} evaluations: "
        "PSNR to the photograph, VGG-19 / compact.\n\n"
        + reconstructions_table(found)
        + f"\n\nMachine: {found.machine}."
    )


# Speed


def speed_table(found: Speed) -> str:
    rows = [
        [
            pace.precision,
            f"{pace.vgg19:.2f}",
            f"{pace.compact:.2f}",
            f"{pace.compact / pace.vgg19:.1f}",
            met(pace.compact >= SPEED_BOUND * pace.vgg19),
            f"{pace.vgg19_memory:.0f} MB",
            f"{pace.compact_memory:.0f} MB",
            met(pace.compact_memory < MEMORY_BOUND),
        ]
        for pace in found.paces
    ]
    header = ["precision", "VGG-19", "compact", "ratio", f"at least {SPEED_BOUND:g}"]
    header += ["memory of VGG-19", "of compact", f"under {MEMORY_BOUND:.0f} MB"]
    return table(header, rows)


def speed_text(found: Speed) -> str:
    return (
        f"Evaluations a second of a transfer at {found.size} × {found.size} px (content relu4_2, "
        "style to relu5_1, with the optimizer's work): medians, the networks taking turns in one "
        "process. Peak memory of a process of its own that does nothing else, Python and PyTorch "
        f"included: importing this build of PyTorch alone takes {found.torch_memory:.0f} MB.\n\n"
        + speed_table(found)
        + f"\n\nMachine: {found.machine}."
    )


# Agreement


def share(found: Agreement) -> float:
    return 1 - len(found.differing) / found.claims


def agreement_table(found: Agreement) -> str:
    if not found.differing:
        return "No claim has two verdicts."
    rows = [[f"`{each.claim}`", each.text, each.vgg19, each.compact] for each in found.differing]
    return table(["claim", "", "VGG-19", "compact"], rows)


def agreement_text(found: Agreement) -> str:
    same = found.claims - len(found.differing)
    return (
        f"{same} of {found.claims} claims ({share(found):.0%}) get the same verdict from compact "
        f"as from the papers' networks on the same inputs ({found.inputs}, profile "
        f"`{found.profile}`); the bound is {AGREEMENT_BOUND:.0%}: "
        f"{met(share(found) >= AGREEMENT_BOUND)}. Those that differ:\n\n" + agreement_table(found)
    )


# Errors by layer


def layers_text(found: Layers) -> str:
    rows = [
        [f"conv{name}", *(number(getattr(errors, key)) for key in type(errors).model_fields)]
        for name, errors in found.errors.items()
    ]
    header = ["layer", "relu, max pooling", "relu, average pooling", "conv", "Gram matrix of relu"]
    kind = "that took no part in training" if found.inputs == "held-out" else "of the package"
    return (
        f"Relative squared error against VGG-19, median over {found.pictures} pictures {kind} at "
        f"{found.size} px; 0 is equal, 1 is as far as nothing at all.\n\n" + table(header, rows)
    )


# The page


def page_of(measured: Measured) -> str:
    """``benchmarks/compact.md``."""
    parts = [
        f"Numbers: `compact.json`. Weights: `{measured.sha256}`.",
        "## Transfers",
        transfers_text(measured.transfers),
        "## Reconstructions",
        reconstructions_text(measured.reconstructions),
        "## Speed and memory",
        speed_text(measured.speed) if measured.speed else MISSING,
        "## Agreement of claims",
        agreement_text(measured.agreement) if measured.agreement else MISSING,
    ]
    return page(str(PAGE), "The compact network against VGG-19", "\n\n".join(parts))


# The model card


def file_text(weights: Path, sha256: str) -> str:
    size = weights.stat().st_size / 1e6 if weights.is_file() else 0.0
    rows = [["file", f"`{NAME}`, {size:.1f} MB, float16"], ["SHA-256", f"`{sha256}`"]]
    return table(["", ""], rows)


RUNS = (("training", "--steps"), ("polishing", "--polish"))
"""What the runs of a file are called, and the options that say their length."""


def making_text(making: Mapping[str, Any]) -> str:
    if not making:
        return MISSING
    runs = making["runs"]
    rows = [
        ["teacher", f"`{making['teacher']}`"],
        ["training pictures", str(making["pictures"])],
        ["on", f"{making['device']}, torch {making['torch']}"],
        ["channels", channels_text(runs[0]["recipe"]["widths"])],
    ]
    for run, (title, option) in zip(runs, RUNS, strict=False):
        recipe = {key: value for key, value in run["recipe"].items() if key != "widths"}
        steps, minutes = recipe.pop("steps"), recipe.pop("minutes")
        length = f"{option} {steps}" if steps else f"--minutes {minutes:g}"
        rest = ", ".join(f"{key} {_plain(value)}" for key, value in recipe.items())
        rows.append([title, f"{run['steps']} steps, {run['minutes']} minutes (`{length}`)"])
        rows.append(["its settings", rest])
    return table(["how the file was made", ""], rows)


def channels_text(widths: Sequence[int]) -> str:
    """Channels at each convolution, a comma between blocks."""
    blocks: dict[str, list[str]] = {}
    for name, width in zip(CONVOLUTIONS, widths, strict=True):
        blocks.setdefault(name[0], []).append(str(width))
    return ", ".join(" ".join(block) for block in blocks.values())


def _plain(value: object) -> str:
    return "/".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def measured_text(measured: Measured) -> str:
    """Each bound in a line."""
    rows: list[list[str]] = []

    def line(what: str, found: str, holds: bool) -> None:
        rows.append([what, found, met(holds)])

    if (transfers := measured.transfers) and transfers.by_both():
        count = transfers_met(transfers)
        line(
            "transfer fidelity",
            f"{count} of 6 bounds met, over {len(transfers.by_both())} pairs",
            count == 6,
        )
    if claims := measured.agreement:
        enough = share(claims) >= AGREEMENT_BOUND
        line("claims with VGG-19's verdict", f"{share(claims):.0%} of {claims.claims}", enough)
    if (depths := measured.reconstructions) and depths.by_both():
        alike = list(same_order(depths).values())
        found = f"VGG-19's for {sum(alike)} of {len(alike)} photographs"
        line("order of PSNR over depths", found, all(alike))
    if speed := measured.speed:
        slowest = min(pace.compact / pace.vgg19 for pace in speed.paces)
        most = max(pace.compact_memory for pace in speed.paces)
        line("speed", f"{slowest:.1f} times VGG-19's", slowest >= SPEED_BOUND)
        memory = f"{most:.0f} MB, of which PyTorch {speed.torch_memory:.0f} MB"
        line("peak memory", memory, most < MEMORY_BOUND)
    return table(["", "found", "bound"], rows) if rows else MISSING


def strips_text(folder: Path = STRIPS) -> str:
    found = sorted(folder.glob("*.webp"))
    lines = [f"![{path.stem.replace('-', ' × ')}]({folder.name}/{path.name})" for path in found]
    return "\n\n".join(lines) if lines else MISSING


def card_blocks(measured: Measured) -> dict[str, str]:
    """What the marked blocks of the model card say."""
    weights = PACKAGE / NAME
    return {
        "file": file_text(weights, measured.sha256),
        "making": making_text(read_making(weights) if weights.is_file() else {}),
        "layers": layers_text(measured.layers) if measured.layers else MISSING,
        "measured": measured_text(measured),
        "claims": agreement_text(measured.agreement) if measured.agreement else MISSING,
        "strips": strips_text(),
    }


def fill(text: str, blocks: Mapping[str, str]) -> str:
    """``text`` with what stands between ``<!-- name -->`` and ``<!-- /name -->`` replaced.

    Raises:
        ReplicateError: a block is missing or there twice.
    """
    for name, content in blocks.items():
        parts = re.split(rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)", text, flags=re.S)
        if len(parts) != 2:
            raise ReplicateError(
                f"The model card needs the block '{name}' once, not {len(parts) - 1} times."
            )
        text = f"{content}\n".join(parts)
    return text


def write(measured: Measured) -> None:
    """Write ``compact.md`` and the blocks of the model card."""
    if measured.sha256 != network_entry("vgg19-compact").sha256:
        raise ReplicateError("The record belongs to another file than the package holds.")
    card = fill(CARD.read_text(), card_blocks(measured))
    CARD.write_text(card)
    PAGE.write_text(page_of(measured))
