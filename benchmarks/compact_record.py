"""What was measured of the compact network: kept as JSON, from which all tables are written.

The record belongs to one file of weights.  Measurements of another file are forgotten, so that
a table never mixes two networks; what VGG-19 drew is the same beside any file, and is kept.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

RECORD = Path(__file__).with_name("compact.json")

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT = "relu4_2"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Pair(_Part):
    """Distances of one transfer, measured with VGG-19, by layer.

    At the style layers ||G - A||^2 / ||A||^2 to the style picture, at :data:`CONTENT`
    ||F - P||^2 / ||P||^2 to the photograph; of the photograph itself, of what was drawn with the
    compact network, and of what was drawn with VGG-19.
    """

    photograph: dict[str, float]
    vgg19: dict[str, float]
    compact: dict[str, float] | None = None


class _Drawn(_Part):
    """What was drawn, and how: only pictures that were drawn alike stand in one table."""

    machine: str
    engine: int
    size: int
    evaluations: int

    def drawn_as(self, other: _Drawn) -> bool:
        """Whether the same job would give both the same picture."""
        return all(
            getattr(self, name) == getattr(other, name)
            for name in ("engine", "size", "evaluations")
        )


class Transfers(_Drawn):
    """Transfers by both networks; ``pairs`` is keyed by the names of the two pictures."""

    inputs: Literal["held-out", "bundled"]
    pairs: dict[str, Pair]

    def drawn_as(self, other: _Drawn) -> bool:
        return super().drawn_as(other) and getattr(other, "inputs", None) == self.inputs

    def after(self, before: Transfers) -> Transfers:
        """With the pairs that were measured before, if they were drawn alike."""
        kept = before.pairs if self.drawn_as(before) else {}
        return self.model_copy(update={"pairs": {**kept, **self.pairs}})

    def by_both(self) -> dict[str, Pair]:
        """The pairs that the compact network has drawn as well."""
        return {name: pair for name, pair in self.pairs.items() if pair.compact}

    def by_vgg19(self) -> Transfers:
        """Without what the compact network drew."""
        pairs = {
            name: pair.model_copy(update={"compact": None}) for name, pair in self.pairs.items()
        }
        return self.model_copy(update={"pairs": pairs})


Depths = dict[Literal["vgg19", "compact"], dict[str, float]]
"""PSNR in dB of the content reconstructions of one photograph: network, then layer."""


class Reconstructions(_Drawn):
    """Content reconstructions by both networks; ``psnr`` is keyed by the photographs' names."""

    psnr: dict[str, Depths]

    def by_both(self) -> dict[str, Depths]:
        """The photographs that the compact network has reconstructed as well."""
        return {name: depths for name, depths in self.psnr.items() if "compact" in depths}

    def by_vgg19(self) -> Reconstructions:
        """Without what the compact network drew."""
        psnr = {name: {"vgg19": depths["vgg19"]} for name, depths in self.psnr.items()}
        return self.model_copy(update={"psnr": psnr})


class Pace(_Part):
    """Evaluations a second and peak memory in MB in one precision."""

    precision: str
    compact: float
    vgg19: float
    compact_memory: float
    vgg19_memory: float


class Speed(_Part):
    """``torch_memory`` is the part of every peak that importing PyTorch takes, in MB."""

    machine: str
    size: int
    torch_memory: float
    paces: list[Pace]


class Errors(_Part):
    """Medians over pictures at one layer: ||H f + b - F||^2 / ||F||^2, and of Gram matrices.

    Of ``reluN_M`` with max and with average pooling, of ``convN_M`` with max pooling.
    """

    relu: float
    relu_average: float
    conv: float
    gram: float


class Layers(_Part):
    """Errors by layer, keyed ``1_1`` to ``5_4``."""

    inputs: Literal["held-out", "bundled"]
    pictures: int
    size: int
    errors: dict[str, Errors]


class Differing(_Part):
    """A claim with two verdicts."""

    claim: str
    text: str
    vgg19: str
    compact: str


class Agreement(_Part):
    """Verdicts on the claims of figures that the compact network took part in."""

    profile: str
    inputs: str
    claims: int
    differing: list[Differing]


class Measured(_Part):
    """All that is known of one file of weights; a part is None until it has been measured."""

    sha256: str
    transfers: Transfers | None = None
    reconstructions: Reconstructions | None = None
    speed: Speed | None = None
    layers: Layers | None = None
    agreement: Agreement | None = None

    def having(self, **parts: _Part) -> Measured:
        """The record with these parts in place of what it had."""
        return self.model_copy(update=parts)


def load(sha256: str, path: Path) -> Measured:
    """The record of the weights with this checksum; of other weights', VGG-19's part alone."""
    if not path.is_file():
        return Measured(sha256=sha256)
    found = Measured.model_validate_json(path.read_text())
    if found.sha256 == sha256:
        return found
    return Measured(
        sha256=sha256,
        transfers=found.transfers.by_vgg19() if found.transfers else None,
        reconstructions=found.reconstructions.by_vgg19() if found.reconstructions else None,
    )


def save(measured: Measured, path: Path) -> None:
    """Write the record with numbers of 5 significant digits: more were never measured."""
    plain = json.loads(measured.model_dump_json(exclude_none=True), parse_float=_rounded)
    path.write_text(json.dumps(plain, indent=1, ensure_ascii=False) + "\n")


def _rounded(digits: str) -> float:
    return float(f"{float(digits):.5g}")
