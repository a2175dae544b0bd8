"""Calibration: under which convention do our panels measure what the papers' printed ones do?

    python -m replicate.papers.calibration --size 512 --evaluations 2000

draws the panels of ``paper_configs/calibration.toml`` under each of its conventions, from the
papers' own pictures, and writes the numbers beside the published ones: ``measured.json`` and
``README.md`` in ``figures/calibration``.  What is in the result store is not drawn again, and runs
at other sizes, of other machines or of other networks are added to those that are there.
"""

from __future__ import annotations

import json
import math
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from statistics import mean
from typing import Any, Literal

from pydantic import Field, PositiveFloat

from ..cli.arguments import whole
from ..config import load_preset
from ..engine.engine import Engine
from ..engine.job import Job, fit
from ..engine.preset import Init, Preset
from ..errors import ReplicateError, one_line
from ..images import Picture, paper_image
from ..measure.metrics import edge_correlation, psnr, ssim
from ..storage.files import configs_dir, write_atomic
from ..storage.store import ResultStore
from ..strict import Strict, read_toml, validated

FOLDER = Path("figures/calibration")
CONFIG = "calibration.toml"
PRESENT = "normalised-max"
"""The convention of the presets gatys2015 and gatys2016."""

METRICS = {"edges": edge_correlation, "ssim": ssim, "psnr": psnr}


class PublishedPanel(Strict):
    """What a printed panel measures against its photograph, and what sets it apart."""

    edges: float
    ssim: float
    psnr: float
    ratio: PositiveFloat | None = None
    content_layers: list[str] = Field(default_factory=list)


class PublishedFigure(Strict):
    """Panels of one photograph; without ``style`` they are reconstructions of content."""

    source: str
    content: str
    style: str = ""
    stand_in: bool = False
    panels: dict[str, PublishedPanel]


class Convention(Strict):
    """What the printed ratio multiplies, and how a picture is found: changes to ``gatys2016``.

    Attributes:
        style_layers: the layers' weights; N is the number of channels.
        ratio_factor: what factors before the losses make of the printed ratio.
        stretched: the painting has the canvas' shape, instead of its own at as many pixels.
    """

    about: str
    network: dict[str, Any] = Field(default_factory=dict)
    style_layers: Literal["1/5", "1/N²"] = "1/5"
    ratio_factor: PositiveFloat = 1.0
    clamp: bool = True
    init: Init = "noise"
    stretched: bool = False

    def preset(self, panel: PublishedPanel) -> Preset:
        """The preset that draws the panel; alpha as it is printed, and style from the start."""
        base = load_preset("gatys2016")
        layers: Any = list(base.style_layers) if panel.ratio else []
        if panel.ratio and self.style_layers == "1/N²":
            layers = load_preset("gatys2016-code").style_layers
        return base.with_(
            network=self.network,
            content_layers=panel.content_layers or list(base.content_layers),
            style_layers=layers,
            ratio=(panel.ratio or 1.0) * self.ratio_factor,
            ratio_pixels=None,
            clamp=self.clamp,
        )


class Config(Strict):
    introduction: str
    figures: dict[str, PublishedFigure]
    conventions: dict[str, Convention]


@cache
def config() -> Config:
    """``paper_configs/calibration.toml``, checked."""
    path = configs_dir() / CONFIG
    return validated(Config, read_toml(path), path)


@dataclass(frozen=True)
class Setting:
    """What the panels of a run share."""

    network: str
    size: int
    evaluations: int


@dataclass(frozen=True)
class Measured:
    """One panel under one convention, against its photograph; the loss is its weighted total."""

    setting: Setting
    convention: str
    figure: str
    panel: str
    edges: float
    ssim: float
    psnr: float
    loss: float

    @property
    def key(self) -> tuple[Any, ...]:
        return self.setting, self.convention, self.figure, self.panel


def jobs(convention: str, figure: str, size: int, evaluations: int) -> dict[str, Job]:
    """The figure's panels under the convention, by label.

    Raises:
        ImageError: a picture of the paper is not to be had.
    """
    how, what = config().conventions[convention], config().figures[figure]
    photograph = paper_image(what.content)
    painting: Picture | None = paper_image(what.style) if what.style else None
    if painting and how.stretched:
        painting = painting.resized(*fit(photograph.size, size))
    return {
        label: Job(
            how.preset(panel),
            photograph,
            painting,
            size=size,
            evaluations=evaluations,
            init=how.init if painting else "noise",
            label=f"{convention}, {figure} {label}",
        )
        for label, panel in what.panels.items()
    }


def measure(engine: Engine, convention: str, figure: str, setting: Setting) -> list[Measured]:
    """Draw the figure's panels, or take them from the store, and measure them."""
    wanted = jobs(convention, figure, setting.size, setting.evaluations)
    found = []
    for label, result in zip(wanted, engine.run_many(list(wanted.values()))):
        pair = result.picture.pixels, result.job.content_on_canvas.pixels
        numbers = {name: round(metric(*pair), 4) for name, metric in METRICS.items()}
        found.append(Measured(setting, convention, figure, label, loss=result.loss, **numbers))
    return found


# ---- what was measured, over all runs


def read(path: Path) -> list[Measured]:
    """Rows of ``measured.json``; none if there is no such file."""
    if not path.exists():
        return []
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [Measured(**{**row, "setting": Setting(**row["setting"])}) for row in rows]


def merged(old: Iterable[Measured], new: Iterable[Measured]) -> list[Measured]:
    """All rows, the new ones in the place of old ones of the same panel."""
    return list({row.key: row for row in (*old, *new)}.values())


def write(folder: Path, rows: Sequence[Measured]) -> None:
    """``measured.json``, and the page that is made of it."""
    text = ",\n".join(json.dumps(asdict(row), ensure_ascii=False) for row in rows)
    write_atomic(folder / "measured.json", f"[\n{text}\n]\n".encode())
    write_atomic(folder / "README.md", page(rows).encode())


# ---- the page


def page(rows: Sequence[Measured]) -> str:
    """Our numbers beside the published ones: a table for every setting and figure."""
    return "\n".join([f"# Calibration\n\n{config().introduction}", *_sections(rows)])


def _sections(rows: Sequence[Measured]) -> Iterator[str]:
    for setting in dict.fromkeys(row.setting for row in rows):
        yield f"\n## {setting.network}, {setting.size} px, {setting.evaluations:,} evaluations"
        for figure, published in config().figures.items():
            drawn: dict[str, dict[str, float]] = {}
            for row in rows:
                if (row.setting, row.figure) == (setting, figure):
                    drawn.setdefault(row.convention, {})[row.panel] = row.edges
            if drawn:
                yield f"\n### {published.source}{' (from other pictures)' * published.stand_in}\n"
                yield f"{summary(figure, drawn)}\n"
                yield table(figure, drawn)


def summary(figure: str, drawn: Mapping[str, Mapping[str, float]]) -> str:
    """Which convention is nearest to the printed panels, and how near that of the presets is."""
    misfits = {name: misfit(figure, ours) for name, ours in drawn.items()}
    nearest = min(misfits, key=lambda name: misfits[name])
    first = "Nearest" if len(misfits) > 1 else "Drawn under one convention"
    text = f"{first}: {config().conventions[nearest].about}; misfit {misfits[nearest]:.2f}."
    if nearest != PRESENT and PRESENT in misfits:
        text += f" The presets' own convention: {misfits[PRESENT]:.2f}."
    return text


def table(figure: str, drawn: Mapping[str, Mapping[str, float]]) -> str:
    """Markdown: edge correlations, a row for each convention, the nearest to the printed first.

    Args:
        drawn: convention to panel to edge correlation.
    """
    published = config().figures[figure]
    printed = {label: panel.edges for label, panel in published.panels.items()}
    last = "first over last" if published.stand_in else "misfit"
    lines = [["", *printed, last], ["---"] * (len(printed) + 2)]
    lines.append(_line("**printed**", figure, printed, list(printed)))
    for name, ours in sorted(drawn.items(), key=lambda item: misfit(figure, item[1])):
        lines.append(_line(config().conventions[name].about, figure, ours, list(printed)))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _line(name: str, figure: str, edges: Mapping[str, float], labels: Sequence[str]) -> list[str]:
    number = _ratio(edges) if config().figures[figure].stand_in else misfit(figure, edges)
    return [name, *(f"{edges[label]:.2f}" for label in labels), f"{number:.2f}"]


def misfit(figure: str, edges: Mapping[str, float]) -> float:
    """How far from the printed panels: root mean square difference of edge correlation.

    Of a figure that is drawn from other pictures, how far the first panel over the last is from
    the printed ones', as the logarithm of their quotient.
    """
    published = config().figures[figure]
    printed = {label: panel.edges for label, panel in published.panels.items()}
    if published.stand_in:
        return abs(math.log(_ratio(edges) / _ratio(printed)))
    return math.sqrt(mean((edges[label] - each) ** 2 for label, each in printed.items()))


def _ratio(edges: Mapping[str, float]) -> float:
    first, *_, last = edges.values()
    return first / last


def main(arguments: Sequence[str] | None = None) -> None:
    parser = ArgumentParser(prog="python -m replicate.papers.calibration", description=__doc__)
    parser.add_argument("--size", type=whole(16, 4096), default=512)
    parser.add_argument("--evaluations", type=whole(1, 100_000), default=2000)
    parser.add_argument("--figures", nargs="+", choices=config().figures, metavar="FIGURE")
    parser.add_argument("--conventions", nargs="+", choices=config().conventions, metavar="NAME")
    parser.add_argument("--network", default="vgg19-caffe", help="that draws all panels")
    parser.add_argument("--out", type=Path, default=FOLDER)
    args = parser.parse_args(arguments)
    try:
        engine = Engine(network=args.network, store=ResultStore())
        setting = Setting(engine.networks.chosen, args.size, args.evaluations)
        for convention in args.conventions or config().conventions:
            for figure in args.figures or config().figures:
                measured = measure(engine, convention, figure, setting)
                write(args.out, merged(read(args.out / "measured.json"), measured))
                print(*measured, sep="\n", flush=True)
    except ReplicateError as error:
        print(f"calibration: {one_line(error)}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
