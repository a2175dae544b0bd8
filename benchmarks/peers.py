"""Time to an equal picture, beside another program: neural-style-pt, on the same task.

    git clone https://github.com/ProGamerGov/neural-style-pt
    REPLICATE_WEIGHTS=... python -m benchmarks.peers --path neural-style-pt --write

Both programs get the same photograph and painting as PNG files of the final size, so that neither
has to resize; the same weights of VGG-19; the layers and weights of the preset ``neural-style``
without total variation, which the two define differently; and they start from the photograph with
L-BFGS.  What is compared is what people get: our objective in float32 of both programs' 8-bit
pictures.  Ours is measured along the way; the clock stands still for that.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.engine import processor
from benchmarks.page import write_page
from replicate.config import load_preset
from replicate.engine.engine import Engine
from replicate.engine.job import Job
from replicate.images import Picture, bundled, load_image
from replicate.networks.weights import load_weights

NETWORK = "vgg19-caffe"
POINTS = 50
"""At so many places of our way the loss of the picture is measured."""


@dataclass(frozen=True)
class Run:
    """What one program did.

    Attributes:
        each: seconds an evaluation.
        floats, picture: the loss at the end, of the program's own pixels and of its PNG.
        curve: (seconds of drawing, loss of the PNG).
    """

    program: str
    each: float
    floats: float
    picture: float
    curve: list[tuple[float, float]]

    def seconds_to(self, loss: float) -> float | None:
        """Of drawing, until the picture is as good; None if it never is."""
        return next((seconds for seconds, reached in self.curve if reached <= loss), None)


@dataclass
class Judge:
    """Measures pictures by the objective of a job, in float32."""

    job: Job
    device: str

    def __post_init__(self) -> None:
        self.reader = Engine(self.device, "exact", NETWORK).reader

    def loss(self, picture: Picture) -> float:
        return self.reader.losses(self.job, picture)[0]


def ours(job: Job, judge: Judge, precision: str) -> Run:
    """Our engine, drawing as a stream."""
    engine = Engine(judge.device, precision, NETWORK)  # type: ignore[arg-type]
    engine.networks.network(job.preset.network)  # loading is not what is timed
    every = max(1, job.evaluations // POINTS)
    stream = engine.stream(job, every)
    spent, curve, taken = 0.0, [], []
    while True:
        begun = time.perf_counter()
        snapshot = next(stream)
        if engine.device.type == "cuda":
            torch.cuda.synchronize(engine.device)
        taken.append(time.perf_counter() - begun)
        spent += taken[-1]
        curve.append((spent, judge.loss(snapshot.image)))
        if snapshot.step == job.evaluations:
            break
    later = sum(taken[1:]) / max(1, job.evaluations - every)  # the first has the targets in it
    each = later or spent / job.evaluations
    return Run(f"this engine, {engine.precision}", each, snapshot.loss, curve[-1][1], curve)


def theirs(job: Job, judge: Judge, path: Path) -> Run:
    """neural-style-pt, as its README has it run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        job.given("content").save(folder / "content.png")
        job.given("style").save(folder / "style.png")
        torch.save(_blue_first(), folder / "vgg19.pth")
        every = max(1, job.evaluations // 10)
        on_gpu = torch.device(judge.device).type == "cuda"
        options = {
            "content_image": folder / "content.png",
            "style_image": folder / "style.png",
            "output_image": folder / "out.png",
            "model_file": folder / "vgg19.pth",
            "image_size": job.size,
            "content_weight": job.preset.content_weight,
            "style_weight": job.preset.style_weight,
            "tv_weight": 0,
            "num_iterations": job.evaluations,
            "init": "image",
            "content_layers": ",".join(job.content_layers),
            "style_layers": ",".join(job.style_layers),
            "print_iter": every,
            "save_iter": 0,
            "gpu": 0 if on_gpu else "c",
            "backend": "cudnn" if on_gpu else "mkl",
        }
        words = [str(word) for key, value in options.items() for word in (f"-{key}", value)]
        command = [sys.executable, "-u", str(path / "neural_style.py"), *words, "-disable_check"]
        times, floats = [], float("nan")
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout or ():
                if line.startswith("Iteration"):
                    times.append(time.perf_counter())
                elif "Total loss:" in line:
                    floats = float(line.split(":")[1])
        if process.returncode:
            raise SystemExit(f"neural-style-pt stopped with status {process.returncode}")
        loss = judge.loss(load_image(folder / "out.png"))
    each = (times[-1] - times[0]) / (every * max(1, len(times) - 1))
    return Run("neural-style-pt, float32", each, floats, loss, [(each * job.evaluations, loss)])


def _blue_first() -> dict[str, torch.Tensor]:
    """Our weights as the other program reads them: blue, green, red."""
    tensors = {
        name: tensor.float().contiguous() for name, tensor in load_weights(NETWORK).tensors.items()
    }
    tensors["features.0.weight"] = tensors["features.0.weight"].flip(1).contiguous()
    return tensors


def table(path: Path, size: int, evaluations: int, device: str) -> str:
    """The whole page as Markdown."""
    photograph, painting = bundled("astronaut"), bundled("coffee")
    preset = load_preset("neural-style").with_(tv_weight=0.0, init="content", clamp=True)
    canvas = Job(preset, photograph, painting, size=size).canvas
    content, style = (picture.resized(*canvas) for picture in (photograph, painting))
    job = Job(preset, content, style, size=size, evaluations=evaluations)
    judge = Judge(job, device)
    peer = theirs(job, judge, path)
    precisions = dict.fromkeys(Engine(device, p).precision for p in ("auto", "float32"))  # type: ignore[arg-type]
    runs = [peer, *(ours(job, judge, precision) for precision in precisions)]
    gpu = torch.device(device).type == "cuda"
    machine = torch.cuda.get_device_name() if gpu else processor()
    lines = [
        f"Machine: {machine}, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"{platform.system()}.",
        f"Pictures of {canvas[0]} x {canvas[1]} px, {evaluations} evaluations; the loss of the "
        f"photograph, where all begin, is {judge.loss(content):.4g}.",
        "",
        "| program | seconds an evaluation | loss of its pixels | loss of the PNG | "
        "seconds to neural-style-pt's PNG |",
        "|---|---|---|---|---|",
    ]
    for run in runs:
        reached = run.seconds_to(peer.picture)
        lines.append(
            f"| {run.program} | {run.each:.3f} | {run.floats:.4g} | {run.picture:.4g} | "
            f"{'not reached' if reached is None else f'{reached:.1f}'} |"
        )
    clipped = (
        "Values outside of [0, 1] are clipped when a picture is saved: that is what lies between a "
        "program's pixels and its PNG, and why the PNG is reached so early."
    )
    return "\n".join([*lines, "", clipped])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--path", type=Path, required=True, help="folder of neural-style-pt")
    parser.add_argument("--size", type=int, default=512, help="longest side in pixels")
    parser.add_argument("--evaluations", type=int, default=500)
    parser.add_argument("--device", help="cpu or cuda; default: a GPU if there is one")
    parser.add_argument("--write", action="store_true", help="also write benchmarks/peers.md")
    arguments = parser.parse_args()
    if not (arguments.path / "neural_style.py").is_file():
        parser.error(f"'{arguments.path}' does not hold neural_style.py")
    device = arguments.device or ("cuda" if torch.cuda.is_available() else "cpu")
    path = arguments.path.resolve()
    text = table(path, arguments.size, arguments.evaluations, device)
    print(text)
    if arguments.write:
        write_page(__file__, "Beside another program", text)


if __name__ == "__main__":
    main()
