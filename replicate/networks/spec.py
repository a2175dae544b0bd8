"""Which network is asked for, and which one drew.

This module knows no torch, so that presets and records can be read at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from ..errors import WeightsError
from ..strict import Strict
from .layers import is_chain
from .table import NetworkEntry, flat_name, network_entry, read_table

Pooling = Literal["max", "average"]


def _network_name(name: str) -> str:
    try:
        return network_entry(name).id
    except WeightsError as error:
        raise ValueError(str(error)) from error


NetworkName = Annotated[str, AfterValidator(_network_name)]
"""A name of the table; an alias is answered with the name that it stands for."""


class NetworkSpec(Strict):
    """Which network reads the pictures; in a preset, which one its weights are meant for.

    Where another network draws, losses are rescaled to what they would be at the scale of this
    one's input (:meth:`replicate.networks.networks.Networks.feature_scale`).

    Attributes:
        name: of the table of networks, such as ``vgg19-caffe``; an alias such as ``vgg19`` or the
            pair of old files, ``name = "vgg19"`` and ``weights = "caffe"``, is understood too.
        normalised: Gatys' rescaled network: the mean activation of each channel over a set of
            photographs is one (Gatys et al. 2016, section 2).
        means: the pooling under which those means were taken; the network's own unless given.
            Whoever rescales the weights as they came, and swaps the pooling afterwards, has
            means of one no longer.
        padding: ``reflect`` mirrors the maps at their border; as published, VGG sees zeros there.
    """

    name: NetworkName = "vgg19-caffe"
    pooling: Pooling = "max"
    normalised: bool = False
    means: Pooling | None = None
    padding: Literal["reflect"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_name(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or "weights" not in data:
            return data
        name, weights = data.get("name", "vgg19"), data["weights"]
        rest = {key: value for key, value in data.items() if key != "weights"}
        return {**rest, "name": flat_name(str(name), str(weights))}

    @model_validator(mode="before")
    @classmethod
    def _own_means_go_unsaid(cls, data: Any) -> Any:
        """Or those by which nothing is divided: equal networks have one spelling."""
        if not isinstance(data, Mapping) or "means" not in data:
            return data
        own = not data.get("normalised") or data["means"] == data.get("pooling", "max")
        return {**data, "means": None} if own else data

    @model_validator(mode="after")
    def _chains_alone_reflect(self) -> NetworkSpec:
        if self.padding and not is_chain(self.architecture):
            raise ValueError(f"{self.entry.title} has no padding '{self.padding}'; VGG has")
        return self

    @property
    def entry(self) -> NetworkEntry:
        return network_entry(self.name)

    @property
    def architecture(self) -> str:
        return self.entry.architecture

    @property
    def convention(self) -> str:
        """How pixels become its input: ``caffe`` or ``torchvision``."""
        return self.entry.convention

    @property
    def label(self) -> str:
        """``VGG-19 (caffe), average pooling, normalised``: for captions."""
        parts = [self.entry.title, f"{self.pooling} pooling"]
        if self.normalised:
            parts.append(f"normalised{f' under {self.means} pooling' if self.means else ''}")
        return ", ".join([*parts, "reflected borders"] if self.padding else parts)

    @property
    def family(self) -> str:
        """What all published trainings of an architecture share: ``vgg19``; else the name."""
        return self.architecture if self.entry.sources else self.name

    def changed(self, **changes: Any) -> NetworkSpec:
        """A validated copy."""
        return NetworkSpec.model_validate({**self.plain(), **changes})

    def plain(self) -> dict[str, Any]:
        """Name, pooling and normalisation, without what a subclass adds."""
        return self.model_dump(include=set(NetworkSpec.model_fields), exclude_none=True)

    def meant_for(self, name: str) -> NetworkSpec:
        """This network with the architecture of another one and its own scale of input.

        A preset is validated against it where the network ``name`` is to draw.
        """
        wanted = network_entry(name)
        kin = [each for each in read_table().values() if each.architecture == wanted.architecture]
        alike = [each for each in kin if each.sources and each.convention == self.convention]
        return self.changed(name=alike[0].id if alike else wanted.id)

    def description(self) -> dict[str, Any]:
        """As keys of the result store spell it: networks of old as they were spelt then."""
        return {**self.plain(), **self.entry.stored}


class NetworkInfo(NetworkSpec):
    """The network that drew a picture, which may be a stand-in for the one asked for.

    Attributes:
        sha256: of its weights.
        rounded: layers whose weights were kept in few bits, "conv4_1 to conv5_4"; empty if none.
    """

    sha256: str
    rounded: str = ""

    @model_serializer(mode="wrap")
    def _without_empty(self, serialised: SerializerFunctionWrapHandler) -> dict[str, Any]:
        data: dict[str, Any] = serialised(self)
        return data if self.rounded else {key: data[key] for key in data if key != "rounded"}

    @property
    def drawn(self) -> str:
        """``vgg19-caffe (conv4_1 to conv5_4 in 8 bits)``: for a figure's title line."""
        return f"{self.name} ({self.rounded} in 8 bits)" if self.rounded else self.name

    @property
    def spec(self) -> NetworkSpec:
        return NetworkSpec.model_validate(self.plain())

    def description(self) -> dict[str, Any]:
        return {**super().description(), "sha256": self.sha256}
