"""Every figure of the configs has its function, every claim its text there and its measure here."""

from __future__ import annotations

import ast
import math
import re
from pathlib import Path

import pytest

import replicate.papers
from replicate.config import load_paper
from replicate.errors import ConfigError, ReplicateError
from replicate.papers import draw_figure, figure_ids
from replicate.papers.measures import fidelity
from replicate.papers.registry import figure_function
from replicate.papers.studio import Studio


def measured() -> list[str]:
    """Patterns of the ids that ``studio.claim`` is called with anywhere in the papers."""
    found = []
    for path in Path(replicate.papers.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(attr="claim"), args=[ast.Constant(value=id), *_]):
                    found.append(re.escape(str(id)))
                case ast.Call(func=ast.Attribute(attr="claim"), args=[ast.JoinedStr() as id, *_]):
                    found.append(
                        "".join(
                            re.escape(part.value) if isinstance(part, ast.Constant) else ".+"
                            for part in id.values
                        )
                    )
    return found


@pytest.mark.parametrize("figure_id", figure_ids())
def test_every_figure_has_a_function_and_every_claim_a_measure(figure_id):
    assert figure_function(figure_id).__doc__
    paper, name = figure_id.split("/")
    patterns = measured()
    for id in load_paper(paper).figures[name].claims:
        assert any(re.fullmatch(pattern, id) for pattern in patterns), id


def test_a_claim_says_what_stands_in_the_config(small_studio):
    numbers = {"Conv2_2": 0.5, "Conv4_2": 0.25}
    claim = small_studio().at("gatys2016/fig5").claim("style", numbers)
    assert claim.text == "The style is matched about as well either way."
    assert (claim.source, claim.value) == ("CVPR 2016, Fig. 5", numbers)


@pytest.mark.parametrize(
    ("id", "values", "error"),
    [
        ("structur", {}, r"gatys2016.toml: figures.fig5.claims: .*'structure'"),
        ("structure", {"Conv2_2": 1.0}, r"claims.structure: there is no number 'Conv4_2'$"),
        ("structure", 1.0, r"claims.structure: there is no number 'Conv2_2'$"),
    ],
)
def test_a_claim_that_the_config_lacks_or_asks_otherwise(small_studio, id, values, error):
    with pytest.raises(ConfigError, match=error):
        small_studio().at("gatys2016/fig5").claim(id, values)


@pytest.mark.parametrize(
    ("figure", "change", "error"),
    [
        ("gatys2016/fig4", {"ratios": []}, r"gatys2016\.toml: figures\.fig4\.ratios: .* not given"),
        ("gatys2016/fig5", {"content_sets": {}}, r"figures\.fig5\.content_sets: .* not given"),
        ("gatys2016/fig5", {"crop": {}}, r"figures\.fig5\.crop: .* not given"),
        ("gatys2016/fig5", {"claims": {}}, r"figures\.fig5\.claims: .* not given"),
        (
            "nikulin2016/layers",
            {"seeds": [1, 2]},
            r"figures\.layers does not fit its function: .*\(nikulin2016\.py, line \d+\)$",
        ),
    ],
)
def test_a_config_that_does_not_fit_its_figure(small_studio, monkeypatch, figure, change, error):
    paper, name = figure.split("/")
    config = load_paper(paper)
    other = config.figures[name].model_copy(update=change)
    changed = config.model_copy(update={"figures": {**config.figures, name: other}})
    monkeypatch.setattr("replicate.papers.studio.load_paper", lambda _: changed)
    with pytest.raises(ConfigError, match=error):
        draw_figure(small_studio(), figure)


def test_a_picture_that_the_config_lacks(tiny_engine):
    with pytest.raises(ConfigError, match=r"figures\.fig5\.images\.bundled: .*'contnet'; did you"):
        Studio(tiny_engine()).at("gatys2016/fig5").picture("contnet")


def test_a_metric_that_no_measure_gave(small_studio):
    """The mistake is the function's, not the config's."""
    studio = small_studio().at("gatys2016/fig5")
    panels = studio.panels({"one": studio.preset}).measure(fidelity)
    for ask in (lambda: panels.grid(lines=["{sim:.2f}"]), lambda: panels.column("sim")):
        with pytest.raises(ReplicateError, match=r"gave the panel a 'sim'; did you .*ssim"):
            ask()


def test_a_reconstruction_without_a_fault_reads_as_infinitely_good(small_studio):
    studio = small_studio().at("gatys2016/fig5")
    panels = studio.panels({"one": studio.preset})
    panels.metrics["one"] = {"psnr": math.inf, "ssim": 0.5}
    panel = panels.panel("one", ["PSNR {psnr:.1f} dB", "SSIM {ssim:.2f}"])
    assert panel.lines == ("PSNR ∞ dB", "SSIM 0.50")
