"""Whether a figure is still fresh: its key is of all that it is made from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..figure.record import ImageFormat
from ..figure.report import installed_versions
from ..images import folder_files, paper_image_file, paper_image_keys
from ..networks.table import read_table
from ..networks.weights import locate_weights
from ..storage.files import file_digest, program_digest
from ..storage.store import ResultStore
from .registry import figure_settings
from .studio import Studio


@dataclass
class FigureKeys:
    """Keys of the figures that a studio draws.

    A key covers the program and the packages under it, the settings, the pictures, and the
    weights of every network that may draw or read here: weights that appear later change it.
    The device and its speed have no part in it, as in the keys of the result store.
    """

    studio: Studio
    image_format: ImageFormat

    def of(self, figure_id: str) -> str:
        """SHA-256 of all that the figure is made from, 64 hexadecimal digits.

        Raises:
            ReplicateError: REPLICATE_WEIGHTS or REPLICATE_IMAGES names no folder.
        """
        studio = self.studio.at(figure_id)
        return ResultStore.key(
            {
                "program": program_digest(),
                "versions": installed_versions(),
                "figure": figure_id,
                "profile": studio.profile_name,
                "inputs": studio.inputs,
                "pictures": _pictures(studio),
                "balanced": studio.balanced,
                "network": studio.engine.networks.chosen,
                "weights": self._weights,
                "precision": studio.engine.precision,
                "format": self.image_format,
            }
        )

    @cached_property
    def _weights(self) -> dict[str, str | None]:
        """Trained weights on this machine that may be used, by name; bundled ones are program."""
        chosen = self.studio.engine.networks.chosen
        places = {name: locate_weights(name) for name in read_table() if chosen in ("auto", name)}
        return {
            name: _digest(path)
            for name, (where, path) in places.items()
            if path and where != "bundled"
        }


def _pictures(studio: Studio) -> dict[str, str | None]:
    """Digests of the figure's pictures that are no part of the program."""
    config, inputs = figure_settings(studio.figure_id), studio.inputs
    names = config.images.get(inputs, {}).values() if inputs == "paper" else ()
    ours = {name: paper_image_file(name) for name in names if name in paper_image_keys()}
    folder = config.folders.get(inputs)
    others = {str(file): file for file in folder_files(folder)} if folder else {}
    return {name: _digest(path) for name, path in {**ours, **others}.items()}


def _digest(path: Path | None) -> str | None:
    """None where there is no file yet, or none that can be read, of which the drawing will tell."""
    try:
        return file_digest(path) if path else None
    except OSError:
        return None
