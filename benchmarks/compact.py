"""How well the compact network stands in for VGG-19: everything that its bounds speak of.

    python -m benchmarks.compact transfers --pictures FOLDER
    python -m benchmarks.compact reconstructions --pictures FOLDER
    python -m benchmarks.compact speed
    python -m benchmarks.compact layers --pictures FOLDER
    python -m benchmarks.compact claims EVIDENCE
    python -m benchmarks.compact strips

Each command measures one thing, adds it to ``benchmarks/compact.json`` and writes
``benchmarks/compact.md`` and the model card anew.  All but ``speed`` and ``claims`` need the real
VGG-19.  Pictures are drawn by the engine and kept in its result store: a command that was stopped
goes on where it was, and ``--only`` and ``--pairs`` share the drawing out over several runs.
``--quick`` shows that everything works, on small pictures, and writes nothing.

Without a folder the bundled pictures serve; with one, pictures in it that took no part in
training (:func:`replicate.photographs.is_held_out`).
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from replicate.compact.model import CONVOLUTIONS, POOLINGS
from replicate.config import load_preset, load_profile
from replicate.engine.device import has_bf16
from replicate.engine.engine import Engine, Progress
from replicate.engine.job import ENGINE_VERSION, Job, Result
from replicate.engine.preset import Preset
from replicate.errors import ReplicateError
from replicate.figure.verdicts import judged, read_rows
from replicate.images import Picture, bundled, bundled_names, load_image
from replicate.measure.metrics import psnr, relative_gram_distance
from replicate.networks.spec import NetworkSpec
from replicate.networks.weights import find_weights, load_weights
from replicate.papers.studio import only
from replicate.papers.verdicts import definitions
from replicate.photographs import held_out_and_rest
from replicate.storage.store import ResultStore

from .compact_record import (
    CONTENT,
    RECORD,
    STYLE_LAYERS,
    Agreement,
    Differing,
    Errors,
    Layers,
    Measured,
    Pace,
    Pair,
    Reconstructions,
    Speed,
    Transfers,
    load,
    save,
)
from .compact_report import (
    STRIPS,
    agreement_text,
    layers_text,
    reconstructions_text,
    speed_text,
    transfers_text,
    write,
)
from .engine import processor, seconds
from .peak_memory import square_transfer

COMPACT = "vgg19-compact"
VGG = "vgg19-caffe"
KEYS: dict[str, Literal["compact", "vgg19"]] = {COMPACT: "compact", VGG: "vgg19"}
"""Networks, and what the record calls them."""

PHOTOGRAPHS, STYLES = 8, 4
RECONSTRUCTED = 3
CHECKED = 40
"""Pictures over which errors by layer are taken."""

DEPTHS = ("relu1_2", "relu2_2", "relu3_2", "relu4_2", "relu5_2")
"""Of the content reconstructions, as in Gatys et al. 2016, Fig. 1."""

NO_PHOTOGRAPHS = ("painting", "texture", "dtd", "johnson", "paper", "seed")
"""Folders with one of these in their name hold other pictures than photographs."""

WARM_UP = 25
"""Evaluations before timing: L-BFGS has then filled its history."""

STRIP_PAIRS = (("astronaut", "swirls"), ("chelsea", "facets"), ("coffee", "mosaic"))


@dataclass(frozen=True)
class Inputs:
    """What is drawn from."""

    kind: Literal["held-out", "bundled"]
    photographs: list[Picture]
    styles: list[Picture]

    def pairs(self) -> list[tuple[Picture, Picture]]:
        """Every photograph with every style; the first ones already mix both."""
        count = len(self.styles)
        return [
            (photograph, self.styles[(turn + index) % count])
            for turn in range(count)
            for index, photograph in enumerate(self.photographs)
        ]


@dataclass(frozen=True)
class Scale:
    """How large and how long: the bounds' own, or small ones for trying."""

    size: int = 256
    evaluations: int = 200
    pairs: int = PHOTOGRAPHS * STYLES
    photographs: int = RECONSTRUCTED
    checked: int = CHECKED
    rounds: int = 60
    warm_up: int = WARM_UP


FULL = Scale()
QUICK = Scale(64, 10, pairs=2, photographs=1, checked=2, rounds=3, warm_up=2)


# Pictures


def held_out(folder: Path) -> list[Path]:
    """Pictures under ``folder`` that took no part in training, sorted.

    Raises:
        ReplicateError: there are none.
    """
    found, _ = held_out_and_rest(folder)
    if not found:
        raise ReplicateError(f"There are no held-out pictures in '{folder}'.")
    return found


def spread(files: Sequence[Path], count: int) -> list[Path]:
    """``count`` of the files, or all if they are fewer, evenly from first to last."""
    if len(files) <= count:
        return list(files)
    return [files[round(index * (len(files) - 1) / (count - 1))] for index in range(count)]


def choose_inputs(folder: Path | None) -> Inputs:
    """Photographs and styles: held-out ones of a folder, else the bundled ones.

    Raises:
        ReplicateError: the folder holds too few of a kind.
    """
    if folder is None:
        names = bundled_names()
        photographs = [bundled(name) for name in names["photographs"][:PHOTOGRAPHS]]
        return Inputs("bundled", photographs, [bundled(n) for n in names["artworks"][:STYLES]])
    files = held_out(folder)
    scenes = [f for f in files if not any(word in f.parent.name for word in NO_PHOTOGRAPHS)]
    paintings = [file for file in files if "painting" in file.parent.name]
    if len(scenes) < PHOTOGRAPHS or len(paintings) < STYLES:
        raise ReplicateError(
            f"'{folder}' holds {len(scenes)} photographs and {len(paintings)} paintings that were "
            f"held out; {PHOTOGRAPHS} and {STYLES} are needed."
        )
    return Inputs(
        "held-out",
        [load_image(file) for file in spread(scenes, PHOTOGRAPHS)],
        [load_image(file) for file in spread(paintings, STYLES)],
    )


# Transfers


def transfer_jobs(pairs: Sequence[tuple[Picture, Picture]], scale: Scale) -> dict[str, Job]:
    """The objective of Gatys et al. 2016, from the photograph, by the names of the pictures."""
    preset = load_preset("gatys2016").with_(init="content")
    return {
        f"{photograph.name} × {style.name}": Job(
            preset,
            photograph,
            style,
            size=scale.size,
            evaluations=scale.evaluations,
            label=f"{photograph.name} × {style.name}",
        )
        for photograph, style in pairs
    }


def draw(jobs: Mapping[str, Job], network: str, workers: int = 1) -> dict[str, Result]:
    """Draw jobs with one network, or take them from the store."""
    engine = Engine(network=network, store=ResultStore(), workers=workers)
    return dict(zip(jobs, engine.run_many(list(jobs.values()), said(network))))


def said(network: str) -> Progress:
    """Says on stderr which pictures are done."""

    def progress(job: Job, done: int, of: int) -> None:
        if done == of:
            print(f"{network}: {job.label}", file=sys.stderr, flush=True)

    return progress


class Judge:
    """The real VGG-19 in float32, whatever network drew."""

    def __init__(self) -> None:
        self.engine = Engine(network=VGG, precision="float32")

    def distances(self, picture: Picture, job: Job) -> dict[str, float]:
        """Of a picture to the job's style and content, as in the record's :class:`Pair`."""
        assert job.content is not None and job.style is not None
        spec = job.preset.network
        style = job.style.resized(*job.style_size)
        found = self.engine.reader.style_distances(picture, style, STYLE_LAYERS, spec)
        content = job.content.resized(*job.canvas)
        ours, theirs = (
            self.engine.reader.features(each, [CONTENT], spec)[CONTENT].wide()
            for each in (picture, content)
        )
        return {**found, CONTENT: relative_error(ours, theirs)}


def relative_error(ours: Tensor, theirs: Tensor) -> float:
    """||F - P||^2 / ||P||^2."""
    return float((ours - theirs).square().sum() / theirs.square().sum())


def transfers(options: argparse.Namespace, scale: Scale, before: Transfers | None) -> Transfers:
    """Draw the chosen pairs with both networks and measure them.

    ``before`` holds what earlier runs measured; its pairs are kept if they were drawn alike, and
    VGG-19 does not draw them again.
    """
    inputs = choose_inputs(options.pictures)
    chosen = inputs.pairs()[: scale.pairs]
    jobs = transfer_jobs(part(chosen, options.pairs), scale)
    found = Transfers(**how(scale), inputs=inputs.kind, pairs={})
    known = before.pairs if before and found.drawn_as(before) else {}
    new = {name: job for name, job in jobs.items() if name not in known}
    by_compact = draw(jobs, COMPACT, options.workers)
    by_vgg = draw(new, VGG, options.workers)
    judge = Judge()
    for name, job in jobs.items():
        if name in new:
            assert job.content is not None
            photograph = judge.distances(job.content.resized(*job.canvas), job)
            pair = Pair(photograph=photograph, vgg19=judge.distances(by_vgg[name].picture, job))
        else:
            pair = known[name]
        ours = judge.distances(by_compact[name].picture, job)
        found.pairs[name] = pair.model_copy(update={"compact": ours})
        print(f"measured: {name}", file=sys.stderr, flush=True)
    return found.after(before) if before else found


def how(scale: Scale) -> dict[str, Any]:
    """On what, by what and how long pictures are drawn."""
    return {
        "machine": machine(),
        "engine": ENGINE_VERSION,
        "size": scale.size,
        "evaluations": scale.evaluations,
    }


def part(pairs: Sequence[tuple[Picture, Picture]], span: slice | None) -> Sequence:
    """The pairs that were asked for.

    Raises:
        ReplicateError: there are no such pairs.
    """
    found = pairs[span] if span else pairs
    if not found:
        raise ReplicateError(f"There are {len(pairs)} pairs, and none of those asked for.")
    return found


# Reconstructions


def figure_preset() -> Preset:
    """``gatys2016`` as the gallery draws it: noise starts go from coarse to fine."""
    return load_preset("gatys2016").with_(scales=load_profile("gallery").scales)


def reconstruction_jobs(photographs: Sequence[Picture], scale: Scale) -> dict[str, dict[str, Job]]:
    """From noise, one layer at a time, as figures are drawn: photograph, then layer."""
    preset = figure_preset()
    return {
        photograph.name: {
            layer: Job(
                only(preset, "content", [layer]),
                photograph,
                size=scale.size,
                evaluations=scale.evaluations,
                label=f"{photograph.name} from {layer}",
            )
            for layer in DEPTHS
        }
        for photograph in photographs
    }


def reconstructions(
    options: argparse.Namespace, scale: Scale, before: Reconstructions | None
) -> Reconstructions:
    """PSNR of content reconstructions over depths by both networks.

    ``before`` holds what earlier runs measured; what VGG-19 drew alike is not drawn again.
    """
    photographs = choose_inputs(options.pictures).photographs
    found = Reconstructions(**how(scale), psnr={})
    known = before.psnr if before and found.drawn_as(before) else {}
    for name, jobs in reconstruction_jobs(photographs[: scale.photographs], scale).items():
        networks = (COMPACT,) if name in known else (VGG, COMPACT)
        found.psnr[name] = {**known.get(name, {})}
        for network in networks:
            found.psnr[name][KEYS[network]] = {
                layer: psnr(result.picture.pixels, photograph_of(result).pixels)
                for layer, result in draw(jobs, network, options.workers).items()
            }
    return found


def photograph_of(result: Result) -> Picture:
    """The content picture at the size of the drawn one."""
    assert result.job.content is not None
    return result.job.content.resized(*result.picture.size)


# Speed and memory


def full_network() -> str:
    """VGG-19, or its shape with random weights where it is not at hand: they take one time."""
    return VGG if find_weights(VGG) else "vgg19-random"


def speed(scale: Scale) -> Speed:
    """Evaluations a second, the networks taking turns, and peak memory of each alone."""
    has = has_bf16(torch.device("cpu"))
    precisions = ["bf16", "float32"] if has else ["float32"]
    job = square_transfer(scale.size, scale.warm_up + scale.rounds + 2)
    paces = []
    for precision in precisions:
        streams = [
            Engine(device="cpu", network=network, precision=precision).stream(job)  # type: ignore[arg-type]
            for network in (COMPACT, full_network())
        ]
        for stream in streams:
            for _ in range(scale.warm_up):
                next(stream)
        ours, theirs = seconds(*(stream.__next__ for stream in streams), rounds=scale.rounds)
        for stream in streams:
            stream.close()  # type: ignore[attr-defined]
        paces.append(
            Pace(
                precision=precision,
                compact=1 / ours,
                vgg19=1 / theirs,
                compact_memory=memory_alone(COMPACT, precision, scale.size, scale.warm_up),
                vgg19_memory=memory_alone(full_network(), precision, scale.size, scale.warm_up),
            )
        )
    return Speed(machine=machine(), size=scale.size, torch_memory=memory_alone(), paces=paces)


def memory_alone(*arguments: object) -> float:
    """Peak memory in MB of a process that does what :mod:`benchmarks.peak_memory` is told."""
    command = [sys.executable, "-m", "benchmarks.peak_memory", *map(str, arguments)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


# Errors by layer


def layers(options: argparse.Namespace, scale: Scale) -> Layers:
    """Errors of feature maps and Gram matrices against VGG-19, medians over pictures."""
    if options.pictures:
        pictures = [load_image(file) for file in spread(held_out(options.pictures), scale.checked)]
    else:
        pictures = [bundled(name) for name in bundled_names()["photographs"]][: scale.checked]
    engines = [Engine(network=name, precision="float32") for name in (COMPACT, VGG)]
    found = {
        pooling: [
            picture_errors(
                engines,
                picture.scaled_to(scale.size),
                NetworkSpec.model_validate({"pooling": pooling}),
            )
            for picture in pictures
        ]
        for pooling in POOLINGS
    }

    def middle(pooling: str, key: str) -> float:
        return median(each[key] for each in found[pooling])

    return Layers(
        inputs="held-out" if options.pictures else "bundled",
        pictures=len(pictures),
        size=scale.size,
        errors={
            name: Errors(
                relu=middle("max", f"relu{name}"),
                relu_average=middle("average", f"relu{name}"),
                conv=middle("max", f"conv{name}"),
                gram=middle("max", f"gram{name}"),
            )
            for name in CONVOLUTIONS
        },
    )


def picture_errors(
    engines: Sequence[Engine], picture: Picture, spec: NetworkSpec
) -> dict[str, float]:
    """Of the first engine against the second, keyed ``relu1_1``, ``conv1_1``, ``gram1_1``, ..."""
    names = [f"{kind}{name}" for kind in ("relu", "conv") for name in CONVOLUTIONS]
    ours, theirs = (engine.reader.features(picture, names, spec) for engine in engines)
    errors = {name: relative_error(ours[name].wide(), theirs[name].wide()) for name in names}
    for name in CONVOLUTIONS:
        grams = (maps[f"relu{name}"].wide_gram()[0].cpu() for maps in (ours, theirs))
        errors[f"gram{name}"] = relative_gram_distance(*grams)
    return errors


# Agreement of claims


def agreement(folder: Path) -> Agreement:
    """Verdicts from rows of evidence in a folder, by VGG-19 and by compact.

    Raises:
        ReplicateError: no claim was judged by both.
    """
    rows = read_rows(folder)
    by_vgg, by_compact = (
        judged(definitions(), [row for row in rows if row.network == name])
        for name in ("vgg19-caffe", COMPACT)
    )
    both = [claim for claim in by_vgg if claim in by_compact]
    if not both:
        raise ReplicateError(f"No claim in '{folder}' was judged by VGG-19 and by {COMPACT}.")
    found = [by_vgg[claim].setting for claim in both] + [
        by_compact[claim].setting for claim in both
    ]
    return Agreement(
        profile=_one(
            {f"{setting.size} px, {setting.evaluations} evaluations" for setting in found}
        ),
        inputs=_one({each.pictures for each in found}),
        claims=len(both),
        differing=[
            Differing(
                claim=claim,
                text=by_vgg[claim].definition.text,
                vgg19=by_vgg[claim].word,
                compact=by_compact[claim].word,
            )
            for claim in both
            if by_vgg[claim].word != by_compact[claim].word
        ],
    )


def _one(values: set[str]) -> str:
    return " and ".join(sorted(values))


# Side by side


def strips(scale: Scale) -> list[Path]:
    """Bundled inputs in the Gatys preset: photograph, artwork, VGG-19, compact side by side."""
    preset = figure_preset()
    jobs = {
        f"{photograph}-{style}": Job(
            preset,
            bundled(photograph),
            bundled(style),
            size=scale.size,
            evaluations=scale.evaluations,
            label=f"{photograph} × {style}",
        )
        for photograph, style in STRIP_PAIRS
    }
    drawn = [draw(jobs, network) for network in (VGG, COMPACT)]
    return [
        strip(name, job, [results[name].picture for results in drawn]) for name, job in jobs.items()
    ]


def strip(name: str, job: Job, drawn: Sequence[Picture]) -> Path:
    """Write one strip of equally high panels as a small WebP file."""
    assert job.style is not None and job.content is not None
    height = job.canvas[1]
    style = job.style.resized(round(height * job.style.size[0] / job.style.size[1]), height)
    panels = [job.content.resized(*job.canvas), style, *drawn]
    gap = np.full((height, 6, 3), 255, np.uint8)
    row = np.concatenate([a for panel in panels for a in (panel.pixels, gap)][:-1], axis=1)
    path = STRIPS / f"{name}.webp"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(row).save(path, "WEBP", quality=82, method=6)
    return path


# The command


def machine() -> str:
    return f"{processor()}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def span(text: str) -> slice:
    """``1-8`` or ``3``: pairs counted from 1."""
    found = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    if not found or int(found[1]) < 1:
        raise argparse.ArgumentTypeError(f"needs pairs such as 1-8 or 3, not '{text}'")
    first = int(found[1])
    return slice(first - 1, int(found[2] or first))


def folder(text: str) -> Path:
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder '{text}'")
    return Path(text)


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = options.add_subparsers(dest="command", required=True)
    options.set_defaults(quick=False)
    threads = argparse.ArgumentParser(add_help=False)
    threads.add_argument("--threads", type=int, default=0, help="of torch; default: its own choice")
    trying = argparse.ArgumentParser(add_help=False)
    trying.add_argument("--quick", action="store_true", help="small and short; writes nothing")
    drawing = argparse.ArgumentParser(add_help=False)
    images = os.environ.get("REPLICATE_IMAGES")
    drawing.add_argument(
        "--pictures",
        type=folder,
        default=Path(images) if images and Path(images).is_dir() else None,
        help="folder with held-out pictures; default: REPLICATE_IMAGES, else the bundled ones",
    )
    drawing.add_argument("--workers", type=int, default=1, help="pictures drawn at a time")
    fidelity = commands.add_parser("transfers", parents=[threads, trying, drawing])
    fidelity.add_argument("--pairs", type=span, help="only these, such as 1-8")
    fidelity.add_argument(
        "--only", choices=KEYS, help="draw with this network into the store and measure nothing"
    )
    commands.add_parser("reconstructions", parents=[threads, trying, drawing])
    commands.add_parser("speed", parents=[threads, trying])
    commands.add_parser("layers", parents=[threads, trying, drawing])
    claims = commands.add_parser("claims", parents=[threads])
    claims.add_argument("evidence", type=folder, help="rows by VGG-19 and by compact")
    commands.add_parser("strips", parents=[threads])
    return options


def run(options: argparse.Namespace) -> str:
    """Do one command; what it found, in words."""
    scale = QUICK if options.quick else FULL
    if options.threads:
        torch.set_num_threads(options.threads)
    sha256 = load_weights(COMPACT).sha256
    if options.command == "transfers" and options.only:
        pairs = part(choose_inputs(options.pictures).pairs()[: scale.pairs], options.pairs)
        drawn = draw(transfer_jobs(pairs, scale), options.only, options.workers)
        return f"{len(drawn)} pairs are drawn."
    found, text = measure(options, scale, load(sha256, RECORD))
    if not options.quick:
        measured = load(sha256, RECORD).having(**found)  # another command may have written it
        save(measured, RECORD)
        write(measured)
    return text


def measure(
    options: argparse.Namespace, scale: Scale, known: Measured
) -> tuple[dict[str, Any], str]:
    """What one command measured, as fields of the record, and in words."""
    if options.command == "transfers":
        fidelity = transfers(options, scale, known.transfers)
        return {"transfers": fidelity}, transfers_text(fidelity)
    if options.command == "reconstructions":
        depths = reconstructions(options, scale, known.reconstructions)
        return {"reconstructions": depths}, reconstructions_text(depths)
    if options.command == "speed":
        pace = speed(scale)
        return {"speed": pace}, speed_text(pace)
    if options.command == "layers":
        errors = layers(options, scale)
        return {"layers": errors}, layers_text(errors)
    if options.command == "claims":
        verdicts = agreement(options.evidence)
        return {"agreement": verdicts}, agreement_text(verdicts)
    return {}, "\n".join(map(str, strips(scale)))


def main(arguments: Sequence[str] | None = None) -> None:
    try:
        print(run(parser().parse_args(arguments)))
    except ReplicateError as error:
        sys.exit(f"compact: {error}")


if __name__ == "__main__":
    main()
