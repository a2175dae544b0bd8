"""The whole recipe of the compact network, as one resumable command.

    python -m replicate.compact.train --pictures DIR --teacher FILE --out FILE --minutes 80

What it does, in order:

1. decode the pictures once, hold some out (:func:`replicate.photographs.is_held_out`);
2. bring every channel of the teacher to unit root mean square over the training pictures;
3. train: relative squared error of the features and relative distance of the Gram matrices at
   all sixteen layers, in units drawn for each batch (:data:`replicate.compact.losses.UNITS`), on
   crops of photographs, paintings and textures, on noise, and on pictures from transfers that the
   student itself is doing meanwhile; max or average pooling by the toss of a coin, in teacher and
   student alike; Muon for kernels, AdamW for the rest; after the first part of the run the batch
   norms stand still, so that what is trained is what will be shipped;
4. polish: a second, shorter run from the averaged weights, with low rates and still batch norms,
   half of whose pictures are from the student's own transfers, longer ones and many more of them:
   an optimizer leads to wherever the student errs, and there it is corrected;
5. average the weights, fold the batch norms, refit all heads in closed form, write float16.

Both runs go on from their checkpoints with ``--resume`` and the same options. The file that is
written says in its header how it was made. :mod:`replicate.compact.ship` puts it into the package.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from replicate.compact.export import fit_heads, header, in_teacher_units, mean_activations, to_file
from replicate.compact.losses import Channels, LayerErrors
from replicate.compact.model import CONVOLUTIONS, POOLINGS, Plain, channels_last, fold
from replicate.compact.pictures import Sampler
from replicate.compact.trainer import POLISH, Recipe, Trainer
from replicate.photographs import held_out_and_rest, load_shrunk

CHECKPOINT = "checkpoint.pt"


def save_checkpoint(trainer: Trainer, path: Path) -> None:
    """Write the run's state so that a kill leaves the old file or the new one."""
    partial = path.with_suffix(".partial")
    torch.save(trainer.state(), partial)
    partial.replace(path)


def log_line(trainer: Trainer, errors: LayerErrors, tag: str) -> str:
    """One line of the log: step, minutes, and the errors of each layer."""
    features = " ".join(f"{value:.3f}" for value in errors.features.tolist())
    grams = " ".join(f"{value:.3f}" for value in errors.grams.tolist())
    minutes = trainer.progress.seconds / 60
    return f"{tag} {trainer.progress.step} {minutes:.1f}min features {features} grams {grams}"


def train(trainer: Trainer, held_out: list[np.ndarray], run: Path) -> None:
    """Train to the end of the recipe; log every 50 steps, validate and save every 250."""
    log = run / "log.txt"
    checkpoint = run / CHECKPOINT

    def write(line: str) -> None:
        with log.open("a", encoding="utf-8") as file:
            print(time.strftime("%H:%M:%S"), line, file=file)

    recent: list[LayerErrors] = []
    while not trainer.finished:
        errors = trainer.step()
        if not torch.isfinite(errors.features).all():
            raise FloatingPointError(f"the loss is not finite at step {trainer.progress.step}")
        recent.append(errors)
        if trainer.progress.step % 50 == 0:
            features = torch.stack([e.features for e in recent]).mean(0)
            grams = torch.stack([e.grams for e in recent])
            counted = (grams > 0).sum(0).clamp(min=1)
            write(log_line(trainer, LayerErrors(features, grams.sum(0) / counted), "train"))
            recent.clear()
        if trainer.progress.step % 250 == 0:
            save_checkpoint(trainer, checkpoint)
            write(log_line(trainer, trainer.validate(held_out), "held-out"))
    save_checkpoint(trainer, checkpoint)
    write(log_line(trainer, trainer.validate(held_out), "held-out"))


def export(
    trainer: Trainer,
    pictures: list[np.ndarray],
    out: Path,
    batches: int = 240,
    crops: int = 400,
    teacher: str = "",
    earlier: dict[str, Any] | None = None,
) -> None:
    """Fold the averaged student, fit its heads, and write the file to be shipped.

    Args:
        batches: how many the heads are fitted to.
        crops: how many the means are taken over.
        teacher: its name, for the header.
        earlier: state at the end of the run that this one began from, for the header.
    """
    convolutions = fold(trainer.average.student)
    student = channels_last(Plain(convolutions), trainer.device)
    sampler = Sampler(pictures, np.random.default_rng(5), pool=trainer.pool)
    heads = in_teacher_units(fit_heads(student, trainer.teacher, sampler, batches), trainer.scales)
    means = {
        pooling: {
            f"relu{name}": mean * scale.cpu()
            for name, mean, scale in zip(
                CONVOLUTIONS,
                mean_activations(trainer.teacher, pictures, pooling, crops),
                trainer.scales,
                strict=True,
            )
        }
        for pooling in POOLINGS
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    tensors = to_file(convolutions, heads, means)
    save_file(tensors, out, header(making(trainer, teacher, len(pictures), earlier)))


def making(
    trainer: Trainer, teacher: str, pictures: int, earlier: dict[str, Any] | None = None
) -> dict[str, Any]:
    """How a file was made: the record in its header, from which the model card is written."""
    last = {"recipe": asdict(trainer.recipe), "progress": asdict(trainer.progress)}
    return {
        "teacher": teacher,
        "pictures": pictures,
        "device": trainer.device.type,
        "torch": torch.__version__,
        "runs": [
            {
                "recipe": run["recipe"],
                "steps": run["progress"]["step"],
                "minutes": round(run["progress"]["seconds"] / 60),
            }
            for run in ([earlier] if earlier else []) + [last]
        ],
    }


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description="Train the compact stand-in for VGG-19.")
    options.add_argument("--pictures", type=Path, required=True, help="folder, searched deeply")
    options.add_argument("--teacher", type=Path, required=True, help="VGG-19's convolutions")
    options.add_argument("--out", type=Path, required=True, help="the safetensors file to write")
    options.add_argument("--run", type=Path, default=Path("compact-run"), help="log, checkpoint")
    length = options.add_mutually_exclusive_group()
    length.add_argument("--steps", type=int, default=0)
    length.add_argument("--minutes", type=float, default=80.0)
    options.add_argument(
        "--polish", type=int, default=POLISH.steps, help="steps of the second run; 0 for none"
    )
    options.add_argument("--resume", action="store_true", help="go on from the checkpoints")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return options


def read_checkpoint(run: Path) -> dict[str, Any] | None:
    """The state that a run saved last; None where there is none."""
    path = run / CHECKPOINT
    return torch.load(path, map_location="cpu", weights_only=True) if path.exists() else None


def main(arguments: list[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    held_files, files = held_out_and_rest(options.pictures)
    pictures = [load_shrunk(file) for file in files]
    held_out = [load_shrunk(file) for file in held_files] or pictures[:1]
    plans = [Recipe(steps=options.steps, minutes=options.minutes, seed=options.seed)]
    if options.polish:
        plans.append(replace(POLISH, steps=options.polish, seed=options.seed))
    earlier: dict[str, Any] | None = None
    for recipe, run in zip(plans, (options.run, options.run / "polish"), strict=False):
        run.mkdir(parents=True, exist_ok=True)
        state = read_checkpoint(run) if options.resume else None
        measured = (state or earlier or {}).get("channels", [])
        channels = [Channels(**layer) for layer in measured]
        teacher = Plain(load_file(options.teacher))
        trainer = Trainer(recipe, teacher, pictures, options.device, channels)
        if state:
            trainer.restore(state)
        elif earlier:
            trainer.begin_from(earlier)
        train(trainer, held_out, run)
        if recipe is not plans[-1]:
            earlier = trainer.state()
    export(trainer, pictures, options.out, teacher=options.teacher.stem, earlier=earlier)


if __name__ == "__main__":
    main()
