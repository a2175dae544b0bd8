"""What the page opens with: pictures drawn beforehand, presets, what a browser has kept."""

from types import SimpleNamespace
from typing import Any

import pytest

from demo import chart, opening, presets, questions, rows
from demo.limits import InputError, Limits
from demo.session import Drawings
from demo.stops import Stops
from demo.texts import place
from demo.transfer import Transfer
from demo.transfer_form import SETTABLE
from replicate.networks.layers import layer_names
from replicate.record import read_record

LIMITS = Limits(size=512, evaluations=300)


def test_every_cell_of_the_grid_is_there_drawn_as_it_says_and_light():
    depths = list(opening.STYLE)
    files = {
        (layer, style): opening.cell(layer, style) for layer in opening.CONTENT for style in depths
    }

    for (layer, style), file in files.items():
        preset = read_record(file).preset
        assert list(preset.content_layers) == [layer]
        assert list(preset.style_layers) == depths[: depths.index(style) + 1]
    assert sum(file.stat().st_size for file in opening.ASSETS.glob("grid/*.webp")) < 1_000_000


@pytest.mark.parametrize("example", opening.EXAMPLES, ids=lambda example: example.name)
def test_an_example_was_drawn_as_the_form_asks_for_it(example):
    record = read_record(example.path)

    assert (record.content.name, record.style.name) == (example.content, example.style)
    assert (record.preset.name, record.preset.ratio) == (
        example.preset,
        pytest.approx(example.ratio),
    )


@pytest.mark.parametrize("question", questions.QUESTIONS, ids=lambda question: question.title)
def test_a_question_is_answered_by_two_pictures_with_measures_and_downloads(question):
    shown, text = questions.shown(question), questions.text(question, LIMITS)

    assert shown.picture != shown.before
    assert text.count("of the edges kept, style distance") == text.count(" download>") == 2


def test_the_presets_most_people_mean_come_first_and_say_whose_they_are():
    labels, names = zip(*presets.choices())

    assert names[0] == "gatys2016" and len(set(labels)) == len(labels)
    assert "neural-style (Johnson 2015)" in labels, "not under a paper that quotes it"


def test_no_two_layers_of_a_chart_look_alike():
    names = [
        f"{kind}/{layer}" for kind in ("content", "style") for layer in layer_names("vgg19", "relu")
    ]

    style = [look for name, look in chart.strokes(names).items() if name.startswith("style")]

    assert len(set(style)) == 16


@pytest.mark.parametrize("value", [None, "x", {"a": 1}, [1], [[]]])
def test_a_picker_s_value_that_is_none_is_a_sentence(value):
    with pytest.raises(InputError, match="rows of a name and two weights"):
        rows.layers_from(value)


@pytest.mark.parametrize(
    "saved", [None, "x", {"query": 3, "own": []}, {"query": {}, "own": {"content": "/etc/passwd"}}]
)
def test_what_a_browser_kept_may_be_anything(backend, monkeypatch, saved):
    tab = Transfer(Drawings(backend), Stops())
    monkeypatch.setattr(tab, "example", lambda example: ["the first example"])
    request: Any = SimpleNamespace(session_hash="x", query_params={})

    assert tab.opened(request, saved) == ["the first example"]


def test_one_s_own_picture_is_there_again_and_nothing_is_said_of_it(backend, scene):
    tab = Transfer(Drawings(backend), Stops())
    mine = scene(48, 32).save(backend.uploads.new("") / "mine.png")
    saved = {"query": {"second": "mine.png"}, "own": {"second": str(mine)}}
    request: Any = SimpleNamespace(session_hash="x", query_params={})

    form = tab.opened(request, saved)

    assert dict(zip(SETTABLE, form))["second"] == str(mine)
    assert "mine.png" not in dict(zip(SETTABLE, form))["note"]

    mine.unlink()
    gone = dict(zip(SETTABLE, tab.opened(request, saved)))
    assert gone["second"] is None and "is kept no longer: choose it again" in gone["note"]


def test_another_visitor_s_file_is_not_opened(backend):
    tab = Transfer(Drawings(backend), Stops())
    theirs = backend.uploads.new("b" * 32) / "theirs.png"
    theirs.write_bytes(b"picture")
    saved = {"query": {"content": "theirs.png"}, "own": {"content": str(theirs)}}
    request: Any = SimpleNamespace(session_hash="x", query_params={})

    assert tab.opened(request, saved)[2] is None


@pytest.mark.parametrize(
    ("before", "says"),
    [
        (0, "You are next, about 40 s."),
        (1, "1 person before"),
        (3, "3 people before you, about 40 s."),
    ],
)
def test_ones_place_in_words(before, says):
    assert says in place(before, 41.0)
