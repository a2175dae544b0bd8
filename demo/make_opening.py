"""Draw what the page opens with: ``python -m demo.make_opening``.

Pictures that have been drawn before come from the result store, so a stopped run goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from PIL import Image, ImageOps

from replicate.config import load_preset
from replicate.engine.engine import Engine
from replicate.engine.job import Job
from replicate.images import bundled, load_image
from replicate.record import save_recorded
from replicate.storage.files import write_atomic
from replicate.storage.store import ResultStore

from . import opening
from .limits import Limits
from .settings import Settings

GRID = {"size": 320, "evaluations": 120}
EXAMPLE = {"size": 384, "evaluations": 200}
QUALITY = 72
CARD, INPUT = (216, 144), 88
"""Pixels of an example's card, and of what the grid was drawn from."""

RATIO = 4e-2
"""Of the grid's reference, Gatys' preset; every other cell pulls as hard for content and style."""


def grid(engine: Engine) -> Iterator[tuple[Path, Job]]:
    """The cells, with layers that pull equally hard, so that they differ in layers alone."""
    depths = list(opening.STYLE)
    base = _base()
    for content in opening.CONTENT:
        for count, style in enumerate(depths, 1):
            preset = base.preset.with_(content_layers=[content], style_layers=depths[:count])
            job = replace(base, preset=preset)
            balanced = engine.reader.balanced(job, like=base.preset)
            yield opening.cell(content, style), replace(job, preset=balanced)


def starts(engine: Engine) -> Iterator[tuple[Path, Job]]:
    """The grid's reference, from noise and from the photograph."""
    for init, path in opening.STARTS.items():
        yield path, replace(_base(), init=init)


def _base() -> Job:
    """What the grid's cells and the pictures of the starts change."""
    preset = _settings("gatys2016", RATIO, **GRID).preset()
    return Job(preset, bundled(opening.PHOTOGRAPH), bundled(opening.PAINTING), **GRID)


def measure(network: str) -> None:
    """Measure the pictures of the questions and write down what came out."""
    from .backend import Backend
    from .comparison import measured
    from .questions import QUESTIONS

    backend = Backend("cpu")
    photograph, painting = bundled(opening.PHOTOGRAPH), bundled(opening.PAINTING)
    stems = dict.fromkeys(side.stem for each in QUESTIONS for side in (each.first, each.second))
    found = {}
    for stem in stems:
        picture = load_image(opening.ASSETS / "grid" / f"{stem}.webp")
        style = painting.scaled_to(max(picture.size))
        numbers = measured(backend, picture, photograph, style, network)
        found[stem] = {name: float(f"{value:.3g}") for name, value in numbers.items()}
    text = json.dumps(found, indent=1) + "\n"
    write_atomic(opening.ASSETS / "grid" / "measures.json", text.encode())


def examples(engine: Engine) -> Iterator[tuple[Path, Job]]:
    """As the page's form asks for them."""
    for each in opening.EXAMPLES:
        settings = _settings(each.preset, each.ratio, **EXAMPLE)
        yield each.path, settings.job(bundled(each.content), bundled(each.style))


def _settings(preset: str, ratio: float, size: int, evaluations: int) -> Settings:
    start = Settings.of(load_preset(preset), Limits.here(on_gpu=False))
    return replace(start, size=size, evaluations=evaluations, ratio=ratio)


def _lighten(path: Path) -> None:
    """Write the file anew for the web, with its settings still in it."""
    with Image.open(path) as image:
        image.load()
        image.save(path, quality=QUALITY, method=6, exif=image.getexif())


def _small(path: Path) -> None:
    """A card's picture, beside the whole one."""
    with Image.open(path) as image:
        small = ImageOps.fit(image, CARD, centering=(0.5, 0.2))
        small.save(path.with_name(f"{path.stem}-small.webp"), quality=QUALITY, method=6)


def _inputs() -> None:
    """What the grid was drawn from."""
    for name in (opening.PHOTOGRAPH, opening.PAINTING):
        path = opening.ASSETS / "grid" / f"{name}.webp"
        path.parent.mkdir(parents=True, exist_ok=True)
        square = ImageOps.fit(bundled(name).pil(), (INPUT, INPUT))
        square.save(path, quality=QUALITY, method=6)


def main() -> int:
    """Write the pictures into ``demo/assets``."""
    parser = argparse.ArgumentParser(prog="python -m demo.make_opening", description=__doc__)
    parser.add_argument("what", choices=("grid", "starts", "examples", "measures"))
    parser.add_argument("--network", default="auto")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    if args.what == "measures":
        measure(args.network)
        return 0
    engine = Engine(args.device, network=args.network, store=ResultStore())
    if args.what == "grid":
        _inputs()
    jobs = {"grid": grid, "starts": starts, "examples": examples}[args.what]
    for path, job in jobs(engine):
        path.parent.mkdir(parents=True, exist_ok=True)
        save_recorded(engine.run(job), path)
        _lighten(path)
        if args.what == "examples":
            _small(path)
        print(path, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
