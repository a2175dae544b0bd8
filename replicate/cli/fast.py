"""``replicate fast``: networks that draw in one pass."""

from __future__ import annotations

import os
import signal
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..config import load_preset
from ..engine.device import choose_device, choose_dtype
from ..engine.preset import Preset
from ..errors import ImageError, ReplicateError
from ..fast.goal import MIXER, Goal, MixerGoal, SingleGoal
from ..fast.train import CPU, Recipe, Trainer, train
from ..fast.use import Fast, write
from ..fast.video import FORMATS, draw_video, is_video
from ..images import Picture, bundled, find_image
from ..layer_list import layer_weights, parse_layers
from ..networks.networks import Networks
from ..networks.spec import NetworkInfo
from ..photographs import SUFFIXES, held_out_and_rest, load_shrunk
from ..storage.files import require_room
from . import STOPPED
from .parser import UsageError
from .text import notify, print_json, print_table

SAMPLE = "astronaut"
SAVED = (".png", ".jpg", ".jpeg", ".webp")


def run(args: Namespace) -> int:
    """List networks, draw with one, or train one."""
    return {"list": _list, "apply": _apply, "train": _train}[args.action or "list"](args)


def _list(args: Namespace) -> int:
    found = [Fast.load(name) for name in Fast.list()]
    if args.json:
        print_json({fast.name: fast.record for fast in found})
        return 0
    rows = [
        (fast.name, "any setting" if fast.units else fast.preset.name, ", ".join(fast.styles))
        for fast in found
    ]
    print_table(["NETWORK", "TRAINED FOR", "STYLES"], rows)
    return 0


# ---- drawing


def _apply(args: Namespace) -> int:
    if not args.names:
        raise UsageError("'fast apply' needs a picture, such as: replicate fast apply photo.jpg")
    fast = Fast.load(args.use or "mixer", args.device)
    wish = _wish(args)
    fast.setting(args.style, **wish)  # wrong settings are told before anything is drawn

    def draw(picture: Picture) -> Picture:
        return fast(picture, args.style, args.size, **wish)

    sources = list(_sources(args.names))
    outs = _places(args.out, sources)
    written = []
    for source, out in zip(sources, outs, strict=True):
        begun = time.perf_counter()
        if is_video(source):
            draw_video(Path(source), out, draw, notify)
        else:
            draw(find_image(source)).save(out)
        written.append({"file": str(out), "seconds": round(time.perf_counter() - begun, 3)})
        if not args.json:
            print(f"{out}  {written[-1]['seconds']:.2f} s", flush=True)
    if args.json:
        print_json(written)
    return 0


def _wish(args: Namespace) -> dict[str, Any]:
    """What the options ask of a mixer."""
    wish: dict[str, Any] = {}
    if args.layers is not None:
        try:
            weights = layer_weights(parse_layers(args.layers))
        except ValueError as error:
            raise UsageError(f"--layers {error}.") from error
        wish["layers"] = weights if isinstance(weights, dict) else dict.fromkeys(weights, 1.0)
    if args.content is not None:
        wish["content"] = args.content
    if args.ratio is not None:
        wish["ratio"] = args.ratio
    return wish


def _sources(names: list[str]) -> Iterator[str]:
    """Names of pictures; a folder stands for the pictures in it."""
    for name in names:
        if not os.path.isdir(name):
            yield name
            continue
        inside = sorted(each for each in Path(name).iterdir() if each.suffix.lower() in SUFFIXES)
        if not inside:
            raise ImageError(f"There is no picture in '{name}'.")
        yield from map(str, inside)


def _places(out: str | None, sources: list[str]) -> list[Path]:
    """Where each goes: to the one name ``out``, or under names of their own into that folder."""
    if len(sources) == 1 and not os.path.isdir(out or ""):
        endings = list(FORMATS) if is_video(sources[0]) else SAVED
        place = Path(out or f"out{endings[0]}")
        if place.suffix.lower() not in endings:
            known = ", ".join(endings)
            raise UsageError(f"Cannot write '{place}': its name must end in one of {known}.")
        require_room(place.parent)
        return [place]
    if out is None or Path(out).suffix:
        raise UsageError("Several pictures need a folder to go to: -o FOLDER.")
    require_room(out)
    endings = [".mp4" if is_video(each) else ".png" for each in sources]
    places = [Path(out) / (Path(each).stem + end) for each, end in zip(sources, endings)]
    if len(set(places)) < len(places):
        raise UsageError("Two of the pictures have one name: draw them into different folders.")
    return places


# ---- training


def _train(args: Namespace) -> int:
    if not args.names:
        raise UsageError("'fast train' needs a style, such as: replicate fast train wave")
    if args.pictures is None:
        raise UsageError("'fast train' needs photographs: --pictures FOLDER.")
    device = choose_device(args.device)
    recipe = _recipe(args, device)
    out = Path(args.out or f"{'mixer' if args.mixer else args.names[0]}.safetensors")
    if out.suffix != ".safetensors":
        raise UsageError(f"Cannot write '{out}': its name must end in .safetensors.")
    folder = Path(args.run or out.with_suffix(""))
    require_room(folder, 1 << 27)
    goal, judge = _goal(args, recipe, device)
    trainer = Trainer(recipe, goal, _photographs(Path(args.pictures)))
    with _stopped_kindly() as stopped:
        train(trainer, folder, bundled(SAMPLE), notify, stopped)
    write(out, trainer.average, trainer.record(judge))
    print(f"{out}  {trainer.progress.step} steps, {trainer.progress.seconds / 60:.0f} minutes")
    return STOPPED if stopped() else 0


def _recipe(args: Namespace, device: torch.device) -> Recipe:
    recipe = CPU if device.type == "cpu" else Recipe()
    if args.minutes:
        return replace(recipe, minutes=args.minutes, steps=0, decay=True, seed=args.seed)
    return replace(recipe, steps=args.steps or recipe.steps, seed=args.seed)


def _goal(args: Namespace, recipe: Recipe, device: torch.device) -> tuple[Goal, NetworkInfo]:
    """What is trained for, and the network whose losses count."""
    styles = {Path(name).stem: find_image(name) for name in args.names}
    preset: Preset = MIXER
    if not args.mixer:
        if len(styles) > 1:
            raise UsageError("A network of one setting has one style; --mixer takes several.")
        preset = load_preset(args.preset or "johnson2016")
    elif args.preset or args.balanced:
        raise UsageError("--mixer draws its settings itself and takes no --preset or --balanced.")
    chosen = args.network or ("vgg19-compact" if device.type == "cpu" else "auto")
    networks = Networks(device, choose_dtype("auto", device), chosen, notify)
    given = preset, networks.network(preset.network), styles, recipe.style_size
    goal = MixerGoal(*given) if args.mixer else SingleGoal(*given, balanced=args.balanced)
    return goal, networks.info(preset.network)


def _photographs(folder: Path) -> list[np.ndarray]:
    """All photographs of the folder but those held out; files that are no pictures are passed."""
    if not folder.is_dir():
        raise UsageError(f"--pictures: there is no folder '{folder}'.")
    held_out, rest = held_out_and_rest(folder)
    found = []
    for file in rest or held_out:
        try:
            found.append(load_shrunk(file))
        except (OSError, ValueError) as error:
            notify(f"'{file}' is passed over: {error}")
    if not found:
        raise ReplicateError(f"There is no photograph in '{folder}'.")
    return found


@contextmanager
def _stopped_kindly() -> Iterator[Callable[[], bool]]:
    """Ctrl-C ends the training at the next step, so that what was learnt is written."""
    asked: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: asked.append(number))
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, before)
