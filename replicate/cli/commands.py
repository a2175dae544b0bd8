"""What can be typed after ``replicate``.  Imports little, so that ``--help`` answers at once."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from .. import __version__
from ..networks.table import network_names
from .arguments import number, one_of, positive, shard, weighted, whole
from .parser import Parser, parsed

NETWORKS = ("auto", *network_names())
PROFILES = ("smoke", "preview", "gallery", "evidence", "patient", "paper")
INPUTS = ("bundled", "paper")
TOPICS = ("figures", "presets", "layers", "images", "profiles")
PRECISIONS = ("auto", "bf16", "float32", "exact")
FORMATS = ("png", "webp", "jpg")
EXECUTORS = ("processes", "ray", "slurm")
STARTS = ("noise", "content", "style")
KEEP_COLOUR = ("none", "luminance", "match")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The command line as values.

    Raises:
        UsageError: anything unknown or wrong, in one sentence.
        SystemExit: after --help or --version.
    """
    return parsed(*_parser(), argv)


def _parser() -> tuple[Parser, dict[str, Parser]]:
    parser = Parser(
        prog="replicate",
        description="Layer choice in neural style transfer: draws the papers' figures again, "
        "measures\nwhat the papers say about them, and transfers styles with the same presets.",
        epilog="""examples:
  replicate figures                       every figure, into the folder figures
  replicate figures gatys2016/fig5        one figure
  replicate transfer photo.jpg art.jpg    your own pictures, into out.png
  replicate list layers                   what the layers are called and how far they see

environment:
  REPLICATE_WEIGHTS   folder with the networks' weights, searched before any download
  REPLICATE_IMAGES    folder with the papers' own pictures
  REPLICATE_CACHE     folder for downloads and finished panels
  REPLICATE_DEVICE    what --device says if it is not given""",
    )
    parser.add_argument("--version", action="version", version=f"replicate {__version__}")
    group = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True, title="commands", prog="replicate"
    )
    commands: dict[str, Parser] = {}
    for name, summary, fill in (
        ("figures", "draw the papers' figures and measure their claims", _figures),
        ("transfer", "draw one picture in the style of another", _transfer),
        ("fast", "networks that draw in one pass: list them, draw, train", _fast),
        ("list", "list figures, presets, layers, pictures, profiles", _list),
        ("claims", "which claims hold, from the evidence at hand", _claims),
        ("evidence", "draw many pairs, on which the claims are judged", _evidence),
        ("weights", "which networks are on this machine; fetch one", _weights),
        ("doctor", "what this installation is made of, and what is wrong with it", _doctor),
    ):
        commands[name] = group.add_parser(name, help=summary)
        fill(commands[name])
        commands[name].option("--json", "the result as JSON on stdout")
    return parser, commands


def _figures(parser: Parser) -> None:
    parser.description = (
        "Draw figures and measure what the papers say about them. Finished panels are kept, so\n"
        "that the same command goes on where it was stopped; a figure that would be made from the\n"
        "same things is left as it is. Verdicts are those of the evidence: see 'replicate claims'."
    )
    parser.epilog = """examples:
  replicate figures
  replicate figures gatys2016 johnson2016/fig3
  replicate figures 'gatys*/fig1' --profile gallery --network vgg19
  replicate figures --balanced            those that compare layers, with balanced weights
  replicate figures --minutes 12          a part of the panels; the same command goes on
  replicate figures --executor processes  on all GPUs of this machine"""
    _which_figures(parser, "preview on a CPU, paper on a GPU")
    parser.option(
        "--balanced",
        "in figures that compare layers, weights that let all layers pull equally hard at the "
        "start; without NAME only those figures, into the folder figures/balanced",
    )
    _drawing_options(parser, "finished figures and panels too")
    parser.option("-o --out FOLDER", "default: figures, or figures/balanced")
    formats = "of the pages: png (default), webp, jpg"
    parser.option("--format KIND", formats, one_of(FORMATS), default="png")


def _evidence(parser: Parser) -> None:
    parser.description = (
        "Draw the papers' figures from many pairs of a photograph and an artwork, without\n"
        "shortcuts, and measure their claims: one row a claim and pair, kept as soon as it is\n"
        "measured. The same command goes on where it was stopped. 'replicate claims' says what\n"
        "the rows make of the claims."
    )
    parser.epilog = """examples:
  replicate evidence gatys2016/fig5       one figure, on all pairs
  replicate evidence --pairs 6            all figures, on a fair few of the pairs
  replicate evidence --minutes 30         as many as there is time for
  replicate evidence --claim gatys2016/fig5/structure --force    one claim, drawn anew"""
    _which_figures(parser, "evidence on a CPU, paper on a GPU")
    claim = "instead of figures: only those that measure these claims"
    parser.option("--claim NAME", claim, nargs="+")
    parser.option("--pairs N", "only the first so many of the set's", whole(1, 1000))
    _drawing_options(parser, "rows and panels that are there, too")
    parser.option("-o --out FOLDER", "of the rows; default: figures/evidence", dest="folder")
    parser.set_defaults(balanced=False)


def _which_figures(parser: Parser, profile: str) -> None:
    name = "a figure (gatys2016/fig5), a paper (gatys2016) or a pattern ('gatys*/fig1')"
    parser.words("names", "*", f"{name}; default: all")
    profiles = f"size and evaluations: {', '.join(PROFILES)} (see 'replicate list profiles')"
    parser.option("--profile NAME", f"{profiles}; default: {profile}", one_of(PROFILES))
    inputs = "bundled pictures or the paper's own, which are downloaded: bundled (default), paper"
    parser.option("--inputs KIND", inputs, one_of(INPUTS), default="bundled")


def _drawing_options(parser: Parser, forced: str) -> None:
    _engine_options(parser)
    workers = "panels drawn at a time on a CPU, each by all its cores; default: %(default)s"
    # A second one fills the gaps that small pictures leave on the cores: a seventh of the time.
    parser.option("--workers N", workers, whole(1, 64), default=2)
    executor = "what draws instead of this process, on other GPUs: "
    executor += "processes (all GPUs of this machine), ray or slurm (clusters)"
    parser.option("--executor NAME", executor, one_of(EXECUTORS))
    parser.option("--minutes N", "stop after so many, between two batches of panels", positive)
    part = "draw one part of the panels, such as 2/4, and no more; parts are merged by copying"
    parser.option("--shard N/M", part, shard)
    parser.option("--force", f"draw everything anew, {forced}")


def _transfer(parser: Parser) -> None:
    parser.usage = (
        "replicate transfer CONTENT STYLE [-o OUT] [--preset NAME] [options]\n"
        "       replicate transfer --from FILE [CONTENT [STYLE]] [-o OUT] [options]"
    )
    parser.description = (
        "Draw the content picture in the style of the style picture. OUT carries in its text how\n"
        "it was drawn, and --from repeats it, with anything changed that is given beside it."
    )
    parser.epilog = """examples:
  replicate transfer photo.jpg art.jpg
  replicate transfer photo.jpg swirls -o out.png --content-layers relu2_2 --ratio 1e-2
  replicate transfer photo.jpg art.jpg --style-layers relu3_1=1 relu4_1=0.5
  replicate transfer photo.jpg art.jpg --keep-colour luminance --style-scale 0.7
  replicate transfer photo.jpg art.jpg --blend swirls=0.5 waves.jpg
  replicate transfer --from out.png --seed 2 -o other.png

Ctrl-C keeps the picture as it is by then."""
    content = "a file (PNG, JPEG, WebP, ...), or a name from 'replicate list images'"
    parser.words("content", "?", content)
    parser.words("style", "?", "likewise")
    again = "repeat the picture in this file; CONTENT and STYLE, if given, replace its own"
    parser.option("--from FILE", again, dest="source")
    parser.option("--panel LABEL", "with --from FIGURE.json: which of its panels to repeat")
    out = "where to, .png, .jpg or .webp; default: out.png, with --from NAME.png NAME-again.png"
    parser.option("-o --out OUT", out)
    parser.option("--preset NAME", "see 'replicate list presets'; default: gatys2016")
    layers = "instead of the preset's; names alone share a weight of 1; 'none' for none"
    parser.option("--content-layers LAYER[=WEIGHT]", layers, nargs="+")
    parser.option("--style-layers LAYER[=WEIGHT]", "likewise", nargs="+")
    blend = "further style pictures, each with its weight beside STYLE's of 1"
    parser.option("--blend PICTURE[=WEIGHT]", blend, weighted, nargs="+")
    scale = "size of the style picture's structures, 0.1 to 4: below 1 finer; default: 1"
    parser.option("--style-scale S", scale, positive)
    keep = "keep CONTENT's colours: luminance draws in grey and puts them back, match gives them to"
    keep += " the style picture beforehand; default: none"
    parser.option("--keep-colour HOW", keep, one_of(KEEP_COLOUR))
    ratio = "content to style, alpha/beta, such as 1e-3; smaller means more style"
    parser.option("--ratio R", ratio, positive)
    pull = "weight the layers so that all pull equally hard at the start, content and style in all"
    parser.option("--balanced", f"{pull} as hard as the preset's")
    size = "longest side; default: the preset's, on a CPU at most 256"
    parser.option("--size PX", size, whole(16, 8192))
    passes = "forward and backward passes; default: the preset's, on a CPU at most 180"
    parser.option("--evaluations N", passes, whole(1, 100_000))
    parser.option("--seed N", "of the noise to start from; default: 0", whole(0, 2**63 - 1))
    start = "noise, content, style or a file to start from; default: the preset's"
    parser.option("--init START", start)
    _engine_options(parser)


def _fast(parser: Parser) -> None:
    parser.usage = (
        "replicate fast list [--json]\n"
        "       replicate fast apply PICTURE [PICTURE ...] [options]\n"
        "       replicate fast train STYLE [STYLE ...] --pictures FOLDER [options]"
    )
    parser.description = (
        "Feed-forward networks (Johnson et al. 2016): trained once, they draw in one pass. The\n"
        "mixer takes style, layers' weights, content layer and ratio as an input."
    )
    parser.epilog = """examples:
  replicate fast apply chelsea --style wave -o out.png
  replicate fast apply photo.jpg --style mosaic --layers relu1_1=0.2,relu4_1 --ratio 1
  replicate fast apply holiday/ --style swirls --size 512 -o drawn/
  replicate fast apply clip.mp4 --style wave --size 512 -o drawn.mp4    # needs ffmpeg
  replicate fast train wave --preset johnson2016 --pictures photographs/ --minutes 60
  replicate fast train wave mosaic swirls --mixer --pictures photographs/ --minutes 120"""
    parser.action("list", "apply", "train")
    parser.words("names", "*", "pictures, folders, videos to draw; styles to train", metavar="NAME")
    out = "a picture, video, or folder for several; or the trained network"
    parser.option("-o --out FILE", out)
    draw = parser.group("drawing")
    draw("--use NAME", "a network of 'fast list', or a .safetensors file; default: mixer")
    draw("--style NAME", "one of the network's styles; default: its first")
    draw("--layers LIST", "style layers with weights from 0 to 1, such as relu1_1=0.5,relu4_1")
    draw("--content LAYER", "content layer: relu2_2, relu3_3 or relu4_2 (default)")
    draw("--ratio NUMBER", "content over style, from 0.03 to 3; default: 0.3", positive)
    draw("--size PIXELS", "longest side; default: the picture's own", whole(16, 8192))
    train = parser.group("training")
    train("--pictures FOLDER", "photographs, at best thousands")
    train("--preset NAME", "the objective; default: johnson2016")
    train("--balanced", "divide each loss by its size for untouched photographs")
    train("--mixer", "a network for all styles that are named and for any setting")
    steps = "length of the training; default: 40000, as in the paper"
    train("--steps NUMBER", steps, whole(1, 10**7))
    train("--minutes NUMBER", "its length in time instead; default on a CPU: 100", positive)
    train("--seed NUMBER", "of all chance in it; default: 0", whole(0, 2**32 - 1))
    train("--run FOLDER", "checkpoint, log and sample; the same command goes on from there")
    judge = "which network judges; default: the preset's, compact on a CPU"
    train("--network NAME", judge, one_of(NETWORKS))
    parser.set_defaults(seed=0)
    _device(parser)


def _list(parser: Parser) -> None:
    parser.description = "What there is. Without a topic: figures and presets."
    topics = "figures, presets, layers (with other programs' names for them), images, profiles"
    parser.words("topic", "?", topics, one_of(TOPICS))
    network = "of layers: those of this network, such as resnet50; default: of every VGG"
    parser.option("--network NAME", network, one_of(NETWORKS[1:]))


def _claims(parser: Parser) -> None:
    parser.description = (
        "What the evidence says of the papers' claims: holds, fails, undecided or void, in k of\n"
        "n pairs, with the mean effect and its 95 % interval. Rows of a claim are judged as they\n"
        "lie there, so another --delta answers at once."
    )
    parser.epilog = """examples:
  replicate claims
  replicate claims johnson2016 --verdict fails
  replicate claims gatys2016/fig5/structure --values
  replicate claims gatys2016/fig5/structure --delta 0.3"""
    parser.words("claims", "*", "a claim, a figure, a paper or a pattern; default: all")
    parser.option("--delta X", "another least effect that matters, for these claims", number)
    words = ("holds", "fails", "undecided", "void", "not judged")
    parser.option("--verdict VERDICT", f"only {', '.join(words)}", one_of(words))
    parser.option("--values", "under each claim what was measured on each pair")
    parser.option("--network NAME", "only rows that this network drew, such as vgg19")
    parser.option("--inputs KIND", "only rows of these pictures: bundled, paper", one_of(INPUTS))
    folder = "of the rows; default: figures/evidence here, else those that come with the program"
    parser.option("--folder FOLDER", folder)


def _weights(parser: Parser) -> None:
    parser.usage = (
        "replicate weights [status] [--json]\n"
        "       replicate weights fetch NAME [NAME ...] [--json]"
    )
    parser.description = (
        "Where the networks' weights are. 'fetch' downloads them: about 550 MB each, of which\n"
        "80 MB are kept. Without a network, put NAME.safetensors into a folder and name that\n"
        "folder in REPLICATE_WEIGHTS."
    )
    parser.action("status", "fetch")
    names = "vgg19 (the papers', in full vgg19-caffe), vgg16, vgg19-torchvision, vgg16-torchvision"
    parser.words("names", "*", names)


def _doctor(parser: Parser) -> None:
    parser.description = (
        "Device, precision, weights, cache, disk, and whether another package has this one's name."
    )


def _engine_options(parser: Parser) -> None:
    network = "auto (default: the paper's if it is on this machine, else the bundled one)"
    parser.option("--network NAME", f"{network}, {', '.join(NETWORKS[1:])}", one_of(NETWORKS))
    _device(parser)
    precision = "auto (default: bf16 where the hardware has it), bf16, float32, exact"
    exact = f"{precision} (the same bytes every time, on one kind of CPU and number of threads)"
    parser.option("--precision NAME", exact, one_of(PRECISIONS))


def _device(parser: Parser) -> None:
    device = os.environ.get("REPLICATE_DEVICE") or "auto"
    parser.option("--device NAME", "auto (default), cpu, cuda, cuda:1, mps", default=device)
