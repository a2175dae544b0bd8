"""The tabs' functions, called as the page calls them; and how errors reach a visitor."""

import asyncio
import errno
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from demo import looking, opening, pictures
from demo.comparison import entries
from demo.figures import Figures
from demo.layers import Layers
from demo.limits import Limits
from demo.looking import look, reconstructions
from demo.messages import Page
from demo.session import Drawings
from demo.settings import Settings
from demo.stops import Stops
from demo.transfer import Transfer
from demo.transfer_form import FORM, OUTCOME, SETTABLE
from replicate.config import load_preset
from replicate.engine.job import Job
from replicate.errors import ReplicateError
from replicate.record import read_record, save_recorded


@pytest.fixture
def tab(backend):
    return Transfer(Drawings(backend), Stops())


def values(files, **changes):
    """The form's values in their order."""
    form = {
        "base": None,
        "preset": "gatys2016-code",
        "content": files[0],
        "style": files[1],
        "second": None,
        "size": 48,
        "evaluations": 6,
        "exponent": -3.0,
        "seed": 0,
        "init": "content",
        "network": "auto",
        "rows": [["relu4_2", 1, 0], ["relu1_1", 0, 0.5], ["relu2_1", 0, 0.5]],
        "colours": "none",
        "style_scale": 1,
        "second_weight": 1,
    }
    assert tuple(form) == FORM
    return list({**form, **changes}.values())


def named(filled):
    """What a preset, a link, an example or a recorded picture fills, by name."""
    return dict(zip((*SETTABLE, *OUTCOME), filled))


# The Transfer tab


def test_run_ends_with_all_that_is_taken_home(tab, files, visitor):
    seen = []
    for update in tab.run(visitor, *values(files)):
        seen.append(update)
        if isinstance(update[3], gr.DownloadButton):
            value = update[3].value
            record = read_record(value["path"] if isinstance(value, dict) else value)

    first, last = seen[0], seen[-2]
    home = first[4]
    assert "replicate transfer 'my photo.png' 'my art.png'" in home["command"]
    assert "--network vgg19-caffe" in home["command"], "what drew here, by name"
    assert "load_preset('gatys2016-code').with_(" in home["python"]
    assert "content=none&style=none" in home["link"] and "pictures are not in" in home["note"]
    assert "Done: 6 of 6 evaluations" in last[0]
    assert "style relu2_1" in last[2]
    assert last[1].before.size == last[1].picture.size == (48, 32)
    assert record.evaluations == 6


def test_a_full_disk_takes_the_download_and_not_the_picture(
    tab, files, visitor, monkeypatch, capsys
):
    def full(browser):
        raise OSError(errno.ENOSPC, "No space left on device", "/secret/place")

    monkeypatch.setattr(tab.backend.uploads, "new", full)

    *_, last, offered = list(tab.run(visitor, *values(files)))

    assert last[1].picture.size == (48, 32) and "Done: 6 of 6" in last[0]
    assert "no room for a file to download" in offered[0] and "/secret" not in offered[0]
    assert "No space left" in capsys.readouterr().out


def test_balance_changes_the_weights_alone(tab, files):
    form = values(files)
    _, job = tab.order(*form)

    rows = {name: weights for name, *weights in tab.balance(*form)}

    balanced = tab.backend.viewer().reader.balanced(job)
    assert rows["relu4_2"] == [balanced.content_layers["relu4_2"], 0.0]
    style = {name: weights[1] for name, weights in rows.items() if weights[1]}
    assert style == balanced.style_layers != job.preset.style_layers


def test_a_network_that_has_come_is_offered(tab, files):
    tab.backend.fetching = "It comes."
    choices, estimate, timer = tab.looked(*values(files))
    assert timer.active and "It comes." in estimate

    tab.backend.fetching = ""
    choices, estimate, timer = tab.looked(*values(files))
    assert not timer.active and "It comes." not in estimate
    assert [key for _, key in choices.choices] == list(tab.backend.networks())


def test_stop_while_waiting(tab, files, visitor):
    list(tab.ask(visitor, *values(files)))
    asyncio.run(tab.stop(visitor))

    with pytest.raises(ReplicateError, match=r"^Stopped before the first evaluation\.$"):
        list(tab.run(visitor, *values(files)))


def test_what_was_drawn_before_fills_the_page_without_a_ticket(tab, files, visitor):
    form = values(files)
    (asked,) = tab.ask(visitor, *form)
    assert asked[2], "a ticket for the queue"
    *_, drawn, _ = tab.run(visitor, *form)

    *_, again, offered = tab.ask(visitor, *form)

    assert isinstance(again[2], dict), "no new ticket"
    assert "Drawn before" in again[3] and "style relu2_1" in again[5]
    assert again[5].count("<path") == drawn[2].count("<path"), "with every layer's curve"
    assert isinstance(offered[6], gr.DownloadButton)


def test_an_example_fills_the_form_and_shows_its_picture(tab, monkeypatch, tmp_path):
    monkeypatch.setattr(opening, "ASSETS", tmp_path)
    example = opening.Example("coffee", "rocket", 0.02)
    job = Job(load_preset("gatys2016"), *map(pictures.bundled, ("coffee", "rocket")), size=32)
    result = tab.backend.engine().run(replace(job, evaluations=2))
    (tmp_path / "examples").mkdir()
    save_recorded(result, example.path)

    form = named(tab.example(example))

    assert [Path(form[role]).stem for role in ("content", "style")] == ["coffee", "rocket"]
    assert form["second"] is None
    assert form["exponent"].value == pytest.approx(-1.7, abs=0.01)
    assert form["picture"].picture == "own/examples/coffee-rocket.webp"
    assert "Drawn beforehand" in form["status"] and "2 evaluations of VGG-19" in form["status"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"preset": "gatys2061"}, "did you mean"),
        ({"preset": None}, "Choose a preset"),
        ({"content": None}, "Choose a content picture"),
        ({"style": None}, "Choose a style picture"),
        ({"content": "/nowhere/x.png"}, "no longer on the server"),
        ({"network": "vgg16-caffe"}, "There is no network"),
        ({"rows": []}, "Every layer's weight is zero"),
        (
            {"content": None, "init": "noise", "rows": [["relu1_1", 0, 1]], "colours": "match"},
            "Choose a content picture",
        ),
    ],
)
def test_a_wrong_form_is_one_sentence(tab, files, visitor, changes, says):
    with pytest.raises(ReplicateError, match=says) as caught:
        list(tab.ask(visitor, *values(files, **changes)))

    assert "/nowhere" not in str(caught.value)


def test_style_layers_alone_need_no_content_picture(tab, files):
    _, job = tab.order(*values((None, files[1]), init="noise", rows=[["relu1_1", 0, 1]]))

    assert (job.content, job.style_layers) == (None, {"relu1_1": 1.0})


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        (None, "pixels"),
        (b"x" * 2_000_001, "over 2 MB"),
    ],
    ids=["empty", "svg", "many pixels", "large"],
)
def test_a_bad_upload_is_one_sentence(tab, files, visitor, tmp_path, data, says):
    bad = tmp_path / "secret-folder" / "bad.png"
    bad.parent.mkdir()
    if data is None:
        Image.new("1", (1001, 1000)).save(bad)
    else:
        bad.write_bytes(data)

    with pytest.raises(ReplicateError, match=says) as caught:
        list(tab.ask(visitor, *values((str(bad), files[1]))))

    assert str(caught.value).startswith("The content picture")
    assert "secret-folder" not in str(caught.value)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"keep_colour": "luminance", "style_scale": 0.5},
        {"blend": ((pictures.bundled("chelsea"), 0.5),), "keep_colour": "match"},
    ],
    ids=["plain", "in its colours", "two paintings"],
)
def test_a_dropped_picture_restores_its_settings(tab, backend, tmp_path, more):
    preset = load_preset("gatys2016-code").with_(ratio=0.03, style_layers=["conv2_1"])
    job = Job(
        preset,
        pictures.bundled("coffee"),
        pictures.bundled("rocket"),
        size=40,
        evaluations=3,
        seed=9,
        init="noise",
        **more,
    )
    save_recorded(backend.engine().run(job), tmp_path / "out.png")

    form = named(tab.restore(str(tmp_path / "out.png")))

    assert form["preset"] == "gatys2016-code"
    assert "These are the settings of the picture." in form["note"]
    assert [Path(form[role]).stem for role in ("content", "style")] == ["coffee", "rocket"]
    form |= {"exponent": form["exponent"].value, "network": "auto"}
    _, again = tab.order(*(form[name] for name in FORM))
    assert again.description() == job.description()


def test_a_dropped_picture_that_the_page_cannot_draw_says_so(tab, backend, tmp_path):
    pair = [pictures.bundled(name) for name in ("coffee", "rocket")]
    blend = tuple((picture, 9.0) for picture in pair)
    job = Job(load_preset("gatys2016-code"), *pair, size=32, evaluations=2, blend=blend)
    save_recorded(backend.engine().run(replace(job, style_scale=3)), tmp_path / "out.png")

    form = named(tab.restore(str(tmp_path / "out.png")))

    assert "blends more than two paintings" in form["note"]
    assert "strokes was 3; this page goes from 0.25 to 2." in form["note"].replace("&#x27;", "'")
    assert (form["style_scale"], form["second_weight"]) == (2.0, 4.0)


@pytest.mark.parametrize(
    ("side", "says"), [(None, "is not a picture"), (20, "does not say"), (1001, "over the limit")]
)
def test_a_picture_without_settings_says_so(tab, tmp_path, side, says):
    path = tmp_path / "secret.png"
    if side:
        Image.new("L", (side, side)).save(path)
    else:
        path.write_bytes(b"no picture")

    with pytest.raises(ReplicateError, match=rf"^This file .*{says}") as caught:
        tab.restore(str(path))

    assert "secret" not in str(caught.value)


def test_another_preset_changes_the_table_and_keeps_the_size(tab):
    kept = [64, 20, 3, "auto", "match", 0.5, 2]
    form = named(tab.choose("johnson2016", "gatys2016", *kept))

    rows = {row[0]: row[1:] for row in form["rows"]}
    assert rows["relu2_2"] == [1.0, 1.0] and rows["relu3_3"] == [0.0, 1.0]
    assert (form["size"], form["evaluations"], form["seed"]) == (64, 20, 3)
    assert (form["colours"], form["style_scale"], form["second_weight"]) == ("match", 0.5, 2)

    left = tab.choose("johnson2016", form["settled"], *kept)
    assert left == [gr.skip()] * len(SETTABLE), "whoever leaves the field keeps the layers"


def test_a_link_opens_the_form(tab):
    query = {"preset": "gatys2015", "size": "64", "content": "coffee", "style": "nothing"}
    query |= {"second": "rocket", "keep_colour": "luminance"}
    request: Any = SimpleNamespace(session_hash="x", query_params=query)

    form = named(tab.opened(request))

    assert (form["preset"], form["size"], form["colours"]) == ("gatys2015", 64, "luminance")
    assert [Path(form[role]).stem for role in ("content", "second")] == ["coffee", "rocket"]
    assert ">There is no bundled picture &#x27;nothing&#x27; on this server.</p>" in form["note"]


# The Compare and Figures tabs


@pytest.mark.parametrize(
    ("names", "sets", "says"),
    [
        (["gatys2016"], "", "not 1"),
        (["gatys2016"] * 5, "", "not 5"),
        (["gatys2016"], "relu4_2", "is written"),
        (["gatys2016"], "relu9_9 | relu1_1", "relu9_9"),
        (["gatys2016"], "relu4_2 | relu1_1=x", "relu1_1"),
        (["gatys2016"], " | ", "zero"),
    ],
)
def test_a_wrong_comparison_is_one_sentence(backend, scene, names, sets, says):
    common = Settings.of(load_preset("gatys2016"), backend.limits)

    with pytest.raises(ReplicateError, match=says):
        entries(names, sets, common, scene(), scene(), backend.limits)


def test_layer_sets_change_layers_alone(backend, scene):
    common = Settings.of(load_preset("gatys2016"), backend.limits)
    sets = "relu2_2 | relu1_1 relu3_1=2, relu2_1=1"

    first, second = entries(["gatys2016"], sets, common, scene(), scene(), backend.limits)

    assert first.job.preset is load_preset("gatys2016")
    assert second.job.content_layers == {"relu2_2": 1.0}
    assert second.job.style_layers == {"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 2.0}
    assert second.job.seed == first.job.seed


def test_an_empty_gallery_says_how_to_draw_it(backend, tmp_path):
    figures = Figures(tmp_path, backend.limits)

    assert "make figures" in figures.summary()
    with pytest.raises(ReplicateError, match="There is no such figure in the gallery"):
        figures.show("gatys2016/fig9")


# The Layers tab


@pytest.fixture
def layers(backend):
    return Layers(Drawings(backend), Stops())


@pytest.mark.parametrize("layer", ["relu1_1", "conv2_1", "pool3", "relu5_4"])
def test_a_look_shows_maps_matrix_and_pairs(backend, scene, layer):
    found = look(backend, scene(64, 48), layer, load_preset("gatys2016"), "auto")

    channels = {"1": 5, "2": 6, "3": 7, "5": 9}[layer[4]]
    network = "VGG-19 (caffe), average pooling, normalised under max pooling"
    assert found.sentence.startswith(f"{layer} of {network}: ")
    assert f"{channels} maps of " in found.sentence and "all shown" in found.sentence
    assert len(found.channels) == len(found.gram) == min(channels, looking.SHOWN)
    assert [row[place] for place, row in enumerate(found.gram)] == sorted(
        (row[place] for place, row in enumerate(found.gram)), reverse=True
    ), "the strongest first"
    assert len(found.by_value) == looking.PAIRS
    assert all("Gram entry" in pair.caption for pair in found.by_value)
    assert all("cosine" in pair.caption for pair in found.by_cosine)


def test_the_tab_fills_its_fields_with_the_strongest_maps(layers, files, monkeypatch):
    monkeypatch.setattr(looking, "SHOWN", 3)

    alive, pairs, content, style = layers.look(files[0], "relu3_1", 64, "auto")

    assert "relu3_1" in alive["sentence"] and "the 3 strongest shown" in alive["sentence"]
    assert len(alive["channels"]) == 3 and alive["field"] > alive["step"] == 4
    assert "relu3_1" in content.words and "Gram matrix" in style.words, "nothing old is left"
    assert pairs.count("<img") == pairs.count('alt="Maps of filters') == 2 * looking.PAIRS


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"path": None}, "Choose a picture"),
        ({"path": "/nowhere/x.png"}, "no longer on the server"),
        ({"layer": "relu9_9"}, "relu9_9"),
        ({"layer": None}, "None"),
        ({"size": 10_000}, "Size"),
        ({"network": "../../etc"}, "There is no network"),
    ],
)
def test_a_wrong_field_is_one_sentence(layers, files, visitor, changes, says):
    form = {"path": files[0], "layer": "relu1_1", "size": 64, "network": "auto", **changes}

    with pytest.raises(ReplicateError, match=says) as caught:
        layers.look(**form)
    with pytest.raises(ReplicateError, match=says):
        list(layers.ask(visitor, form["path"], form["layer"], form["size"], 3, form["network"]))
    assert "/nowhere" not in str(caught.value)


def test_reconstructions_match_one_layer_alone(scene):
    limits = Limits(128, 60, scales=3)
    jobs = reconstructions(load_preset("gatys2016"), scene(), "conv3_1", 64, 9, limits)

    content, style = jobs["content"], jobs["style"]
    assert (content.content_layers, content.style_layers) == ({"conv3_1": 1.0}, {})
    assert (style.content_layers, style.style_layers) == ({}, {"conv3_1": 1.0})
    assert {job.init for job in jobs.values()} == {"noise"}
    assert {(job.size, job.evaluations) for job in jobs.values()} == {(64, 9)}
    assert (content.preset.scales, style.preset.scales) == (3, 1)


def test_reconstructing_streams_content_then_style(layers, files, visitor):
    form = [files[0], "relu2_1", 48, 5, "auto"]
    list(layers.ask(visitor, *form))

    updates = list(layers.run(visitor, *form))

    assert "1 of 2, content: " in updates[0][0] and "2 of 2, style: " in updates[-1][0]
    assert "Done: 5 of 5" in updates[-1][0]
    assert updates[-1][2].picture.size == (48, 32)
    assert "style relu2_1" in updates[-1][3]


def test_stop_leaves_the_second_one_out_and_no_other_tab_s(layers, files, visitor):
    form = [files[0], "relu2_1", 48, 5, "auto"]
    transfer = layers.stops.begin("visitor/")
    list(layers.ask(visitor, *form))
    updates = []
    for update in layers.run(visitor, *form):
        updates.append(update)
        asyncio.run(layers.stop(visitor))

    assert all("2 of 2" not in update[0] for update in updates)
    assert not transfer.is_set()


# Errors


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ReplicateError("the picture is none."), r"The picture is none\."),
        (RuntimeError("in /home/me"), r"Something went wrong .* quote [0-9a-f]{6}\."),
        (gr.Error("Value: 3 is not in the list"), r"Something went wrong .* quote [0-9a-f]{6}\."),
    ],
)
def test_every_error_is_a_message_of_ours(error, says, capsys):
    def fails():
        raise error

    with Page() as page:
        gr.Button().click(fails)

    with pytest.raises(gr.Error) as caught:
        asyncio.run(page.process_api(block_fn=0, inputs=[]))

    message, log = caught.value.message, capsys.readouterr().err
    assert re.fullmatch(says, message)
    number = message[-7:-1]
    assert isinstance(error, ReplicateError) or (number in log and str(error) in log)
