"""Any convolutional classifier of torchvision, read where its modules end.

A layer is called as torchvision calls the module or operation whose output it is: ``layer2`` is the
last of a stage, ``layer2.3`` of one of its blocks, ``layer2.3.conv2`` one of its convolutions,
``features.3`` a step of AlexNet or ConvNeXt.  What there is, with its channels, field and stride,
is found by tracing the network once, without weights and without arithmetic.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from ..errors import LayerError, WeightsError
from .features import Readout
from .network import Network
from .table import Preprocessing

try:
    from torchvision import models
    from torchvision.models.feature_extraction import NodePathTracer
except (ImportError, RuntimeError) as error:  # the latter beside a torch of another release
    raise WeightsError(
        "Networks other than VGG are torchvision's, which is not installed or does not go with "
        "this torch; bring both with: pip install -U torch torchvision."
    ) from error

SIDES = (96, 224)
"""Of two inputs by whose maps a layer's stride is told."""


@dataclass(frozen=True)
class Place:
    """What is known of a layer before any weights.

    Attributes:
        operation: the name of the operation whose output it is: a block's is its last one's.
    """

    operation: str
    channels: int
    stride: int
    field: int | None


class Classifier(Network):
    """A frozen classifier in eval mode.

    It computes in float32 where bfloat16 is asked for: the picture enters once, and would lose its
    last bits.

    Args:
        tensors: the state that torchvision's model has.
        architecture: a name of :func:`torchvision.models.list_models`.
        pooling: ``max`` as published, or ``average`` in the place of every max pooling.
    """

    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        architecture: str,
        preprocessing: Preprocessing,
        pooling: str = "max",
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ):
        model = blank_model(architecture)
        self._places = survey(architecture)
        self._names = {place.operation: layer for layer, place in self._places.items()}
        readouts = {layer: Readout(place.channels) for layer, place in self._places.items()}
        wide = torch.float64 if dtype == torch.float64 else torch.float32
        super().__init__(readouts, preprocessing, pooling, device, wide)
        self.architecture = architecture
        counters = {
            name: torch.zeros((), dtype=torch.long)  # of batches, which nothing here counts
            for name in model.state_dict()
            if name.endswith("num_batches_tracked")
        }
        model.load_state_dict({**tensors, **counters}, assign=True)
        if pooling == "average":
            _average_pooling(model)
        model.to(device=device, dtype=wide).to(memory_format=torch.channels_last)
        self._model = model.requires_grad_(False).eval()
        self._extractors: dict[tuple[str, ...], nn.Module] = {}

    def canonical(self, layer: str) -> str:
        name = layer.strip()
        if name in self._places:
            return name
        near = difflib.get_close_matches(name, self._places, n=1, cutoff=0.4)
        stages = [each for each in self.layers if each.count(".") <= 1]
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(stages)}."
        raise LayerError(f"{self.architecture} has no layer '{layer}'; {hint}")

    def field(self, layer: str) -> int | None:
        return self._places[self.canonical(layer)].field

    def stride(self, layer: str) -> int:
        return self._places[self.canonical(layer)].stride

    @property
    def measured_layers(self) -> tuple[str, ...]:
        """One for every operation."""
        return tuple(self._names.values())

    def _normaliser(self, layer: str) -> str:
        return self._names[self._places[layer].operation]

    def _maps(self, x: Tensor, layers: list[str]) -> dict[str, Tensor]:
        operations = tuple(dict.fromkeys(self._places[layer].operation for layer in layers))
        if operations not in self._extractors:
            self._extractors[operations] = _extractor(self._model, operations)
        found = self._extractors[operations](x)
        return {layer: found[self._places[layer].operation] for layer in layers}


def blank_model(architecture: str) -> nn.Module:
    """torchvision's model without any values.

    Raises:
        ValueError: torchvision knows no such model.
    """
    model: nn.Module
    try:
        with torch.device("meta"):
            model = models.get_model(architecture, weights=None)
    except NotImplementedError:  # some work out their widths with tensors
        model = models.get_model(architecture, weights=None).to("meta")
    for module in model.modules():
        if hasattr(module, "inplace"):  # would overwrite a map that somebody asked for
            module.inplace = False  # type: ignore[assignment]
    return model.eval()


def state_shapes(architecture: str) -> dict[str, tuple[int, ...]]:
    """Every tensor of floating type that the model is made of."""
    state = blank_model(architecture).state_dict()
    return {key: tuple(each.shape) for key, each in state.items() if each.is_floating_point()}


def initialised(architecture: str, seed: int) -> nn.Module:
    """torchvision's model with its own random values."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: nn.Module = models.get_model(architecture, weights=None)
    return model.eval()


@torch.no_grad()
def settled(model: nn.Module, noise: Tensor) -> dict[str, Tensor]:
    """The model's state when batch norms have taken their statistics from an input."""
    still = copy.deepcopy(model)
    for module in still.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.train()
            module.momentum = 1.0
    still(noise)
    return {key: each for key, each in still.state_dict().items() if each.is_floating_point()}


@cache
def survey(architecture: str) -> dict[str, Place]:
    """Every layer with maps of two dimensions, from shallow to deep."""
    tracer = NodePathTracer()
    graph = tracer.trace(blank_model(architecture))
    traced = fx.GraphModule(tracer.root, graph)
    small, large = (_shapes(traced, side) for side in SIDES)
    seen: dict[fx.Node, _Seen] = {}
    found: dict[str, Place] = {}
    for node in traced.graph.nodes:
        inputs = [seen[each] for each in node.all_input_nodes]
        stride = _stride(small[node], large[node]) if node in small else 0
        grows = node not in small or small[node] != large[node]
        seen[node] = _sees(node, traced, inputs, stride, grows)
        if node not in tracer.node_to_qualname or node.op == "placeholder":
            continue
        operation = name = tracer.node_to_qualname[node]
        while name:
            found.pop(name, None)
            if stride:
                found[name] = Place(operation, small[node][1], stride, seen[node].field)
            name = name.rpartition(".")[0]
    return found


def _shapes(traced: fx.GraphModule, side: int) -> dict[fx.Node, torch.Size]:
    """Shapes of what all operations make of a square picture, as far as they make one tensor."""
    ShapeProp(traced).propagate(torch.empty(1, 3, side, side, device="meta"))
    return {
        node: node.meta["tensor_meta"].shape
        for node in traced.graph.nodes
        if hasattr(node.meta.get("tensor_meta"), "shape")
    }


def _stride(small: torch.Size, large: torch.Size) -> int:
    """By how many pixels a map's units are apart; 0 for what is no map (B, N, H, W)."""
    if len(small) != 4 or small[2] != small[3]:
        return 0
    growth = large[2] - small[2]
    return round((SIDES[1] - SIDES[0]) / growth) if growth > 0 else 0


@dataclass(frozen=True)
class _Seen:
    """How much of the picture a value depends on, and how far apart neighbouring values look."""

    field: int | None
    stride: int


def _sees(
    node: fx.Node, traced: fx.GraphModule, inputs: list[_Seen], stride: int, grows: bool
) -> _Seen:
    """What an operation's output sees.

    Args:
        stride: of its output; 0 if the output is no map, as where channels come last.
        grows: whether the output of a larger picture is larger.
    """
    if not inputs:
        return _Seen(1, 1) if node.op == "placeholder" else _Seen(0, 0)
    before = max(each.stride for each in inputs)
    fields = [each.field for each in inputs]
    stride = stride or before
    if None in fields or not grows:
        return _Seen(None, stride)
    field = max(field for field in fields if field is not None)
    module = traced.get_submodule(str(node.target)) if node.op == "call_module" else None
    if isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
        kernel, dilation = _first(module.kernel_size), _first(getattr(module, "dilation", 1))
        return _Seen(field + (kernel - 1) * dilation * before, stride)
    return _Seen(field if stride == before else None, stride)


def _first(value: int | tuple[int, ...]) -> int:
    return value if isinstance(value, int) else value[0]


def _average_pooling(model: nn.Module) -> None:
    """Put average poolings in the place of max poolings."""
    for parent in list(model.modules()):
        for name, pool in list(parent.named_children()):
            if isinstance(pool, nn.MaxPool2d):
                how: Any = (pool.kernel_size, pool.stride, pool.padding, pool.ceil_mode, False)
                setattr(parent, name, nn.AvgPool2d(*how))


def _extractor(model: nn.Module, operations: tuple[str, ...]) -> nn.Module:
    """The model up to the deepest of the operations; answers with their outputs by name.

    As torchvision's own ``create_feature_extractor``, which does not look into some blocks.
    """
    tracer = NodePathTracer()
    graph = tracer.trace(model)
    nodes = {tracer.node_to_qualname.get(node): node for node in graph.nodes}
    for node in list(graph.nodes):
        if node.op == "output":
            graph.erase_node(node)
        elif node.kwargs.get("inplace"):
            node.update_kwarg("inplace", False)
    graph.output({name: nodes[name] for name in operations})
    extractor = fx.GraphModule(tracer.root, graph)
    extractor.graph.eliminate_dead_code()
    extractor.recompile()
    return extractor
