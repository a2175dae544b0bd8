"""What a network is trained for: the objective of a batch, from a preset or from drawn settings.

A single network has one preset of the project, and its objective is that preset's.  A mixer draws
a :class:`Setting` for every picture.  Its losses, and those of a balanced preset, are divided by
*units*, or one layer would drown the others: a style layer's unit is the loss of untouched
photographs against the artwork, a content layer's the loss between two photographs.  So a style
loss begins at 1, and a content loss ends at 1 when nothing of the photograph is left.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..engine.preset import Preset
from ..engine.terms import style_statistics
from ..images import Picture
from ..method import Objective, Weight, content, content_loss, style, style_loss, variation
from ..networks.network import Network
from ..networks.pixels import to_tensor
from ..networks.spec import NetworkSpec
from .setting import CONTENT_LAYERS, STYLE_LAYERS, Setting, conditions, drawn, length

MIXER = Preset(
    name="mixer",
    label="Mixer",
    network=NetworkSpec(name="vgg19-caffe", pooling="average"),
    content_layers=dict.fromkeys(CONTENT_LAYERS, 1.0),
    style_layers=dict.fromkeys(STYLE_LAYERS, 1.0),
)
"""What all settings of a mixer share."""


@dataclass(frozen=True)
class Batch:
    """Pictures (B, 3, H, W) with what is asked of each: conditions (B, k) if any, the objective,
    and the factor (B,) or number that brings its gradients to one size."""

    pictures: Tensor
    objective: Objective
    conditions: Tensor | None = None
    factor: Weight = 1.0


class Goal(ABC):
    """Where objectives come from; ``targets`` are statistics (1, ...) by style and layer."""

    def __init__(
        self, preset: Preset, network: Network, styles: Mapping[str, Picture], style_size: int
    ):
        self.preset, self.network = preset, network
        self.styles = tuple(styles)
        self.statistics = style_statistics(
            preset.style_statistic, list(preset.style_layers), preset.activation_shift
        )
        with torch.no_grad():
            self.targets = {
                name: self._targets(picture.scaled_to(style_size))
                for name, picture in styles.items()
            }

    def _targets(self, picture: Picture) -> dict[str, Tensor]:
        maps = self.network(to_tensor(picture).to(self.network.device), self.preset.style_layers)
        return {layer: statistic(maps) for layer, statistic in self.statistics.items()}

    @property
    def conditions(self) -> int:
        """Length of the vector of conditions; 0 for none."""
        return 0

    @abstractmethod
    def prepare(self, batches: Iterable[Tensor]) -> None:
        """Take from photographs, (B, 3, H, W) each, what the objective needs to know of them."""

    @abstractmethod
    def batch(self, photographs: Tensor, rng: np.random.Generator) -> Batch:
        """The photographs (B, 3, H, W) with what is asked of each."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What fixes the objective, plain: a single network's ``preset``, a mixer's ``units``; the
        other is None.  A checkpoint keeps it, since other photographs would have other units, and
        so does a network's file."""

    @abstractmethod
    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on with the objective of a :meth:`state`."""

    @abstractmethod
    def samples(self, photograph: Tensor) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Rows of what the photograph (1, 3, H, W) is worth looking at with: pictures
        (B, 3, H, W) and conditions (B, k) if any."""

    def objective(
        self,
        photographs: Tensor,
        styles: Sequence[str],
        contents: Mapping[str, Weight],
        weights: Mapping[str, Weight],
    ) -> Objective:
        """The sum over content and style layers, for each photograph in its style.

        Args:
            contents, weights: of the content layers and of the style layers, before beta.
        """
        preset = self.preset
        with torch.no_grad():
            maps = self.network(photographs, contents)
        found = Objective()
        for layer, weight in contents.items():
            found += weight * content(layer, maps[layer].coordinates(), preset.content_loss)
        for layer, weight in weights.items():
            target = torch.cat([self.targets[name][layer] for name in styles])
            found += weight * style(layer, target, preset.style_loss, self.statistics[layer])
        if preset.tv_weight:
            found += preset.tv_weight * variation()
        return found


@dataclass(frozen=True)
class Units:
    """What the mixer's losses are divided by: of content by layer, of style by style and layer."""

    content: Mapping[str, float]
    style: Mapping[str, Mapping[str, float]]

    def preset(self, setting: Setting) -> Preset:
        """The preset whose objective is the mixer's at a setting, for an optimisation."""
        return MIXER.with_(
            content_layers={setting.content: 1 / self.content[setting.content]},
            style_layers={
                layer: weight / self.style[setting.style][layer]
                for layer, weight in setting.layers.items()
                if weight
            },
            content_weight=setting.ratio,
        )


def measured_units(goal: Goal, batches: Iterable[Tensor]) -> Units:
    """The units of a goal's losses, from photographs (B, 3, H, W); two or more in a batch."""
    preset = goal.preset
    contents: dict[str, list[float]] = {layer: [] for layer in preset.content_layers}
    styles: dict[str, dict[str, list[float]]] = {
        name: {layer: [] for layer in preset.style_layers} for name in goal.styles
    }
    with torch.no_grad():
        for photographs in batches:
            maps = goal.network(photographs, [*contents, *preset.style_layers])
            for layer, losses in contents.items():
                others = maps[layer].coordinates().roll(1, 0)
                losses += content_loss(maps[layer], others, preset.content_loss).tolist()
            for name, by_layer in styles.items():
                for layer, losses in by_layer.items():
                    statistic, target = goal.statistics[layer], goal.targets[name][layer]
                    size = statistic.size(maps)
                    losses += style_loss(statistic(maps), target, *size, preset.style_loss).tolist()
    return Units(
        {layer: float(np.mean(losses)) for layer, losses in contents.items()},
        {
            name: {layer: float(np.mean(losses)) for layer, losses in by_layer.items()}
            for name, by_layer in styles.items()
        },
    )


def _divided(weights: Mapping[str, float], units: Mapping[str, float]) -> dict[str, float]:
    """Four digits are enough, and the file's record stays readable."""
    return {layer: float(f"{weight / units[layer]:.4g}") for layer, weight in weights.items()}


class SingleGoal(Goal):
    """One style, at a preset of the project.

    Args:
        balanced: divide the preset's weights by the losses' units, and leave out the total
            variation, whose strength belongs to the losses as they were.
    """

    def __init__(
        self,
        preset: Preset,
        network: Network,
        styles: Mapping[str, Picture],
        style_size: int,
        balanced: bool = False,
    ):
        super().__init__(preset, network, styles, style_size)
        self._balanced = balanced

    def prepare(self, batches: Iterable[Tensor]) -> None:
        if self._balanced:
            units, preset = measured_units(self, batches), self.preset
            (style,) = self.styles
            self.preset = preset.with_(
                content_layers=_divided(preset.layers("content"), units.content),
                style_layers=_divided(preset.layers("style"), units.style[style]),
                tv_weight=0.0,
            )

    def batch(self, photographs: Tensor, rng: np.random.Generator) -> Batch:
        preset = self.preset
        return Batch(
            photographs,
            self.objective(
                photographs,
                self.styles * len(photographs),
                {name: preset.content_weight * w for name, w in preset.content_layers.items()},
                {name: preset.style_weight * w for name, w in preset.style_layers.items()},
            ),
        )

    def state(self) -> dict[str, Any]:
        preset = self.preset.model_dump(mode="json", exclude_defaults=True)
        return {"preset": preset, "units": None}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.preset = Preset.model_validate(state["preset"])

    def samples(self, photograph: Tensor) -> Iterator[tuple[Tensor, None]]:
        yield photograph, None


class MixerGoal(Goal):
    """Random settings, one for each photograph."""

    units: Units

    def prepare(self, batches: Iterable[Tensor]) -> None:
        self.units = measured_units(self, batches)

    @property
    def conditions(self) -> int:
        return length(self.styles)

    def batch(self, photographs: Tensor, rng: np.random.Generator) -> Batch:
        return self.asked(photographs, [drawn(rng, self.styles) for _ in photographs])

    def asked(self, photographs: Tensor, settings: Sequence[Setting]) -> Batch:
        """The photographs with these settings."""
        device = photographs.device
        presets = [self.units.preset(setting) for setting in settings]

        def column(kind: str, layer: str, factors: Sequence[float]) -> Tensor:
            weights = [
                preset.layers(kind).get(layer, 0.0) * factor
                for preset, factor in zip(presets, factors, strict=True)
            ]
            return torch.tensor(weights, device=device)

        ratios, ones = [setting.ratio for setting in settings], [1.0] * len(settings)
        contents = {setting.content for setting in settings}
        used = {layer for preset in presets for layer in preset.style_layers}
        # The sum of the weights: no setting may shout another down.
        sums = [s.ratio + sum(s.layers.values()) for s in settings]
        return Batch(
            photographs,
            self.objective(
                photographs,
                [setting.style for setting in settings],
                {
                    name: column("content", name, ratios)
                    for name in CONTENT_LAYERS
                    if name in contents
                },
                {name: column("style", name, ones) for name in STYLE_LAYERS if name in used},
            ),
            conditions(settings, self.styles).to(device),
            1 / torch.tensor(sums, device=device),
        )

    def state(self) -> dict[str, Any]:
        return {"preset": None, "units": asdict(self.units)}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.units = Units(**state["units"])

    def samples(self, photograph: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """A row for each style: all layers, then each of them alone."""
        layers = [dict.fromkeys(STYLE_LAYERS, 1.0), *({layer: 1.0} for layer in STYLE_LAYERS)]
        for name in self.styles:
            settings = [Setting(name, each, CONTENT_LAYERS[-1]) for each in layers]
            wishes = conditions(settings, self.styles).to(photograph.device)
            yield photograph.expand(len(settings), -1, -1, -1), wishes
