"""Presets: what they accept, and the shipped ones against tables typed from the papers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from replicate.config import load_paper, load_preset, paper_names
from replicate.engine.preset import Preset
from replicate.errors import LayerError
from replicate.networks.spec import NetworkSpec

ROOT = Path(__file__).resolve().parents[2]


def preset(**changes: Any) -> Preset:
    given = {"content_layers": ["relu4_2"], "style_layers": ["relu1_1", "relu2_1"], **changes}
    return Preset.model_validate(given)


# Layers


def test_bare_layers_share_a_weight_of_one():
    made = preset(style_layers=["relu1_1", "relu2_1", "relu3_1", "relu4_1"])
    assert made.style_layers == {"relu1_1": 0.25, "relu2_1": 0.25, "relu3_1": 0.25, "relu4_1": 0.25}
    assert preset(content_layers="relu2_2").content_layers == {"relu2_2": 1.0}


@pytest.mark.parametrize(
    ("network", "given", "canonical"),
    [
        ("vgg19", "conv_4", "conv2_2"),
        ("vgg19", "features.21", "conv4_2"),
        ("vgg16", "22", "relu4_3"),
        ("vgg19-compact", "22", "relu4_2"),
        ("vgg19-random", "conv_16", "conv5_4"),
    ],
)
def test_layers_are_given_their_canonical_name(network, given, canonical):
    made = preset(network={"name": network}, content_layers={given: 2})
    assert made.content_layers == {canonical: 2.0}


def test_layers_run_from_shallow_to_deep_however_they_are_given():
    made = preset(style_layers={"relu5_1": 1, "conv1_1": 2, "relu1_1": 3, "pool1": 4})
    assert list(made.style_layers.items()) == [
        ("conv1_1", 2), ("relu1_1", 3), ("pool1", 4), ("relu5_1", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "network", "message"),
    [
        (["relu9_9"], "vgg19", "style_layers: vgg19 has no layer 'relu9_9'; did you mean 'relu"),
        (["relu3_4"], "vgg16", "in vgg19 only, not in vgg16"),
        ({"": 1.0}, "vgg19", "no layer ''"),
    ],
)
def test_unknown_layers(given, network, message):
    with pytest.raises(LayerError) as caught:
        preset(style_layers=given, network={"name": network})
    assert message in str(caught.value)


# What is refused

NAN, INF = float("nan"), float("inf")
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"ratio": 1e-3, "style_weight": 2.0}, "not both"),
    *(({"ratio": ratio}, "ratio must be a positive number") for ratio in (-1, 0, NAN, INF, True)),
    ({"ratio": "1:1000"}, "ratio must be a positive number, not '1:1000'"),
    ({"ratio": 1e-320}, "finite"),
    ({"ratio": 1, "content_weight": "a"}, "must be a number"),
    ({"content_weight": -1}, "greater than or equal to 0"),
    ({"style_weight": INF}, "finite number"),
    ({"style_layers": {"relu1_1": NAN}}, "finite number"),
    ({"style_layers": {"relu1_1": -0.5}}, "weight of relu1_1 is negative"),
    ({"style_layers": {"relu1_1": "much"}}, "valid number"),
    ({"style_layers": ["relu1_1", "relu1_1"]}, "relu1_1 twice"),
    ({"style_layers": ["relu1_1", "r11"]}, "style_layers names relu1_1 twice"),
    ({"content_layers": {"21": 1, "conv4_2": 1}}, "conv4_2 twice"),
    ({"content_layers": [], "style_layers": {}}, "content layers or style"),
    ({"style_layers": 3}, "valid dictionary"),
    ({"stile_weight": 1}, "Extra inputs"),
    ({"network": {"weight": "caffe"}}, "Extra inputs"),
    ({"network": {"name": "vgg91"}}, "no network 'vgg91'; did you mean 'vgg19'"),
    ({"network": {"weights": "keras"}}, "no network 'vgg19-keras'"),
    ({"network": {"pooling": "avg"}}, "'max' or 'average'"),
    ({"content_loss": "mse"}, "'mean', 'gatys'"),
    ({"style_loss": "johnson"}, "'chw-mean'"),
    ({"style_statistic": "variance"}, "'gram', 'chain'"),
    ({"style_layers": ["relu1_1"], "style_statistic": "chain"}, "give two style layers"),
    ({"style_statistic": "mean_std", "activation_shift": -1}, "changes Gram matrices only"),
    ({"style_statistic": "mean", "style_loss": "chw-mean"}, "chw-mean is for Gram matrices"),
    ({"optimizer": "l-bfgs"}, "'lbfgs' or 'adam'"),
    ({"init": "random"}, "'noise', 'content'"),
    ({"evaluations": 0}, "greater than or equal to 1"),
    ({"evaluations": 1.5}, "valid integer"),
    ({"size": 0}, "greater than or equal to 16"),
    ({"size": 100_000}, "less than or equal to 8192"),
    ({"learning_rate": 0}, "greater than 0"),
    ({"tv_weight": -1e-6}, "greater than or equal to 0"),
    ({"scales": 0}, "greater than or equal to 1"),
    ({"scales": 7}, "less than or equal to 6"),
    ({"ratio_pixels": 0}, "greater than or equal to 1"),
    ({"status": "maybe"}, "'verified' or 'unverified'"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=lambda value: str(value)[:40])
def test_refused(changes, message):
    with pytest.raises(ValidationError) as caught:
        preset(**changes)
    assert message in str(caught.value)


# Ratio


def test_ratio_is_content_over_style():
    made = preset(ratio=1e-3)
    assert (made.content_weight, made.style_weight) == (1.0, pytest.approx(1000.0))
    assert made.ratio == pytest.approx(1e-3)
    assert preset(ratio=1e-3, content_weight=5).style_weight == pytest.approx(5000.0)
    assert preset(content_weight=1e6, style_weight=1e9).ratio == pytest.approx(1e-3)
    assert preset(style_weight=0).ratio == float("inf")


def test_with_changes_only_what_it_says():
    made = preset(ratio=1e-3, tv_weight=1e-6, network={"name": "vgg16", "pooling": "average"})
    other = made.with_(ratio=1e-1)
    assert other.ratio == pytest.approx(1e-1) and made.ratio == pytest.approx(1e-3)
    assert other.model_dump(exclude={"style_weight"}) == made.model_dump(exclude={"style_weight"})
    moved = made.with_(network={"name": "vgg19"})
    assert moved.network == NetworkSpec(name="vgg19", pooling="average")
    assert made.with_(network=NetworkSpec(name="vgg16")).network == NetworkSpec(name="vgg16")
    assert made.with_() == made
    assert made.with_(content_weight=3.0).style_weight == made.style_weight


def test_with_checks_what_it_makes():
    with pytest.raises(ValidationError, match="not both"):
        preset().with_(ratio=1, style_weight=1)
    with pytest.raises(ValidationError, match="Extra inputs"):
        preset().with_(sizes=3)
    with pytest.raises(LayerError, match="not in vgg16"):
        preset(content_layers=["relu3_4"]).with_(network={"name": "vgg16"})


def test_statistics_count_only_where_they_are_not_the_gram_matrix():
    """Results that were stored before there were other statistics keep their keys."""
    plain = preset().objective()
    assert "style_statistic" not in plain and "activation_shift" not in plain
    assert preset(style_statistic="chain").objective() == {**plain, "style_statistic": "chain"}
    assert preset(activation_shift=-1).objective() == {**plain, "activation_shift": -1.0}


def test_a_chain_may_lack_style_layers():
    """As in a reconstruction of the content alone."""
    assert preset(style_statistic="chain").with_(style_layers=[]).style_layers == {}


# The shipped presets and figures, typed from their sources: 2015, 2016, Johnson, Nikulin, He,
# fast.ai's notebook, the tutorial, Udacity, Diaz, neural-style, Wang; Crowson from the code

STAGES = ("relu", "layer1.2", "layer2.3", "layer3.5", "layer4.2")
FIVE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
DEEP = {"relu4_2": 1.0}
EQUAL = dict.fromkeys(FIVE, 0.2)
JOHNSON = dict.fromkeys(("relu1_2", "relu2_2", "relu3_3", "relu4_3"), 1.0)
GATYS = {"network": ("vgg19-caffe", "average", True, "max"), "ratio_pixels": 512 * 512}
MAX, TORCHVISION = ("vgg19-caffe", "max", False), ("vgg19-torchvision", "max", False)
ADAM = {"optimizer": "adam", "init": "content"}
UDACITY = {"style_loss": "raw-udacity", "evaluations": 2000, **ADAM}
WANG = {
    "network": ("resnet50", "max", False),
    "style_loss": "chw-mean",
    "init": "content",
    "evaluations": 1000,
}
UDACITYS_RATE = pytest.approx(0.003 * (0.229 + 0.224 + 0.225) / 3, rel=0.01)

# name: content, style, ratio or (alpha, [beta w_l]), and what is not as in a preset's defaults
PAPERS: dict[str, tuple[dict[str, float], dict[str, float], Any, dict[str, Any]]] = {
    "gatys2015": (DEEP, EQUAL, 1e-3, GATYS),
    "gatys2016": (DEEP, EQUAL, 1e-3, GATYS),
    "gatys2016-code": (
        DEEP,
        dict(zip(FIVE, [1 / 4096, 1 / 16384, 1 / 65536, 1 / 262144, 1 / 262144])),
        # 1e3 / N^2 with N = 64, 128, 256, 512, 512, times the mean square
        (1.0, [1e3 / 4096, 1e3 / 16384, 1e3 / 65536, 1e3 / 262144, 1e3 / 262144]),
        {"network": MAX, "init": "content", "clamp": False},
    ),
    "gatys2016-renormalised": (
        DEEP,
        EQUAL,
        1e-3,
        {**GATYS, "network": ("vgg19-caffe", "average", True)},
    ),
    "gatys2016-code-normalised": (
        DEEP,
        EQUAL,
        (1e6, [1e9 / 5] * 5),
        {"network": ("vgg19-caffe", "max", True), "init": "content", "clamp": False},
    ),
    "johnson2016": (
        {"relu2_2": 1.0},
        JOHNSON,
        (1.0, [5.0] * 4),
        {
            "network": ("vgg16-caffe", "max", False),
            "style_loss": "chw-mean",
            "tv_weight": 1e-6,
            "size": 256,
            "status": "unverified",
        },
    ),
    "johnson2016-code": (
        {"relu3_3": 1.0},
        JOHNSON,
        (1.0, [5.0] * 4),
        {
            "network": ("vgg16-caffe", "max", False),
            "style_loss": "chw-mean",
            "tv_weight": 1e-6,
            "clamp": False,
        },
    ),
    "nikulin2016": (
        dict.fromkeys(("relu1_1", "relu2_1", "relu4_1", "relu4_2"), 0.25),
        {"relu3_1": 0.5, "relu5_1": 0.5},
        1e-3,
        {**GATYS, "status": "unverified"},
    ),
    "random2016": (
        DEEP,
        EQUAL,
        1e-3,
        {**GATYS, "network": ("vgg19-random", "average", False), "status": "unverified"},
    ),
    "fastai-lesson8": (  # style_wgts and layers of the transfer, mse / 10, 10 x 20 calls
        DEEP,
        dict.fromkeys((f"relu{block}_2" for block in range(1, 6)), 1.0),
        (0.1, [0.05, 0.2, 0.2, 0.25, 0.3]),
        {
            "network": ("vgg16-caffe", "average", False),
            "style_loss": "chw-mean",
            "evaluations": 200,
        },
    ),
    "pytorch-tutorial": (
        {"conv2_2": 1.0},  # its conv_4
        dict.fromkeys(("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1"), 1.0),
        (1.0, [1e6] * 5),
        {"network": TORCHVISION, "style_loss": "chw-mean", "init": "content", "evaluations": 300},
    ),
    "udacity": (
        DEEP,
        dict(zip(FIVE, (1.0, 0.75, 0.2, 0.2, 0.2))),
        (1.0, [1e6, 0.75e6, 0.2e6, 0.2e6, 0.2e6]),
        {"network": TORCHVISION, **UDACITY, "clamp": False, "learning_rate": UDACITYS_RATE},
    ),
    "diaz": (
        DEEP,  # index 21 and the ReLU in place behind it
        dict.fromkeys(FIVE, 1.0),
        (1.0, [1e6] * 5),
        {"network": TORCHVISION, **UDACITY, "learning_rate": UDACITYS_RATE, "status": "unverified"},
    ),
    "neural-style": (
        DEEP,
        dict.fromkeys(FIVE, 1.0),
        (5.0, [100.0] * 5),
        {
            "network": MAX,
            "style_loss": "chw-mean",
            "tv_weight": 1e-3,
            "clamp": False,
            "evaluations": 1000,
        },
    ),
    "wang2021-swag": (
        {"layer3.5": 1e-3**2},  # the code multiplies the features of two stages by 0.001
        dict(zip(STAGES, (1.0, 1.0, 1.0, 1e-3**4, 1e-3**4))),
        (1.0, [1e17, 1e17, 1e17, 1e5, 1e5]),
        WANG,
    ),
    "wang2021-resnet": ({"layer3.5": 1.0}, dict.fromkeys(STAGES, 1.0), (1.0, [1e17] * 5), WANG),
    "crowson": (
        DEEP,
        dict(zip(FIVE, (256.0, 64.0, 16.0, 4.0, 1.0))),
        (0.015, [256 / 341, 64 / 341, 16 / 341, 4 / 341, 1 / 341]),
        {
            "network": TORCHVISION,
            **ADAM,
            "style_statistic": "mean_std",
            # 2 times a mean over 3 x 512 x 384 of squares, against half a sum on 0..255
            "tv_weight": pytest.approx(2 * 2 / (255**2 * 3 * 512 * 384), rel=0.05),
            "learning_rate": 0.02,
            "evaluations": 1000 + 4 * 500,
            "status": "unverified",
        },
    ),
}
SELDOM = ["content_loss", "style_loss", "style_statistic", "activation_shift", "optimizer"]
SELDOM += ["clamp", "tv_weight", "init", "ratio_pixels", "scales", "status"]


@pytest.mark.parametrize("name", PAPERS)
def test_shipped_preset(name):
    made, (content, style, balance, rest) = load_preset(name), PAPERS[name]
    spec = made.network
    assert tuple(spec.plain().values()) == rest["network"]
    assert made.content_layers == content
    assert list(made.style_layers) == list(style)
    if isinstance(balance, tuple):
        assert made.content_weight == pytest.approx(balance[0], rel=1e-12)
        products = [made.style_weight * weight for weight in made.style_layers.values()]
        assert products == pytest.approx(balance[1], rel=1e-6)
    else:
        assert made.ratio == pytest.approx(balance, rel=1e-12)
        assert made.style_layers == pytest.approx(style)
    plain = Preset(content_layers=["relu1_1"])
    for what in {*SELDOM, *rest} - {"network"}:
        assert getattr(made, what) == rest.get(what, getattr(plain, what)), what


def test_every_preset_names_its_source():
    for paper in paper_names():
        for name, made in load_paper(paper).presets.items():
            assert made.name == name
            assert made.label and made.source and made.note, name


CUMULATIVE = [list(FIVE[:count]) for count in range(1, 6)]
BOTH_VGGS = ["vgg16-caffe", "vgg19-caffe"]
FIGURES: dict[str, dict[str, Any]] = {
    "gatys2015/fig1": {
        "content_sets": [[f"relu{block}_1"] for block in range(1, 6)],
        "style_sets": CUMULATIVE,
    },
    "gatys2015/fig3": {"style_sets": CUMULATIVE, "ratios": [1e-5, 1e-4, 1e-3, 1e-2]},
    "gatys2016/fig1": {
        "content_sets": [[f"relu{block}_2"] for block in range(1, 6)],  # not _1: 2015 has those
        "style_sets": CUMULATIVE,
    },
    "gatys2016/fig4": {"ratios": [1e-4, 1e-3, 1e-2, 1e-1]},
    "gatys2016/fig5": {"content_sets": [["relu2_2"], ["relu4_2"]], "ratios": [1e-3]},
    "gatys2016/fig6": {"ratios": [1e-3]},
    "johnson2016/fig3": {
        "content_sets": [["relu2_2"], ["relu3_3"], ["relu4_3"], ["relu5_1"], ["relu5_3"]],
        "networks": BOTH_VGGS,
    },
    "johnson2016/fig4": {
        "style_sets": [["relu1_2"], ["relu2_2"], ["relu3_3"], ["relu4_3"]],
        "networks": BOTH_VGGS,
    },
    "johnson2016/issue18": {
        "style_sets": [
            ["relu1_1", "relu2_1", "relu3_1", "relu4_1"],
            ["relu1_2", "relu2_2", "relu3_3", "relu4_3"],
            [f"features.{torch - 1}" for torch in (4, 9, 16, 23)],
        ],
        "networks": BOTH_VGGS,
    },
    "nikulin2016/layers": {
        "content_sets": [["relu4_2"], ["relu1_1", "relu2_1", "relu4_1", "relu4_2"]],
        "style_sets": [list(FIVE), ["relu3_1", "relu5_1"]],
        "ratios": [1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1e1],
    },
    "pytorch_tutorial/layers": {
        "content_sets": [["conv4_1"], ["conv4_2"]],
        "style_sets": [[f"conv{block}_1" for block in range(1, 6)]] * 2,
        "ratios": [1e-6, 1e-5, 1e-4, 1e-3, 1e-2],
    },
}
PAINTINGS = {
    "gatys2015/fig1": "starry_night",
    "gatys2015/fig3": "composition_vii",
    "gatys2016/fig1": "starry_night",
    "gatys2016/fig4": "composition_vii",
    "gatys2016/fig6": "starry_night",
    "nikulin2016/layers": "starry_night",
}


@pytest.mark.parametrize("figure", FIGURES)
def test_shipped_figure(figure):
    paper, name = figure.split("/")
    made, typed = load_paper(paper).figures[name], FIGURES[figure]
    assert list(made.content_sets.values()) == typed.get("content_sets", [])
    assert list(made.style_sets.values()) == typed.get("style_sets", [])
    assert (made.ratios, made.networks) == (typed.get("ratios", []), typed.get("networks", []))
    if figure in PAINTINGS:
        images = {"content": "neckarfront", "style": PAINTINGS[figure]}
        assert made.images["paper"] == images


def test_gatys_2016_fig6_has_four_noise_seeds():
    seeds = load_paper("gatys2016").figures["fig6"].seeds
    assert len(set(seeds)) == len(seeds) == 4


# Imports


def test_presets_and_configs_need_no_torch():
    """So that ``replicate --help`` and lists of presets answer at once."""
    code = """
import sys
for name in ("replicate", "replicate.config", "replicate.engine.preset", "replicate.engine"):
    __import__(name)
    assert "torch" not in sys.modules, f"{name} imports torch"
from replicate import Preset, load_preset
load_preset("gatys2016").with_(ratio=1)
assert "torch" not in sys.modules, "a preset imports torch"
import replicate
try:
    replicate.nothing
except AttributeError as error:
    assert "nothing" in str(error)
else:
    raise AssertionError("replicate.nothing exists")
assert "Engine" in replicate.__all__
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_the_old_word_for_the_optimizer_is_read_and_keys_keep_it():
    old = Preset.model_validate({"content_layers": ["relu4_2"], "minimiser": "adam"})
    assert old == Preset(content_layers=["relu4_2"], optimizer="adam")
    assert old.objective()["minimiser"] == "adam" and "optimizer" not in old.objective()


def test_a_preset_describes_itself_in_a_line():
    made = preset(ratio=1e-3, name="mine")
    assert repr(made) == (
        "Preset(mine: content relu4_2; style relu1_1, relu2_1; ratio 0.001, vgg19-caffe)"
    )
    assert repr(preset(content_layers=[])).startswith("Preset(custom: style relu1_1, relu2_1; ")
