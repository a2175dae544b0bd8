"""The siege of everything that is read from files, and of what is written: see ``siege``."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import os
import pickle
import random
import resource
import shlex
import signal
import struct
import subprocess
import sys
import time
import tomllib
import warnings
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from replicate.cli import main as command
from replicate.config import load_paper, paper_names, read_paper
from replicate.engine.engine import Engine
from replicate.engine.job import Job
from replicate.errors import ImageError, ReplicateError
from replicate.images import Picture, bundled, load_image
from replicate.networks.random import random_weights
from replicate.networks.weights import load_weights
from replicate.record import CHUNK, job_from_record, read_record, save_recorded
from replicate.storage.files import configs_dir
from replicate.storage.store import ResultStore

from .siege import Tries, area

ROOT = Path(__file__).resolve().parents[1]
SMALL = "--network vgg19-random --precision exact --size 32 --evaluations 2"

PICTURES, RECORDS, CACHED, WEIGHTS, KILLS = 14_000, 340, 80, 60, 56
"""How many attacks of a kind."""


def one_sentence(error: BaseException) -> bool:
    """Whether an error is for a person: ours, one short line without control characters."""
    text = str(error)
    return isinstance(error, ReplicateError) and 0 < len(text) < 500 and text.isprintable()


def repelled(tries: Tries, attack: str, do: Callable[[], object]) -> object:
    """Count an attack that may succeed at reading, or end in one sentence."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = do()
    except Exception as error:
        tries.check(one_sentence(error), f"{attack}: {error!r}"[:300])
        return None
    tries.check(True, attack)
    return found


# Damage

Damage = Callable[[random.Random, bytearray], bytearray]


def _flip(chance: random.Random, data: bytearray) -> bytearray:
    for _ in range(chance.choice([1, 1, 1, 3, 20])):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


def _cut(chance: random.Random, data: bytearray) -> bytearray:
    return data[: chance.randrange(len(data))]


def _splice(chance: random.Random, data: bytearray) -> bytearray:
    start, length = chance.randrange(len(data)), chance.randrange(1, 200)
    middle = chance.choice([b"", chance.randbytes(length), bytes(length), b"\xff" * length])
    return data[:start] + middle + data[start + chance.choice([0, length]) :]


def _number(chance: random.Random, data: bytearray) -> bytearray:
    """An extreme number somewhere in the head, where sizes and offsets stand."""
    place = chance.randrange(min(len(data), 64))
    form = chance.choice(["<I", ">I", "<H", ">H"])
    biggest = 2 ** (8 * struct.calcsize(form)) - 1
    number = struct.pack(form, chance.choice([0, 1, biggest, biggest // 2, chance.randrange(99)]))
    data[place : place + len(number)] = number
    return data


DAMAGE: tuple[Damage, ...] = (_flip, _cut, _splice, _number)


def damaged(chance: random.Random, whole: bytes) -> bytes:
    return bytes(chance.choice(DAMAGE)(chance, bytearray(whole)))


@area("damaged pictures")
def damaged_pictures(tries: Tries, folder: Path) -> None:
    """Every format and mode that is read, damaged in every way."""
    chance = random.Random(0)
    noise = np.random.default_rng(0).integers(0, 256, (40, 56, 4), np.uint8)
    colours = Image.fromarray(noise[..., :3])
    whole = []
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000", "AVIF"):
        for image in (colours, colours.convert("L"), Image.fromarray(noise), colours.quantize(9)):
            with contextlib.suppress(OSError, KeyError, ValueError):
                buffer = io.BytesIO()
                image.save(buffer, kind)
                whole.append((f"{kind} {image.mode}", buffer.getvalue()))
    for number in range(PICTURES):
        name, data = chance.choice(whole)
        harmed = damaged(chance, data)
        found = repelled(tries, f"{name} number {number}", lambda data=harmed: load_image(data))
        if found is not None and not isinstance(found, Picture):
            tries.check(False, f"{name} number {number} became {found!r}")


# Records


STRANGE: tuple[Any, ...] = (
    *(None, True, 0, -1, 1e308, 10**400, -(2**70), "", "x" * 100_000, "\x1b[31m\x00\n", "‮"),
    *([], {}, [[]] * 50, {"a": {"b": {}}}, "../" * 40 + "etc/passwd", "/dev/zero", "/dev/stdin"),
    *("/proc/self/mem", "file:///etc/passwd", "http://127.0.0.1:9/a.png", "con", "a" * 5000),
)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where anything stands in nested tables and lists."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in pairs:
        yield (*at, key)
        if isinstance(each, dict | list):
            yield from places(each, (*at, key))


def changed(chance: random.Random, value: Any) -> tuple[Any, str]:
    """A copy with one thing in it replaced, renamed or left out, and what was done."""
    value = copy.deepcopy(value)
    *way, last = chance.choice(list(places(value)))
    holder = value
    for key in way:
        holder = holder[key]
    how = chance.choice(["replace", "replace", "rename", "remove"])
    if how == "replace" or isinstance(holder, list):
        holder[last] = chance.choice(STRANGE)
    else:
        taken = holder.pop(last)
        if how == "rename":
            holder[f"{last}s"] = taken
    return value, f"{how} {'.'.join(map(str, [*way, last]))}"


@area("records in PNGs")
def records(tries: Tries, folder: Path) -> None:
    """Strangers' settings: no traceback, no file is opened that is no picture, nothing hangs."""
    chance = random.Random(1)
    os.mkfifo(folder / "pipe.png")
    engine = Engine(device="cpu", precision="exact", network="vgg19-random")
    from replicate import load_preset

    preset = load_preset("gatys2016-code")
    pictures = [bundled(name).scaled_to(32) for name in ("chelsea", "coffee")]
    result = engine.run(Job(preset, *pictures, size=32, evaluations=2))
    good = save_recorded(result, folder / "good.png").plain()
    path = folder / "bad.png"
    for number in range(RECORDS):
        data, how = changed(chance, good)
        if number % 20 == 0:
            pipe = {**good["content"], "source": str(folder / "pipe.png")}
            how, data = "a pipe for a picture", {**good, "content": pipe}
        text = json.dumps(data) if number % 17 else damaged(chance, json.dumps(data).encode())
        pictures[0].save(path, {CHUNK: text if isinstance(text, str) else repr(text)})
        repelled(
            tries, how, lambda: job_from_record(read_record(path), folder=folder, content=None)
        )


@area("cache files")
def cache_files(tries: Tries, folder: Path) -> None:
    """A damaged result is never taken for the right one."""
    chance = random.Random(2)
    store, key = ResultStore(folder / "results"), ResultStore.key({"a": 1})
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    path = store.put(key, pixels, {"loss": 1.0})
    assert path is not None
    whole = path.read_bytes()
    for number in range(CACHED):
        path.write_bytes(damaged(chance, whole))
        found = store.get(key)
        same = found is None or ((found.pixels == pixels).all() and found.record == {"loss": 1.0})
        tries.check(bool(same), f"result number {number}")


@contextlib.contextmanager
def environment(**changes: str) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


# Weights


class Bomb:
    """What writes a file if anybody unpickles it."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {shlex.quote(str(self.path))}",)


def wrong_states(folder: Path) -> Iterator[tuple[str, Any]]:
    """Contents of a ``.pth`` that are none of VGG's."""
    good = random_weights().tensors
    first = next(iter(good))
    yield "a bomb", {first: Bomb(folder / "went off")}
    yield "sparse", {**good, first: good[first].to_sparse()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch will do without them some day
        quantised = torch.quantize_per_tensor(good[first], 0.1, 0, torch.qint8)
    yield "quantised", {**good, first: quantised}
    yield "complex", {**good, first: good[first].to(torch.complex64)}
    yield "whole numbers", {**good, first: good[first].int()}
    yield "on no device", {**good, first: good[first].to("meta")}
    yield "NaN", {**good, first: good[first] * torch.nan}
    yield "another shape", {**good, first: good[first][:3]}
    yield "no number of axes", {**good, first: torch.tensor(1.0)}
    yield "a text", {**good, first: "weights"}
    yield "a layer less", {name: tensor for name, tensor in good.items() if name != first}
    yield "other names", {f"module.{name}!": tensor for name, tensor in good.items()}
    yield "a list", [1, 2]
    yield "nothing", {}
    yield "none", None


@area("weights files")
def weights_files(tries: Tries, folder: Path) -> None:
    """Files under the right names with the wrong things in them; no pickle is ever run."""
    chance = random.Random(3)
    with environment(REPLICATE_WEIGHTS=str(folder), REPLICATE_CACHE=str(folder / "cache")):
        for file in ("vgg19-d01eb7cb.pth", "vgg19-caffe.safetensors"):
            for name, state in wrong_states(folder):
                with open(folder / file, "wb") as opened:
                    torch.save(state, opened)
                _refused(tries, f"{file}, {name}")
            states = [pickle.dumps(Bomb(folder / "went off")), b"", b"PK\x03\x04", b"\x80\x04."]
            for data in [*states, struct.pack("<Q", 2**62) + b"{}", b"x" * 1000]:
                (folder / file).write_bytes(data)
                _refused(tries, f"{file}, {data[:9]!r}")
            (folder / file).unlink()
            os.mkfifo(folder / file)
            _refused(tries, f"{file}, a pipe")
            (folder / file).unlink()
        small = io.BytesIO()
        torch.save({"features.0.weight": torch.zeros(64, 3, 3, 3)}, small)
        for number in range(WEIGHTS):
            (folder / "vgg19-d01eb7cb.pth").write_bytes(damaged(chance, small.getvalue()))
            _refused(tries, f"damaged, number {number}")
        with zipfile.ZipFile(folder / "vgg19-d01eb7cb.pth", "w", zipfile.ZIP_DEFLATED) as zipped:
            zipped.writestr("archive/data.pkl", bytes(50_000_000))
        _refused(tries, "zeros, packed")
    tries.check(not (folder / "went off").exists(), "a pickle was run")


def _refused(tries: Tries, attack: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            load_weights("vgg19-caffe")
    except Exception as error:
        tries.check(one_sentence(error), f"{attack}: {error!r}"[:300])
    else:
        tries.check(False, f"{attack}: loaded")


# Configs


def toml(value: Any, at: tuple[str, ...] = ()) -> str:
    """Tables as TOML; what TOML cannot say becomes a text."""
    lines = [f"[{'.'.join(json.dumps(part) for part in at)}]"] if at else []
    tables = {key: each for key, each in value.items() if isinstance(each, dict)}
    lines += [f"{json.dumps(str(k))} = {_plain(v)}" for k, v in value.items() if k not in tables]
    return "\n".join([*lines, *(toml(each, (*at, str(key))) for key, each in tables.items())])


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_plain, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{json.dumps(str(k))} = {_plain(v)}' for k, v in value.items())} }}"
    if value is None:
        return '"none"'
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value) if isinstance(value, str | bool) else repr(value)


@area("configs")
def configs(tries: Tries, folder: Path) -> None:
    """Each paper's config with one thing changed: read, or refused with the file's name."""
    chance = random.Random(4)
    for name in paper_names():
        (folder / f"{name}.toml").write_text((configs_dir() / f"{name}.toml").read_text())
    for name in paper_names():
        path = folder / f"{name}.toml"
        good = tomllib.loads(path.read_text())
        for _ in range(40):
            data, how = changed(chance, good)
            path.write_text(toml(data))
            try:
                read_paper(path)
            except Exception as error:
                right = one_sentence(error) and path.name in str(error)
                tries.check(right, f"{name}: {how}: {error!r}"[:300])
            else:
                tries.check(True, how)
        path.write_text(toml(good))
        tries.check(read_paper(path) == load_paper(name), f"{name} as it was")


# Paths


PATHS = (
    *("", " ", ".", "..", "/", "//", "~", "~nobody/a.png", "-", "*", "a\nb.png"),
    *("\x1b]0;title\x07.png", "‮gnp.a", "\udcff.png", "a" * 255 + ".png", "b/" * 2100 + "a.png"),
    *("x" * 5000, "/dev/null", "/dev/zero", "/dev/full", "/dev/full/a.png", "/proc/self/mem"),
    *("/proc/a.png", "/sys/a.png", "/etc/passwd", "pipe.png", "folder.png", "loop.png", "text.png"),
    *("http://127.0.0.1:9/a.png", "file:///etc/passwd", "con.png", "folder.png/../pipe.png"),
)


@area("paths")
def paths(tries: Tries, folder: Path) -> None:
    """Every place where a path is typed, with every path that should not be."""
    os.mkfifo(folder / "pipe.png")
    (folder / "folder.png").mkdir()
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "text.png").write_text("no picture")
    bundled("chelsea").scaled_to(40).save(folder / "good.png")
    lines = {
        "content": lambda path: ["transfer", path, "good.png", *SMALL.split()],
        "out": lambda path: ["transfer", "good.png", "good.png", "-o", path, *SMALL.split()],
        "from": lambda path: ["transfer", "--from", path],
        "init": lambda path: ["transfer", "good.png", "good.png", "--init", path, *SMALL.split()],
        "claims": lambda path: ["claims", path],
        "figures": lambda path: ["figures", "gatys2016/nothing", "-o", path],
    }
    names = ("REPLICATE_WEIGHTS", "REPLICATE_IMAGES")
    before = Path.cwd()
    os.chdir(folder)
    try:
        for path in PATHS:
            for place, line in lines.items():
                _typed(tries, f"{place} {path[:40]!r}", line(path))
            for name in names:
                with environment(**{name: path}):
                    _typed(tries, f"{name} {path[:40]!r}", ["transfer", "neckarfront", "good.png"])
                    _typed(tries, f"{name} {path[:40]!r}", ["weights"])
    finally:
        os.chdir(before)


def _typed(tries: Tries, attack: str, line: list[str]) -> None:
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = command(line)
    except BaseException as error:
        tries.check(False, f"{attack}: {error!r}"[:300])
        return
    said = err.getvalue().splitlines()
    fit = all(len(each) < 600 and each.isprintable() for each in said)
    tries.check(code in (0, 2) and fit, f"{attack}: {code}, {said[-1:]}"[:300])


# Kills


@area("kills")
def kills(tries: Tries, folder: Path) -> None:
    """Commands killed at any moment leave nothing half-written, and go on where they were."""
    chance = random.Random(5)
    with environment(REPLICATE_CACHE=str(folder / "cache"), OMP_NUM_THREADS="1"):
        draw = "transfer chelsea coffee -o out.png --size 64 --evaluations 60"
        figure = "figures gatys2016/fig5 --profile smoke -o figures"
        for line in (draw, figure):
            for path in _written(folder):
                path.unlink()
            options = f"{line} --network vgg19-random --precision exact"
            whole = _run(folder, options)
            right = _digests(folder)
            tries.check(whole == 0, f"{line}: exit status {whole}")
            began = time.monotonic()
            _run(folder, options)
            lasts = time.monotonic() - began
            for _ in range(KILLS // 2):
                for path in _written(folder):
                    path.unlink()
                after, how = chance.uniform(0.2, 1.1) * lasts, chance.choice(["KILL", "TERM"])
                _run(folder, options, after, getattr(signal, f"SIG{how}"))
                broken = [path.name for path in _written(folder) if not _whole(path)]
                tries.check(not broken, f"{how} after {after:.1f} s of {line}: {broken}")
            _run(folder, options)
            tries.check(_digests(folder) == right, f"{line}: another picture after the kills")


def _run(folder: Path, line: str, after: float | None = None, how: int = 0) -> int:
    """Exit status of a command that runs in the folder, stopped after so many seconds."""
    process = subprocess.Popen(
        [sys.executable, "-m", "replicate", *line.split()],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        return process.wait(after)
    except subprocess.TimeoutExpired:
        process.send_signal(how)
        return process.wait()


def _written(folder: Path) -> list[Path]:
    """What a reader would find: temporary files begin with a dot."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in found if not path.name.startswith(".") and "cache" not in path.parts]


def _whole(path: Path) -> bool:
    if path.suffix == ".png":
        try:
            load_image(path)
        except ImageError:
            return False
    if path.suffix == ".json":
        try:
            json.loads(path.read_text())
        except ValueError:
            return False
    return path.stat().st_size > 0


def _digests(folder: Path) -> dict[str, str]:
    return {
        path.name: load_image(path).sha256 for path in _written(folder) if path.suffix == ".png"
    }


@area("full disks")
def full_disks(tries: Tries, folder: Path) -> None:
    """No room for any file beyond so many bytes: a sentence or a warning, no half file."""
    bundled("chelsea").scaled_to(64).save(folder / "good.png")
    before, limits = Path.cwd(), resource.getrlimit(resource.RLIMIT_FSIZE)
    os.chdir(folder)
    try:
        for room in (0, 100, 3_000, 20_000):
            with environment(REPLICATE_CACHE=str(folder / f"cache-{room}")):
                for line in (
                    f"transfer good.png good.png -o {room}.png {SMALL}",
                    f"figures gatys2016/fig5 --profile smoke --network vgg19-random -o {room}",
                ):
                    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
                    try:
                        _typed(tries, f"{room} bytes: {line[:40]}", line.split())
                    finally:
                        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
                    broken = [path.name for path in _written(folder) if not _whole(path)]
                    tries.check(not broken, f"{room} bytes left {broken}")
    finally:
        os.chdir(before)
