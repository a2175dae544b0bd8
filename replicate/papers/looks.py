"""Figures that draw nothing: a picture, and what a network makes of it at the figure's layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from ..figure.claims import Claim
from ..figure.panels import Grid, Panel
from ..images import Picture
from ..measure.analysis import Representation, relative_distance, representations
from ..measure.metrics import relative_gram_distance
from .panels import Metrics
from .registry import figure_settings
from .sheet import Sheet
from .studio import Studio


class Look(Mapping[str, Representation]):
    """A picture at the figure's single layers, by their labels.

    Attributes:
        picture: at the size at which it is read.
        metrics: label to what was measured there.
    """

    def __init__(self, studio: Studio, picture: Picture):
        config = figure_settings(studio.figure_id)
        sets = config.style_sets or config.content_sets
        layers = {label: layer for label, (layer,) in sets.items()}
        spec = studio.preset.network
        found = representations(studio.engine, picture, list(layers.values()), spec)
        self.picture = picture
        self.metrics: dict[str, Metrics] = {label: {} for label in layers}
        self._studio = studio
        self._seen = {label: found[layer] for label, layer in layers.items()}

    @classmethod
    def at_profile(cls, studio: Studio, role: str) -> Look:
        """The figure's picture, read at the profile's size."""
        return cls(studio, studio.picture(role).scaled_to(studio.profile.size))

    def __getitem__(self, label: str) -> Representation:
        return self._seen[label]

    def __iter__(self) -> Iterator[str]:
        return iter(self._seen)

    def __len__(self) -> int:
        return len(self._seen)

    def measure(self, measure: Callable[[Representation], Metrics]) -> None:
        """Add a measure's numbers to every layer's metrics."""
        for label, seen in self.items():
            self.metrics[label].update(measure(seen))

    def column(self, name: str) -> dict[str, float]:
        """One metric by the layers' labels."""
        return {label: each[name] for label, each in self.metrics.items()}

    def feature_distances(self, other: Look) -> dict[str, float]:
        """How far this picture's features are from those of the other; relative squares."""
        return {
            label: relative_distance(each.maps, other[label].maps) for label, each in self.items()
        }

    def gram_distances(self, other: Look) -> dict[str, float]:
        """How far this picture's Gram matrices are from those of the other; relative squares."""
        return {
            label: relative_gram_distance(each.gram, other[label].gram)
            for label, each in self.items()
        }

    def panel(self, label: str) -> Panel:
        """The picture itself."""
        return Panel(self.picture, label=label)

    def sheet(
        self,
        grids: Sequence[Grid],
        claims: Sequence[Claim],
        readings: Mapping[str, Metrics] | None = None,
        note: str = "The picture is read at {} × {} px.",
    ) -> Sheet:
        """The figure, with the metrics and other readings in its record."""
        return self._studio.sheet(
            [],
            grids,
            claims,
            readings={**self.metrics, **(readings or {})},
            networks=[self._studio.engine.networks.info(self._studio.preset.network)],
            note=note.format(*self.picture.size),
        )
