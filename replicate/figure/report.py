"""A figure as a whole: its page, its claims, and the files that it is written to."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

from replicate.figure.claims import Claim
from replicate.figure.montage import Montage
from replicate.figure.panels import Grid
from replicate.figure.record import (
    FigureRecord,
    ImageFormat,
    PanelRecord,
    write_record,
)
from replicate.figure.verdicts import Verdict
from replicate.images.picture import Picture
from replicate.networks.spec import NetworkInfo
from replicate.storage.files import write_atomic

_ENCODINGS: dict[ImageFormat, tuple[str, Sequence[dict[str, Any]]]] = {
    "png": ("PNG", [{}]),
    "webp": ("WEBP", [{"quality": quality, "method": 4} for quality in (86, 76, 66)]),
    "jpg": (
        "JPEG",
        [{"quality": quality, "subsampling": 0, "progressive": True} for quality in (90, 80, 70)],
    ),
}
PAGE_BYTES = 1_200_000
"""Larger pages take the next encoding: they are for a gallery under version control."""

_PACKAGES = ("style-layers", "torch", "torchvision", "numpy", "scikit-image", "pillow")


def installed_versions() -> dict[str, str]:
    """Versions of this project and of the packages whose numbers a figure depends on."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


@dataclass(frozen=True)
class Figure:
    """A figure of a paper, drawn again.

    Attributes:
        id: "paper/figure", in small letters, digits and underscores.
        title: what it shows, in our words.
        source: the figure that it repeats, such as "Gatys et al. 2016, Fig. 5".
        grids: its panels.
        profile: size and evaluations, by name.
        inputs: "bundled" or "paper".
        balanced: layer weights were balanced.
        networks: those that drew it; more than one where it compares networks.
        caption: what is to be seen.
        claims: what the source says of it, measured on these pictures.
        verdicts: what the evidence of many pairs says of them, by the claims' ids.
        preview: drawn with the shortcuts of small pictures.
        panels: numbers and jobs of the pictures in ``grids``.
        size: longest side of the drawn pictures in pixels, if they share one.
        versions: of the programs that drew it.
    """

    id: str
    title: str
    source: str
    grids: Sequence[Grid]
    profile: str
    inputs: str
    networks: Sequence[NetworkInfo]
    caption: str = ""
    claims: Sequence[Claim] = ()
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    preview: bool = True
    panels: Sequence[PanelRecord] = ()
    size: int | None = None
    balanced: bool = False
    versions: Mapping[str, str] = field(default_factory=installed_versions)

    def __post_init__(self) -> None:
        ids = [claim.id for claim in self.claims]
        twice = {each for each in ids if ids.count(each) > 1}
        if twice:
            raise ValueError(f"Figure '{self.id}' has two claims named '{min(twice)}'.")
        if not self.networks:
            raise ValueError(f"Figure '{self.id}' does not say which network drew it.")
        self.record()  # a wrong id or number shows here and not when it is written

    @property
    def drawn(self) -> str:
        """How it was drawn, for its title line: canvas, evaluations, network, inputs."""
        parts = []
        if self.size:
            parts.append(f"{self.size} px")
        counts = [panel.evaluations for panel in self.panels if panel.evaluations]
        if counts:
            low, high = min(counts), max(counts)
            parts.append(f"{low} evaluations" if low == high else f"{low} to {high} evaluations")
        parts.append(" and ".join(each.drawn for each in self.networks))
        parts.append(f"{self.inputs} inputs")
        if self.balanced:
            parts.append("balanced weights")
        if self.preview:
            parts.append("preview")
        return " · ".join(parts)

    @cached_property
    def montage(self) -> Montage:
        """The page that shows it."""
        return Montage(
            title=self.title,
            drawn=self.drawn,
            grids=self.grids,
            caption=self.caption,
            claims=self.claims,
            verdicts=self.verdicts,
            provenance=f"After {self.source}. Profile {self.profile}.",
        )

    def record(self, image_format: ImageFormat = "png") -> FigureRecord:
        """What the JSON says."""
        return FigureRecord(
            figure=self.id,
            title=self.title,
            source=self.source,
            caption=self.caption,
            image=f"{self.id.partition('/')[2]}.{image_format}",
            panels_box=self.montage.layout.panels_box,
            pictures=self.montage.layout.pictures,
            profile=self.profile,
            inputs=self.inputs,
            balanced=self.balanced,
            networks=tuple(self.networks),
            panels=tuple(self.panels),
            claims=tuple(self.claims),
            versions=dict(self.versions),
        )

    def write(
        self, folder: str | Path, image_format: ImageFormat = "png", made_from: str = ""
    ) -> Path:
        """Write ``paper/figure.png`` and then ``paper/figure.json``, each atomically.

        WebP and JPEG are for a gallery under version control. ``made_from`` is the key by which
        ``standing_record`` knows the figure again. Returns the picture's path.

        Raises:
            ReplicateError: the folder cannot be written.
        """
        record = self.record(image_format)
        data = _encoded(self.montage.draw(), image_format)
        path = write_atomic(Path(folder) / record.image_path, data)
        known = {"made_from": made_from, "image_sha256": hashlib.sha256(data).hexdigest()}
        write_record(record.model_copy(update=known), Path(folder) / f"{self.id}.json")
        return path


def _encoded(picture: Picture, image_format: ImageFormat) -> bytes:
    kind, encodings = _ENCODINGS[image_format]
    for options in encodings:
        buffer = io.BytesIO()
        picture.pil().save(buffer, kind, **options)
        if buffer.tell() <= PAGE_BYTES:
            break
    return buffer.getvalue()
