"""Configs: every mistake is one sentence with the file, the key and the nearest right word."""

from __future__ import annotations

from pathlib import Path

import pytest

from replicate import config
from replicate.config import (
    load_paper,
    load_preset,
    load_profile,
    paper_names,
    presets,
    profiles,
    read_paper,
)
from replicate.errors import ConfigError
from replicate.images import bundled_names

GOOD = """
title = "Title"
authors = "A. Author"
year = 2020
source = "Journal"

[presets.plain]
content_layers = ["relu4_2"]
style_layers = ["relu1_1", "relu2_1"]

[presets.shallow]
network = { name = "vgg16", pooling = "average" }
content_layers = { relu2_2 = 1.0 }
ratio = 1e-3

[figures.fig1]
title = "Figure"
source = "Fig. 1"
caption = "Caption"
preset = "plain"
ratios = [1e-3]
seeds = [1]
networks = ["vgg19"]

[figures.fig1.images]
bundled = { content = "coffee", style = "swirls" }
paper = { content = "neckarfront", style = "starry_night" }

[figures.fig1.crop]
bundled = [0.1, 0.2, 0.3, 0.4]

[figures.fig1.content_sets]
"a" = ["relu1_1"]

[figures.fig1.style_sets]
"a" = ["relu1_1"]
"b" = ["relu1_1", "relu2_1"]
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "paper2020.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_config(tmp_path):
    paper = read_paper(written(tmp_path, GOOD))
    assert (paper.name, paper.title, paper.year) == ("paper2020", "Title", 2020)
    assert list(paper.presets) == ["plain", "shallow"]
    assert paper.presets["plain"].name == "plain"
    assert paper.presets["shallow"].network.pooling == "average"
    assert paper.presets["shallow"].ratio == pytest.approx(1e-3)
    figure = paper.figures["fig1"]
    assert figure.crop["bundled"] == (0.1, 0.2, 0.3, 0.4)
    assert list(figure.style_sets) == ["a", "b"]
    assert figure.status == "verified"


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) >= 1, old
    return GOOD.replace(old, new, 1)


# What is written instead of what, and the parts of the sentence that must be there; what presets
# refuse by themselves is in tests/engine/test_presets.py.
MISTAKES = [
    # Unknown keys
    ("title =", "titel =", "titel … did you mean 'title'?"),
    ("[presets.plain]", "[preset.plain]", "preset: unknown … 'presets'"),
    ("[figures.fig1]", "[figure.fig1]", "figure: unknown … 'figures'"),
    (
        'content_layers = ["relu4_2"]',
        'content_layer = ["relu4_2"]',
        "presets.plain.content_layer: unknown key … did you mean 'content_layers'?",
    ),
    ("pooling =", "poling =", "presets.shallow.network.poling … did you mean 'pooling'?"),
    (
        "[figures.fig1.style_sets]",
        "[figures.fig1.style_set]",
        "figures.fig1.style_set … did you mean 'style_sets'?",
    ),
    ("year = 2020", "year = 2020\nxyzzy = 1", "xyzzy: unknown key … figures"),
    # Unknown layers
    (
        'style_layers = ["relu1_1", "relu2_1"]',
        'style_layers = ["relu1_1", "rleu2_1"]',
        "presets.plain … style_layers … 'rleu2_1' … did you mean 'relu2_1'?",
    ),
    (
        "{ relu2_2 = 1.0 }",
        "{ relu2_9 = 1.0 }",
        "presets.shallow … content_layers … vgg16 has no layer 'relu2_9' … did you mean",
    ),
    (
        '"b" = ["relu1_1", "relu2_1"]',
        '"b" = ["relu1_1", "rleu2_1"]',
        "figures.fig1.style_sets.b … 'rleu2_1' … did you mean 'relu2_1'?",
    ),
    # Unknown images
    (
        '"coffee"',
        '"cofee"',
        "figures.fig1.images.bundled.content … 'cofee' … did you mean 'coffee'?",
    ),
    (
        'bundled = { content = "coffee"',
        'bundled = { content = "neckarfront"',
        "figures.fig1.images.bundled.content … 'neckarfront'",
    ),
    (
        "bundled = { content",
        "bundled = { contnet",
        "figures.fig1.images.bundled: lacks 'content' of paper … did you mean 'contnet'?",
    ),
    (
        "ratio = 1e-3",
        f"ratio_pixels = 1{'0' * 400}",
        "presets.shallow.ratio_pixels … less than or equal to 1000000000",
    ),
    ("\npaper = {", "\npapers = {", "figures.fig1.images.papers … 'paper'"),
    # Unknown presets and names
    (
        'preset = "plain"',
        'preset = "plane"',
        "figures.fig1.preset … 'plane' … did you mean 'plain'?",
    ),
    ("ratio = 1e-3", 'optimizer = "lbgfs"', "presets.shallow.optimizer … 'lbfgs' or 'adam'"),
    (
        'source = "Fig. 1"',
        'source = "Fig. 1"\nstatus = "sure"',
        "figures.fig1.status … 'verified' or 'unverified'",
    ),
    # Wrong types
    ("year = 2020", 'year = "MMXX"', "year … valid integer"),
    ("ratios = [1e-3]", "ratios = 1e-3", "figures.fig1.ratios … valid list"),
    ("ratios = [1e-3]", "ratios = [1e-3, -1.0]", "figures.fig1.ratios.1 … greater than 0"),
    ("ratios = [1e-3]", "ratios = [nan]", "figures.fig1.ratios.0 … finite"),
    (
        '[figures.fig1.style_sets]\n"a" = ["relu1_1"]',
        '[figures.fig1.style_sets]\n"a" = "relu1_1"',
        "figures.fig1.style_sets.a … valid list",
    ),
    (
        'bundled = { content = "coffee", style = "swirls" }',
        'bundled = "coffee"',
        "figures.fig1.images.bundled … valid dictionary",
    ),
    ("[0.1, 0.2, 0.3, 0.4]", "[0.1, 0.2, 0.3]", "figures.fig1.crop.bundled … required"),
    ("[0.1, 0.2, 0.3, 0.4]", "[10, 20, 30, 40]", "figures.fig1.crop … between 0 and 1"),
    # Missing
    ('title = "Title"', "", "title … required"),
    ('preset = "plain"', "", "figures.fig1.preset … required"),
    # Not TOML
    ("year = 2020", "year = 20 20", "not valid TOML … line 4"),
]


@pytest.mark.parametrize("case", MISTAKES, ids=lambda case: case[1][:40])
def test_mistakes(case, tmp_path):
    old, new, parts = case
    with pytest.raises(ConfigError) as caught:
        read_paper(written(tmp_path, changed(old, new)))
    said = str(caught.value)
    assert said.startswith("paper2020.toml")
    assert "\n" not in said and len(said) < 400
    for part in parts.split(" … "):
        assert part in said


@pytest.mark.parametrize(
    "table", ["presets = 3", "presets = [1]", 'presets = "a"', "figures = 3", "figures = []"]
)
def test_tables_that_are_none(table, tmp_path):
    head = GOOD.split("[presets.plain]")[0]
    with pytest.raises(ConfigError, match=f"paper2020.toml: {table.split()[0]}: .*dictionary"):
        read_paper(written(tmp_path, head + table))


def test_an_empty_file(tmp_path):
    with pytest.raises(ConfigError, match=r"paper2020\.toml: title: Field required"):
        read_paper(written(tmp_path, ""))


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "paper2020.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"paper2020\.toml cannot be read"):
        read_paper(path)


def test_a_folder_in_the_place_of_a_file(tmp_path):
    (tmp_path / "paper2020.toml").mkdir()
    with pytest.raises(ConfigError, match=r"paper2020\.toml cannot be read"):
        load_paper("paper2020", tmp_path)


# Names


def test_unknown_paper(tmp_path):
    with pytest.raises(ConfigError, match=r"no config 'gatys201'; did you mean 'gatys201[56]'\?"):
        load_paper("gatys201")
    written(tmp_path, GOOD)
    with pytest.raises(ConfigError, match=r"no config 'x'; there are paper2020\."):
        load_paper("x", tmp_path)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("gatys2016_code", "gatys2016-code"),
        ("Gatys2016", "gatys2016"),
        ("jonson2016", "johnson2016"),
    ],
)
def test_unknown_preset(name, near):
    with pytest.raises(ConfigError) as caught:
        load_preset(name)
    assert f"no preset '{name}'; did you mean '{near}'?" in str(caught.value)


def test_unknown_profile():
    with pytest.raises(ConfigError, match=r"no profile 'galery'; did you mean 'gallery'\?"):
        load_profile("galery")


def test_a_figure_may_use_another_paper_s_preset(tmp_path):
    written(tmp_path, GOOD).rename(tmp_path / "earlier.toml")
    borrowing = changed("[presets.plain]", "[presets.own]").replace(
        "[presets.shallow]", "[presets.x]"
    )
    assert read_paper(written(tmp_path, borrowing)).figures["fig1"].preset == "plain"
    wrong = borrowing.replace('preset = "plain"', 'preset = "plan"')
    with pytest.raises(ConfigError, match=r"fig1\.preset: .*did you mean 'plain'\?"):
        read_paper(written(tmp_path, wrong))
    (tmp_path / "earlier.toml").unlink()
    with pytest.raises(ConfigError, match="there is no preset 'plain'"):
        read_paper(written(tmp_path, borrowing))


def test_a_preset_in_two_files(tmp_path, monkeypatch):
    for name in ("first", "second"):
        (tmp_path / f"{name}.toml").write_text(GOOD)
    monkeypatch.setattr(config, "configs_dir", lambda: tmp_path)
    with pytest.raises(ConfigError, match=r"second\.toml: preset 'plain' is already in"):
        presets.__wrapped__()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[big]\nsize = 64\nevaluations = 0", r"profiles\.toml: big\.evaluations: .*to 1"),
        ("[big]\nsize = 4\nevaluations = 1", r"profiles\.toml: big\.size: .*16"),
        ("[big]\nsize = 64\nevaluations = 1\nscales = 99", r"big\.scales: .*equal to 6"),
        ("[big]\nsize = 64", r"profiles\.toml: big\.evaluations: Field required"),
        ("[big]\nsize = 64\nevaluation = 1", r"profiles\.toml: big\.evaluation"),
        ("big = 3", r"profiles\.toml: big: .*dictionary"),
        ("[big", r"profiles\.toml is not valid TOML"),
    ],
)
def test_bad_profiles(text, message, tmp_path, monkeypatch):
    (tmp_path / "profiles.toml").write_text(text)
    monkeypatch.setattr(config, "configs_dir", lambda: tmp_path)
    with pytest.raises(ConfigError, match=message):
        profiles.__wrapped__()


# What is shipped


def test_the_three_papers_are_shipped():
    assert {"gatys2015", "gatys2016", "johnson2016"} <= set(paper_names())
    assert not {"images", "profiles"} & set(paper_names())


@pytest.mark.parametrize("name", paper_names())
def test_shipped_config(name):
    paper = load_paper(name)
    assert paper.name == name
    assert paper.title and paper.authors and paper.source
    for label, figure in paper.figures.items():
        assert {"bundled", "paper"} <= set(figure.images), label
        assert set(figure.images["bundled"]) == set(figure.images["paper"]), label


def test_shipped_profiles():
    assert list(profiles()) == ["smoke", "preview", "gallery", "evidence", "patient", "paper"]
    assert load_profile("smoke").size == 64
    assert (load_profile("paper").size, load_profile("paper").evaluations) == (512, 2000)
    sizes = [profile.size for profile in profiles().values()]
    assert sizes == sorted(sizes)


def test_papers_are_read_where_a_package_with_photographs_is_missing(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda package: None)
    assert bundled_names()["photographs"] == []
    folder = Path(config.__file__).parents[1] / "paper_configs"
    assert load_paper("johnson2016", folder).figures
