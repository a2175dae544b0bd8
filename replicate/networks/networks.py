"""The networks of an engine: found once, held, and answered for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, partial

import torch

from .layers import is_chain
from .means import channel_means
from .network import Network
from .random import random_weights
from .spec import NetworkInfo, NetworkSpec
from .stored import Weights, expected_shapes
from .table import network_entry
from .vgg import VGG
from .weights import find_weights, load_weights


class Networks:
    """Finds networks and holds them in memory, on one device and in one precision.

    Args:
        chosen: ``auto`` takes the network that is asked for if its weights are on this machine,
            else a stand-in; a name or an alias of the table overrides all but random networks,
            which are about doing without training.
        notify: called once with a sentence when another network stands in.

    Raises:
        WeightsError: there is no network of that name; or, when it is first needed, its weights
            are not there.
    """

    def __init__(
        self,
        device: torch.device,
        dtype: torch.dtype,
        chosen: str = "auto",
        notify: Callable[[str], None] = lambda sentence: None,
    ):
        self.device = device
        self.dtype = dtype
        self.chosen = chosen if chosen == "auto" else network_entry(chosen).id
        self._notify = notify
        self._said: set[str] = set()
        self._resolved: dict[NetworkSpec, NetworkSpec] = {}
        self._weights: dict[str, Weights] = {}
        self._networks: dict[tuple[NetworkSpec, float], Network] = {}

    def resolve(self, spec: NetworkSpec) -> NetworkSpec:
        """The network that draws where ``spec`` is asked for."""
        if spec not in self._resolved:
            self._resolved[spec] = self._resolve(spec)
        return self._resolved[spec]

    def _resolve(self, spec: NetworkSpec) -> NetworkSpec:
        if spec.entry.random:
            return spec
        if self.chosen != "auto":
            return spec.changed(name=self.chosen)
        if spec.entry.bundled or find_weights(spec.name):
            return spec
        stand_in = _stand_in(spec.architecture)
        drawing = spec.changed(name=stand_in)
        self._load(drawing)  # or an error, before anything is said
        if spec.name not in self._said:
            self._said.add(spec.name)
            rescaled = feature_scale(spec, drawing) != 1
            self._notify(
                f"{spec.name} is not on this machine, so {stand_in} draws in its place"
                f"{', with losses rescaled to its units' if rescaled else ''}; "
                f"'replicate weights fetch {spec.name}' brings the real one."
            )
        return drawing

    def check(self, spec: NetworkSpec, layers: Iterable[str]) -> None:
        """See that the network which draws where ``spec`` is asked for has these layers.

        Known before any weights are read: what stands in has the same layers at least.

        Raises:
            LayerError: it lacks one.
        """
        name = spec.name if self.chosen == "auto" or spec.entry.random else self.chosen
        for layer in layers:
            outline(name).canonical(layer)

    def feature_scale(self, spec: NetworkSpec) -> float:
        """What the drawing network's features are multiplied by where ``spec`` is asked for.

        Not 1 where a network stands in that takes its input on another scale.  Its features are
        k times as large; so content losses would be k^2 and losses of Gram matrices k^4 times as
        large, and a preset's weights would mean something else.
        """
        return feature_scale(spec, self.resolve(spec))

    def network(self, spec: NetworkSpec) -> Network:
        """The network for ``spec`` (resolved, loaded once), with features on its scale."""
        drawing, scale = self.resolve(spec), self.feature_scale(spec)
        if (drawing, scale) not in self._networks:
            self._networks[drawing, scale] = (
                self._built(drawing) if scale == 1 else self.network(drawing).rescaled(scale)
            )
        return self._networks[drawing, scale]

    def info(self, spec: NetworkSpec) -> NetworkInfo:
        """Which network draws where ``spec`` is asked for, with its checksum."""
        drawing = self.resolve(spec)
        weights = self._load(drawing)
        return NetworkInfo(**drawing.plain(), sha256=weights.sha256, rounded=weights.rounded)

    def _built(self, spec: NetworkSpec) -> Network:
        weights = self._load(spec)
        network = build(spec, weights, self.device, self.dtype)
        if spec.normalised:
            plain = spec.changed(normalised=False, pooling=spec.means or spec.pooling)
            measured = network if plain.pooling == spec.pooling else self.network(plain)
            network.normalise(channel_means(measured, spec.name, weights))
        return network

    def _load(self, spec: NetworkSpec) -> Weights:
        # Random filters are scaled so that activations keep their size, which pooling decides.
        key = f"{spec.name}/{spec.pooling}" if spec.entry.random else spec.name
        if key not in self._weights:
            self._weights[key] = (
                random_weights(spec.name, spec.pooling)
                if spec.entry.random
                else load_weights(spec.name)
            )
        return self._weights[key]


def build(spec: NetworkSpec, weights: Weights, device: torch.device, dtype: torch.dtype) -> Network:
    """The network made of the weights, by the adapter for its architecture; not normalised."""
    adapter: Callable[..., Network] = partial(VGG, padding=spec.padding or "zeros")
    if not is_chain(spec.architecture):
        from .classifier import Classifier as adapter  # torchvision takes a second to import
    return adapter(
        weights.tensors, spec.architecture, spec.entry.preprocessing, spec.pooling, device, dtype
    )


@cache
def outline(name: str) -> Network:
    """A network of the table without weights, which knows its layers and how far they see."""
    spec, device = NetworkSpec(name=name), torch.device("meta")
    shapes = expected_shapes(spec.architecture)
    tensors = {key: torch.empty(shape, device=device) for key, shape in shapes.items()}
    return build(spec, Weights(tensors, ""), device, torch.float32)


def _stand_in(architecture: str) -> str:
    """What draws where a network's weights are not here: it has the same layers at least."""
    if not is_chain(architecture):
        return f"{architecture}-random"
    return "vgg19-compact" if find_weights("vgg19-compact") else "vgg19-random"


def feature_scale(meant: NetworkSpec, drawing: NetworkSpec) -> float:
    """Features of ``drawing`` times this are as large as those of ``meant``.

    The features of one network grow with its input, so 1/57.6 where caffe's convention stands in
    for torchvision's.  That this holds between networks that were trained apart is an estimate.
    Features of normalised networks have a mean of 1 whatever their input.
    """
    if meant.convention == drawing.convention or drawing.normalised:
        return 1.0
    return meant.entry.preprocessing.gain / drawing.entry.preprocessing.gain
