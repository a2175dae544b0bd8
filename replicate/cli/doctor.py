"""``replicate doctor``: what this installation is made of, and what stands in its way."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import torch

from .. import __version__
from ..engine.device import choose_device, choose_dtype
from ..errors import ReplicateError
from ..networks.table import read_table
from ..networks.weights import locate_weights
from ..storage.files import cache_dir, require_room
from . import BAD_INPUT, clash
from .text import notify, print_json, print_table

ROOM = 2_000_000_000
"""Bytes that weights and results of a gallery's run need, about."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at; ``problem`` is a sentence if something has to be put right."""

    what: str
    found: str
    problem: str = ""


def run(args: Namespace) -> int:
    """Print the findings; the exit status says whether there is a problem."""
    findings = list(examined())
    problems = [each.problem for each in findings if each.problem]
    if args.json:
        print_json([asdict(each) for each in findings])
    else:
        print_table(["WHAT", "FOUND"], [(each.what, each.found) for each in findings])
        for problem in problems:
            notify(problem)
    return BAD_INPUT if problems else 0


def examined() -> Iterator[Finding]:
    """All findings, in the order in which one would ask."""
    yield _package()
    yield Finding("python", f"{platform.python_version()}, {sys.executable}")
    for name in ("torch", "torchvision", "gradio"):
        yield Finding(name, _version(name) or "not installed")
    yield from _device()
    yield from _weights()
    yield _images()
    yield from _cache()


def _package() -> Finding:
    """The package, and whether another one is imported by the same name."""
    found = f"{__version__}, {Path(__file__).parents[1]}"
    if names := clash.others():
        return Finding(clash.IMPORTED, f"{found}; and {names}", clash.sentence(names))
    return Finding(clash.IMPORTED, found)


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def _device() -> Iterator[Finding]:
    try:
        device = choose_device()
    except ReplicateError as error:
        yield Finding("device", os.environ.get("REPLICATE_DEVICE", ""), str(error))
        return
    if device.type == "cuda":
        free, whole = torch.cuda.mem_get_info(device)
        called = f"{torch.cuda.get_device_name(device)}, {free / 1e9:.0f} of {whole / 1e9:.0f} GB"
        called += " free"
    else:
        called = f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads"
    yield Finding("device", f"{device}: {called}")
    dtype = choose_dtype("auto", device)
    yield Finding("precision", "bf16" if dtype == torch.bfloat16 else "float32")


def _weights() -> Iterator[Finding]:
    """The trained networks by where they are."""
    places: dict[str, list[str]] = {}
    try:
        for name, entry in read_table().items():
            if not entry.random:
                places.setdefault(locate_weights(name)[0], []).append(name)
    except ReplicateError as error:
        yield Finding("weights", os.environ["REPLICATE_WEIGHTS"], str(error))
        return
    absent = places.pop("absent", [])
    for place, names in places.items():
        where = {"folder": "in REPLICATE_WEIGHTS", "cache": "in the cache"}.get(place, place)
        yield Finding("weights", f"{', '.join(names)}: {where}")
    if "vgg19-caffe" in absent:
        yield Finding("weights", "the papers' VGG-19: absent; 'replicate weights fetch vgg19'")


def _images() -> Finding:
    folder = os.environ.get("REPLICATE_IMAGES", "")
    wrong = bool(folder) and not Path(folder).expanduser().is_dir()
    problem = f"REPLICATE_IMAGES names '{folder}', which is not a folder." if wrong else ""
    return Finding("pictures", folder or "bundled; REPLICATE_IMAGES is not set", problem)


def _cache() -> Iterator[Finding]:
    """The cache and the disk it lies on."""
    folder, problem = cache_dir(), ""
    try:
        require_room(folder)
    except ReplicateError as error:
        problem = str(error)
    sizes = [
        os.path.getsize(os.path.join(place, name))
        for place, _, names in os.walk(folder)
        for name in names
        if os.path.isfile(os.path.join(place, name))
    ]
    yield Finding("cache", f"{folder}: {len(sizes)} files, {sum(sizes) / 1e6:.0f} MB", problem)
    if problem:
        return
    there = next(each for each in (folder, *folder.parents) if each.exists())
    free = shutil.disk_usage(there).free
    scarce = f"Only {free / 1e9:.1f} GB are free where the cache lies; REPLICATE_CACHE moves it."
    yield Finding("disk", f"{free / 1e9:.0f} GB free", scarce if free < ROOM else "")
