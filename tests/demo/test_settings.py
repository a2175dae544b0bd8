"""Settings: every way into them and out of them says the same."""

import math
import shlex
from dataclasses import replace
from typing import Any

import pytest

from demo import home, links, rows, settings
from demo.limits import InputError, Limits
from demo.settings import Settings
from replicate.cli.commands import parse
from replicate.cli.orders import CPU_PROFILE, order_from
from replicate.config import load_preset, load_profile, presets
from replicate.engine.job import Job

LIMITS = Limits(size=512, evaluations=300)
NETWORKS = ["auto", "vgg19-random", "vgg16-caffe"]


def fields(preset="gatys2016", **changes):
    """The page's fields as a preset sets them, with changes."""
    base = load_preset(preset)
    start = Settings.of(base, LIMITS)
    values = {
        "base": base,
        "limits": LIMITS,
        "size": start.size,
        "evaluations": start.evaluations,
        "exponent": settings.exponent_of(start.ratio),
        "seed": 0,
        "init": start.init,
        "network": "auto",
        "rows": rows.table(start),
        "networks": NETWORKS,
    }
    return {**values, **changes}


@pytest.mark.parametrize("name", list(presets()))
def test_an_untouched_preset_is_shown_whole_and_stays_the_papers_own(name):
    preset = load_preset(name)
    shown = rows.table(Settings.of(preset, LIMITS))

    assert settings.checked(**fields(name)).preset() is preset
    used = len(preset.content_layers | preset.style_layers)
    assert len(shown) >= {"vgg19": 16, "vgg16": 13}.get(preset.network.architecture, used)
    assert {row[0] for row in shown} >= {*preset.content_layers, *preset.style_layers}
    assert list(rows.layers_from(shown)) == [
        {layer: weight for layer, weight in layers.items() if weight}
        for layers in (preset.content_layers, preset.style_layers)
    ]


def test_a_chain_keeps_its_first_layer():
    chained = next(each for each in presets().values() if 0 in each.style_layers.values())
    shown = rows.table(Settings.of(chained, LIMITS))
    shown[-1][2] = 0.5

    changed = settings.checked(**fields(chained.name, rows=shown)).preset()

    assert list(changed.style_layers) == list(chained.style_layers)
    assert changed != chained


@pytest.mark.parametrize("ratio", [1e-4, 8e-4, 1e-3, 3e-3, 5e-2, 0.2, 7, 1e3])
def test_the_slider_finds_round_ratios(ratio):
    found = settings.checked(**fields(exponent=settings.exponent_of(ratio)))

    assert found.ratio == ratio
    assert found.preset().ratio == pytest.approx(ratio)


def test_every_place_of_the_slider_has_a_ratio_of_its_own():
    for place in range(-800, 401, 7):
        found = settings.checked(**fields(exponent=place / 100))
        assert settings.exponent_of(found.ratio) == place / 100


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"size": 513}, "Size is a whole number from 16 to 512, not '513'."),
        ({"size": 15}, "not '15'"),
        ({"size": None}, "not 'nothing'"),
        ({"size": math.nan}, "not 'nan'"),
        ({"size": True}, "not 'True'"),
        ({"size": "large"}, "not 'large'"),
        ({"size": 128.5}, "not '128.5'"),
        ({"evaluations": 301}, "Evaluations is a whole number from 1 to 300"),
        ({"evaluations": "9" * 5000}, "…"),
        ({"exponent": math.nan}, "The ratio's power of ten"),
        ({"exponent": 5}, "from -8 to 4"),
        ({"seed": -1}, "Seed"),
        ({"seed": 1e300}, "Seed"),
        ({"init": "picture"}, "There is no start 'picture'"),
        ({"colours": "sepia"}, "There is no way to keep colours 'sepia'"),
        ({"style_scale": 2.5}, "strokes is a number from 0.25 to 2, not '2.5'"),
        ({"second_weight": 0}, "The second painting's weight is a number from 0.1 to 4, not '0'"),
        ({"network": "vgg19-caffe"}, "There is no network 'vgg19-caffe'"),
        ({"network": "../../etc"}, "There is no network"),
        ({"rows": [["relu4_2", -1, 0]]}, "The content weight of relu4_2"),
        ({"rows": [["relu4_2", 0, "much"]]}, "The style weight of relu4_2"),
        ({"rows": [["relu4_2", 1e13, 0]]}, "The content weight of relu4_2"),
        ({"rows": [["relu1_1", 1, 1]] * 100}, "more rows of layers than the network has"),
        ({"rows": [["relu9_9", 1, 1]]}, "has no layer 'relu9_9'"),
        ({"rows": [["relu4_2", 1, 0], ["block4_conv2", 2, 0]]}, "twice"),
        ({"network": "vgg16-caffe", "rows": [["relu3_4", 1, 1]]}, "relu3_4"),
    ],
)
def test_a_wrong_field_is_named_in_one_sentence(changes, says):
    with pytest.raises(InputError) as caught:
        settings.checked(**fields(**changes)).preset()

    assert says in str(caught.value)
    assert len(str(caught.value)) < 200


def test_another_architecture_changes_the_preset_but_neither_its_scale_nor_for_weights():
    def network(preset, name):
        return settings.checked(**fields(preset, network=name)).preset().network

    assert network("gatys2016", "vgg19-random") == load_preset("gatys2016").network
    assert network("gatys2016", "vgg16-caffe").name == "vgg16-caffe"
    assert network("udacity", "vgg16-caffe").name == "vgg16-torchvision"


def test_switch_and_switch_back():
    shown = rows.table(Settings.of(load_preset("gatys2016"), LIMITS))
    switched = rows.switched(shown, "conv")

    assert {row[0][:4] for row in switched} == {"conv"}
    assert rows.switched(switched, "relu") == shown


def test_equal_weights_sum_to_one():
    even = rows.evened([["relu1_1", 3, 0], ["relu2_1", 1, 9], ["relu3_1", 0, 0]])

    assert even == [["relu1_1", 0.5, 0.0], ["relu2_1", 0.5, 1.0], ["relu3_1", 0.0, 0.0]]


# Ways out and back


CHANGED = [
    {},
    {"exponent": -3.1, "seed": 7, "size": 96, "evaluations": 9},
    {"init": "style", "network": "vgg19-random"},
    {"rows": [["relu4_2", 1, 0], ["relu1_1", None, 0.25], ["conv3_1", "", "0.125"]]},
    {"rows": [["relu2_1", 0, 1]]},
    {"network": "vgg16-caffe"},
    {"colours": "luminance", "style_scale": 0.55, "second_weight": 0.3},
    {"colours": "match", "style_scale": "2"},
]


@pytest.mark.parametrize("changes", CHANGED)
def test_a_link_brings_the_settings_back(changes):
    wanted = settings.checked(**fields(**changes))
    named = {"content": "coffee", "second": "wave"}
    query = links.to_query(wanted, named)

    found, pictures, problems = links.from_query(query, LIMITS, NETWORKS)

    assert (found, pictures, problems) == (wanted, named, [])


@pytest.mark.parametrize("second", ["", "wave"])
@pytest.mark.parametrize("changes", [each for each in CHANGED if "network" not in each])
def test_the_command_line_draws_the_same_job(changes, second):
    from replicate.images import bundled

    profile = load_profile(CPU_PROFILE)
    limits = replace(LIMITS, scales=profile.scales, content_first=profile.content_first)
    wanted = settings.checked(**fields(**changes, limits=limits))
    words = shlex.split(home.command_line(wanted, "chelsea", "coffee", second))

    job = order_from(parse([*words[1:], "--device", "cpu"])).job

    ours = wanted.job(bundled("chelsea"), bundled("coffee"), (second and bundled(second)) or None)
    assert job.description() == ours.description()
    assert bool(job.blend) == bool(second)


@pytest.mark.parametrize("second", ["", "wave"])
@pytest.mark.parametrize("changes", CHANGED)
def test_the_python_draws_the_same_job(changes, second, monkeypatch):
    import replicate
    from replicate.images import bundled

    drawn: list[tuple[dict[str, Any], Job]] = []

    class Recorder:
        def __init__(self, **arguments):
            self.arguments = arguments

        def run(self, job):
            drawn.append((self.arguments, job))
            raise StopIteration

    monkeypatch.setattr(replicate, "Engine", Recorder, raising=False)
    wanted = settings.checked(**fields(**changes))

    with pytest.raises(StopIteration):
        exec(home.python(wanted, "chelsea", "coffee", second), {})

    arguments, job = drawn[0]
    ours = wanted.job(bundled("chelsea"), bundled("coffee"), (second and bundled(second)) or None)
    assert job.description() == ours.description()
    assert arguments == ({} if wanted.network == "auto" else {"network": wanted.network})


@pytest.mark.parametrize("name", ["a b.jpg", "$(reboot).png", "it's.png", '";x".png'])
def test_a_strange_file_name_stays_one_word(name):
    wanted = settings.checked(**fields())

    assert shlex.split(home.command_line(wanted, name, "swirls"))[2] == name
    assert shlex.split(home.command_line(wanted, "chelsea", "swirls", name))[-3] == f"{name}=1"
    compile(home.python(wanted, name, name, name), "copied", "exec")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"preset": "gatys2061"}, "did you mean 'gatys2016'?"),
        ({"ratio": "nan"}, "The ratio"),
        ({"network": "resnet"}, "network"),
        ({"content_layers": "relu9_9"}, "relu9_9"),
        ({"style_layers": "relu1_1=-1"}, "relu1_1"),
        ({"keep_colour": "matched"}, "did you mean 'match'?"),
        ({"style_scale": "9"}, "0.25 to 2"),
        ({"second_weight": "nan"}, "0.1 to 4"),
        ({"style_layers": "relu1_1,relu1_1"}, "twice"),
    ],
)
def test_a_wrong_link_opens_with_one_sentence(query, says):
    found, _, problems = links.from_query(query, LIMITS, NETWORKS)

    assert found == Settings.of(load_preset("gatys2016"), LIMITS)
    assert len(problems) == 1
    assert says in problems[0]
    assert problems[0].endswith((".", "?"))
