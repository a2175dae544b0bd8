"""Keys of figures: what changes them and what does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from replicate.errors import ReplicateError
from replicate.images import Picture
from replicate.images.papers import paper_image_entry
from replicate.papers import figure_ids
from replicate.papers import freshness as module
from replicate.papers.freshness import FigureKeys
from replicate.papers.studio import Studio, figure_config

FIGURE = "gatys2016/fig5"


@pytest.fixture
def key(
    tiny_engine: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """``key(inputs="paper", figure=…)``: with no weights or pictures here but those in tmp_path."""
    monkeypatch.setenv("REPLICATE_CACHE", str(tmp_path / "cache"))

    def make(
        figure: str = FIGURE,
        network: str = "auto",
        precision: str = "exact",
        image_format: Any = "png",
        **settings: Any,
    ) -> str:
        engine = tiny_engine(here=(), network=network, precision=precision)
        studio = Studio(engine, **{"profile_name": "smoke", **settings})
        return FigureKeys(studio, image_format).of(figure)

    return make


def test_each_figure_has_one_of_its_own(key):
    assert len({key(figure) for figure in figure_ids()}) == len(figure_ids())
    assert key() == key()


@pytest.mark.parametrize(
    "change",
    [
        {"profile_name": "preview"},
        {"inputs": "paper"},
        {"balanced": True},
        {"network": "vgg19-random"},
        {"precision": "float32"},
        {"image_format": "webp"},
    ],
)
def test_settings_change_it(key, change):
    assert key() != key(**change)


def test_balanced_weights_change_only_figures_that_compare_layers(key):
    assert key("gatys2016/fig6") == key("gatys2016/fig6", balanced=True)


@pytest.mark.parametrize("name", ["program_digest", "installed_versions"])
def test_another_program_changes_it(key, monkeypatch, name):
    before = key()
    monkeypatch.setattr(module, name, lambda: "another")
    assert key() != before


@pytest.mark.parametrize(
    ("network", "matters"),
    [
        ("auto", True),
        ("vgg19", True),
        ("vgg19-caffe", True),
        ("vgg16", False),
        ("vgg19-compact", False),
        ("vgg19-random", False),
    ],
)
def test_weights_that_appear_and_change(key, tmp_path, monkeypatch, network, matters):
    monkeypatch.setenv("REPLICATE_WEIGHTS", str(tmp_path))
    keys = [key(network=network)]
    for content in (b"weights", b"others!"):
        (tmp_path / "vgg19-caffe.safetensors").write_bytes(content)
        keys.append(key(network=network))
    assert len(set(keys)) == (3 if matters else 1)


def test_a_wrong_folder_is_told(key, monkeypatch):
    monkeypatch.setenv("REPLICATE_WEIGHTS", "/nowhere")
    with pytest.raises(ReplicateError, match="not a folder"):
        key()


def test_the_papers_pictures_matter_where_they_are_drawn_from(key, tmp_path, monkeypatch):
    monkeypatch.setenv("REPLICATE_IMAGES", str(tmp_path))
    _, config, _ = figure_config(FIGURE)
    (file, *_) = paper_image_entry(config.images["paper"]["style"]).files
    papers, bundled = [key(inputs="paper")], [key()]
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    for content in (b"a picture", b"another picture"):
        (tmp_path / file).write_bytes(content)
        papers.append(key(inputs="paper"))
        bundled.append(key())
    assert len(set(papers)) == 3 and len(set(bundled)) == 1


def test_a_folder_of_pictures_matters(key, scene, tmp_path, monkeypatch):
    figure = "feature_visualisation/channels"
    _, config, _ = figure_config(figure)
    monkeypatch.setenv("REPLICATE_IMAGES", str(tmp_path))
    before = key(figure, inputs="paper"), key(figure)
    scene(20, 20).save(tmp_path / config.folders["paper"] / "one.png")
    after = key(figure, inputs="paper"), key(figure)
    assert before[0] != after[0] and before[1] == after[1]


def test_bundled_pictures_stand_among_the_papers(tiny_engine, scene, monkeypatch):
    def named(name: str) -> Picture:
        return Picture(scene(20, 20).pixels, f"the paper's {name}")

    monkeypatch.setattr("replicate.papers.studio.paper_image", named)
    studio = Studio(tiny_engine(), inputs="paper").at(FIGURE)
    images = {"paper": {"ours": "coffee", "theirs": studio.config.images["paper"]["style"]}}
    studio.config = studio.config.model_copy(update={"images": images})
    assert studio.picture("ours").name == "coffee"
    assert studio.picture("theirs").name.startswith("the paper's")
