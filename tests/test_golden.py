"""Golden numbers: Gram matrices as the notebook of 2019 prints them.

They need torchvision's VGG-19 in ``REPLICATE_WEIGHTS``, the notebook's two pictures, and the file
of its numbers; elsewhere these tests are skipped.  The notebook resizes as torchvision did then
(Pillow, bilinear), reads rectified features although it names convolutions, and does not divide
its Gram matrices.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from replicate.engine.engine import Engine
from replicate.images import Picture
from replicate.images.papers import paper_image_entry
from replicate.measure.analysis import Representation, largest_entries, representations
from replicate.networks.spec import NetworkSpec
from replicate.networks.weights import find_weights

SHARED = Path(__file__).resolve().parents[2] / "shared"
GOLDEN = SHARED / "reference" / "golden.json"
CHOSEN_IMAGES = os.environ.get("REPLICATE_IMAGES")
IMAGES = Path(CHOSEN_IMAGES).expanduser() if CHOSEN_IMAGES else SHARED / "images"

SPEC = NetworkSpec(name="vgg19-torchvision", pooling="max")
SIZE = (512, 682)  # width and height of both pictures
STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv4_2", "conv5_1")
CORNER = [0, 1, 2, -3, -2, -1]  # the channels that print(tensor) shows


def notebook_picture(key: str, folder: Path) -> Picture:
    """The picture as the notebook reads it: RGB, both sides at once, bilinear."""
    files = [folder / file for file in paper_image_entry(key).files]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        pytest.skip(f"needs the picture {key}: put it as {files[0].name} into REPLICATE_IMAGES")
    with Image.open(found) as image:
        small = image.convert("RGB").resize(SIZE, Image.Resampling.BILINEAR)
    return Picture(np.asarray(small), key)


def printed_corner(seen: Representation) -> np.ndarray:
    """The Gram matrix as the notebook prints it: undivided, three channels from either end."""
    _, height, width = seen.maps.shape
    return seen.gram[np.ix_(CORNER, CORNER)] * (height * width)


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    if not GOLDEN.is_file():
        pytest.skip("needs the notebook's numbers, shared/reference/golden.json")
    return json.loads(GOLDEN.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def engine(weights_folder: Path) -> Engine:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPLICATE_WEIGHTS", str(weights_folder))
        if find_weights(SPEC.name) is None:
            pytest.skip(f"needs the weights {SPEC.name} in REPLICATE_WEIGHTS")
        engine = Engine(device="cpu", precision="exact")
        engine.networks.network(SPEC)
        return engine


@pytest.fixture(scope="module")
def style(engine: Engine, golden: dict[str, Any]) -> dict[str, Representation]:
    layers = [layer.replace("conv", "relu") for layer in STYLE_LAYERS]
    found = representations(engine, notebook_picture("mah_tip", IMAGES), layers, SPEC)
    return {layer: found[layer.replace("conv", "relu")] for layer in STYLE_LAYERS}


@pytest.mark.real_weights
@pytest.mark.parametrize("layer", STYLE_LAYERS)
def test_gram_matrices(layer, style, golden):
    printed = np.array(golden["grams_first3_last3"][layer])
    ours = printed_corner(style[layer])
    assert (ours >= 0).all()
    large = printed > 1e3
    assert np.abs(ours / printed - 1)[large].max() < 5e-3


@pytest.mark.real_weights
def test_the_twenty_largest_entries(style, golden):
    """In the notebook's order, but for which of (i, j) and (j, i) comes first."""
    printed = [tuple(sorted(pair)) for pair in golden["conv1_1_top20"]]
    found = largest_entries(style["conv1_1"].gram, 20)
    assert [tuple(sorted((entry.first, entry.second))) for entry in found] == printed


@pytest.mark.real_weights
def test_shape_of_the_content_representation(engine, golden):
    picture = notebook_picture("god_statue", IMAGES)
    seen = representations(engine, picture, ["relu4_2"], SPEC)["relu4_2"]
    assert [1, *seen.maps.shape] == golden["conv4_2_content_shape"]
