"""What fixes an objective and an optimizer: everything of a style transfer but the pictures.

This module knows no torch, so that presets can be listed and checked at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field, model_validator

from ..errors import LayerError
from ..networks.layers import canonical_layer, layer_names
from ..networks.spec import NetworkSpec
from ..strict import Strict

ContentLoss = Literal["mean", "gatys", "coursera"]
StyleLoss = Literal["mean", "gatys", "chw-mean", "raw-udacity"]
StyleStatistic = Literal["gram", "chain", "mean", "mean_std"]
Init = Literal["noise", "content", "style", "picture"]
OptimizerName = Literal["lbfgs", "adam"]


def _layer_weights(value: Any) -> Any:
    """A bare list of layers means equal weights that sum to one: w_l = 1/number of layers."""
    if isinstance(value, str):
        value = [value]
    if isinstance(value, Sequence):
        names = [str(name) for name in value]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"names {twice} twice")
        return {name: 1.0 / len(names) for name in names}
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


LayerWeights = Annotated[dict[str, float], BeforeValidator(_layer_weights)]


class Preset(Strict):
    """All that fixes an objective and an optimizer but the pictures.

    The objective is ``alpha * content + beta * style + gamma * total variation`` with
    alpha ``content_weight``, beta ``style_weight`` and gamma ``tv_weight``; ``ratio`` is
    alpha/beta as papers print it, and may be given instead of ``style_weight``.
    The normalisations of the two losses are named (see :mod:`replicate.method`).

    ``ratio_pixels`` is the size of picture, in pixels, for which alpha/beta was chosen.  A smaller
    picture cannot match the style as closely: the Gram matrix of content seen at M positions
    differs from the style's by chance alone, and that part of the style loss goes as 1/M.  So on
    a canvas of W H pixels alpha is multiplied by ``ratio_pixels / (W H)``: this brings the balance
    nearer to that of the full size, it does not restore it.  None leaves alpha alone.

    Two fields say how a start from noise spends its evaluations; a start from a picture spends
    them all at full size.  ``content_first`` is the share for the content loss alone, at half the
    size, before style comes in.  The minimum is flat and far from noise: a style that comes
    first builds a layout of its own, which the content loss then needs thousands of evaluations
    to undo.  ``scales`` above 1 lets a reconstruction of content alone go from coarse to fine: at
    half, a quarter, ... of the size first, with equal shares, each outcome enlarged to start the
    next.  Style is never matched on a smaller canvas: enlarged coarse structures would stay, and
    with fewer positions than channels a Gram matrix fixes the style's own layout.

    ``style_statistic`` is what the style loss compares (see :data:`replicate.method.STATISTICS`):
    Gram matrices, or those between each layer and the one before it in ``style_layers`` (then
    the first layer's weight has no effect), or means alone, or means and standard deviations.
    ``activation_shift`` is added to all features before they enter a Gram matrix.

    ``clamp`` keeps pixels in [0, 1] while they are optimized, so that the loss is that of the
    picture people see: clipping afterwards multiplies shallow style losses by ten.  Presets of
    programs that are known to leave pixels free switch it off.

    ``learning_rate`` belongs to Adam and is in units of the pixel range: 0.01 moves a pixel by
    about 2.55 grey levels of 255 a step.  Files and records of before call ``optimizer``
    ``minimiser``, which is still read.
    """

    other_keys = ("ratio",)

    name: str = "custom"
    label: str = "Custom"
    source: str = ""
    note: str = ""
    status: Literal["verified", "unverified"] = "verified"

    network: NetworkSpec = NetworkSpec()
    content_layers: LayerWeights = Field(default_factory=dict)
    style_layers: LayerWeights = Field(default_factory=dict)
    content_weight: float = Field(default=1.0, ge=0)
    style_weight: float = Field(default=1.0, ge=0)
    ratio_pixels: int | None = Field(default=None, ge=1, le=10**9)
    tv_weight: float = Field(default=0.0, ge=0)
    content_loss: ContentLoss = "mean"
    style_loss: StyleLoss = "mean"
    style_statistic: StyleStatistic = "gram"
    activation_shift: float = 0.0

    optimizer: OptimizerName = Field(
        default="lbfgs", validation_alias=AliasChoices("optimizer", "minimiser")
    )
    learning_rate: float = Field(default=0.01, gt=0)
    clamp: bool = True
    init: Init = "noise"
    scales: int = Field(default=1, ge=1, le=6)
    content_first: float = Field(default=0.0, ge=0, lt=1)
    evaluations: int = Field(default=500, ge=1, le=100_000)
    size: int = Field(default=512, ge=16, le=8192)

    @model_validator(mode="before")
    @classmethod
    def _ratio(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or "ratio" not in data:
            return data
        rest = {key: value for key, value in data.items() if key != "ratio"}
        if "style_weight" in rest:
            raise ValueError("give either ratio or style_weight, not both")
        ratio, content_weight = data["ratio"], rest.get("content_weight", 1.0)
        if not _is_number(ratio) or not 0 < ratio < float("inf"):
            raise ValueError(f"ratio must be a positive number, not {ratio!r}")
        if not _is_number(content_weight):
            raise ValueError(f"content_weight must be a number, not {content_weight!r}")
        return {**rest, "style_weight": content_weight / ratio}

    @model_validator(mode="after")
    def _layers(self) -> Preset:
        for kind in ("content_layers", "style_layers"):
            given = getattr(self, kind)
            named: dict[str, float] = {}
            for name, weight in given.items():
                if weight < 0:
                    raise ValueError(f"the weight of {name} is negative")
                try:
                    layer = canonical_layer(name, self.network.architecture)
                except LayerError as error:
                    raise LayerError(f"{kind}: {error}") from error
                if layer in named:
                    raise ValueError(f"{kind} names {layer} twice")
                named[layer] = float(weight)
            # Of other architectures than VGG only the network itself knows the order.
            order = layer_names(self.network.architecture) or list(named)
            object.__setattr__(self, kind, {name: named[name] for name in order if name in named})
        if not self.content_layers and not self.style_layers:
            raise ValueError("a preset needs content layers or style layers")
        return self

    @model_validator(mode="after")
    def _statistic(self) -> Preset:
        if self.style_statistic == "chain" and len(self.style_layers) == 1:
            raise ValueError("style_statistic chain joins neighbours: give two style layers")
        if self.style_statistic in ("mean", "mean_std"):
            if self.activation_shift:
                raise ValueError("activation_shift changes Gram matrices only, not means")
            if self.style_loss != "mean":
                raise ValueError(f"style_loss {self.style_loss} is for Gram matrices, not means")
        return self

    def layers(self, kind: str) -> dict[str, float]:
        """The weights of the ``content`` layers or of the ``style`` layers."""
        return {"content": self.content_layers, "style": self.style_layers}[kind]

    def __repr__(self) -> str:
        kinds = [(kind, self.layers(kind)) for kind in ("content", "style")]
        layers = "; ".join(f"{kind} {', '.join(used)}" for kind, used in kinds if used)
        return f"Preset({self.name}: {layers}; ratio {self.ratio:.3g}, {self.network.name})"

    @property
    def ratio(self) -> float:
        """alpha / beta."""
        return self.content_weight / self.style_weight if self.style_weight else float("inf")

    def with_(self, **changes: Any) -> Preset:
        """A validated copy; understands ``ratio``, and ``network`` as a mapping of changes."""
        data = self.model_dump()
        if "ratio" in changes:
            del data["style_weight"]
        network = changes.pop("network", {})
        if not isinstance(network, NetworkSpec):
            network = self.network.changed(**network)
        return Preset.model_validate({**data, **changes, "network": network.plain()})

    def objective(self) -> dict[str, Any]:
        """What decides the picture, without names and remarks: the part that a store keys by."""
        data = self.model_dump(exclude={"name", "label", "source", "note", "status"})
        data["network"] = self.network.description()
        for unused in ("evaluations", "size", "init"):
            del data[unused]
        data["minimiser"] = data.pop("optimizer")  # as keys of old results call it
        if self.optimizer == "lbfgs":
            del data["learning_rate"]
        # Left out while they are what they were before they existed: keys of old results stay.
        for added in ("style_statistic", "activation_shift", "content_first"):
            if data[added] == type(self).model_fields[added].default:
                del data[added]
        return data
