"""What is typed: help, version, and mistakes by the dozen."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from typing import get_args

import pytest

from replicate import __version__
from replicate.cli import main
from replicate.cli.commands import FORMATS, INPUTS, NETWORKS, PROFILES, STARTS, parse
from replicate.config import Inputs, profiles
from replicate.engine.preset import Init
from replicate.errors import ReplicateError
from replicate.figure.record import ImageFormat
from replicate.networks.table import network_names

COMMANDS = ("figures", "transfer", "list", "claims", "evidence", "weights", "doctor")


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help(typed, command):
    ran = typed(f"{command} --help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("usage: replicate")
    assert max(map(len, ran.out.splitlines())) <= 100
    assert command or all(f"\n    {name} " in ran.out for name in COMMANDS)


LIGHT = (
    "--help",
    "figures --help",
    "transfer --help",
    "transfer --sise 3",
    "claims nowhere",
    "list",
    "list layers",
    "list images --json",
    "list profiles",
)


@pytest.mark.parametrize(
    ("lines", "unwanted"), [(LIGHT, {"torch"}), (LIGHT[:1], {"pydantic", "numpy", "PIL"})]
)
def test_answers_at_once(lines, unwanted):
    program = (
        "import sys; from replicate.cli import main\n"
        "for line in sys.argv[1:]:\n"
        "    main(line.split())\n"
        f"    assert not {unwanted} & set(sys.modules), line"
    )
    done = subprocess.run([sys.executable, "-c", program, *lines], capture_output=True)
    assert done.returncode == 0, done.stderr


def test_choices_are_those_of_the_other_rooms():
    assert tuple(profiles()) == PROFILES
    assert set(get_args(Inputs)) == set(INPUTS)
    assert set(get_args(ImageFormat)) == set(FORMATS)
    assert {*STARTS, "picture"} == set(get_args(Init))
    assert {*network_names()} <= set(NETWORKS)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "a command is missing"),
        ("Transfer", "did you mean 'transfer'?"),
        ("nonsense", "there are claims, doctor, evidence, fast"),
        ("--profile smoke", "a command comes before --profile"),
        ("figures -x", "does not know what to do with '-x'"),
        ("figures --prof smoke", "did you mean '--profile'?"),
        ("figures --profile smok", "did you mean 'smoke'?"),
        ("figures --profile", "--profile: expected one argument"),
        ("figures --inputs papers", "did you mean 'paper'?"),
        ("figures --network vgg91", "did you mean 'vgg19'?"),
        ("figures --executor rays", "did you mean 'ray'?"),
        ("figures --minutes 0", "needs a number above 0"),
        ("figures --shard 5/4", "needs a part and how many there are, such as 2/4, not '5/4'"),
        ("figures --shard 2", "needs a part and how many there are"),
        ("figures --format gif", "there are jpg, png, webp"),
        ("figures gatys2017/fig5", "did you mean 'gatys2016/fig5'?"),
        ("figures --device quantum", "'quantum' is no device"),
        ("list layer", "did you mean 'layers'?"),
        ("list layers presets", "does not know what to do with 'presets'"),
        ("claims nowhere", "There is no claim 'nowhere'"),
        ("claims --verdict fail", "did you mean 'fails'?"),
        ("weights stat", "did you mean 'status'?"),
        ("weights fetch", "needs a name"),
        ("weights fetch vgg1", "no network 'vgg1'; did you mean 'vgg19'?"),
        ("weights fetch vgg19-compact", "never downloaded"),
        ("weights status vgg19", "takes no name"),
        ("weights --format png", "no option --format"),
    ],
)
def test_mistakes(typed, line, told):
    assert told in typed(line).refused()


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("transfer --size 32 a b", {"content": "a", "style": "b", "size": 32}),
        ("transfer a --size 32 b", {"content": "a", "style": "b", "size": 32}),
        ("transfer a b --size 32", {"content": "a", "style": "b", "size": 32}),
        ("transfer a --from c.png", {"content": "a", "style": None, "source": "c.png"}),
        ("transfer --style-layers r11 --seed 3 a -- b", {"content": "a", "style": "b"}),
        ("figures a --force b --json c", {"names": ["a", "b", "c"], "force": True}),
        ("claims a --json b", {"claims": ["a", "b"]}),
        ("weights fetch --json x y", {"action": "fetch", "names": ["x", "y"]}),
        ("weights --json status", {"action": "status", "names": []}),
        ("list --json layers", {"topic": "layers"}),
    ],
)
def test_options_may_stand_anywhere(line, found):
    args = vars(parse(line.split()))
    assert {name: args[name] for name in found} == found


def test_environment_gives_the_device(typed, monkeypatch):
    monkeypatch.setenv("REPLICATE_DEVICE", "quantum")
    assert "'quantum' is no device" in typed("figures gatys2016/fig5").refused()
    monkeypatch.setenv("REPLICATE_DEVICE", "nonsense")
    assert "'quantum' is no device" in typed("figures --device quantum").refused()


@pytest.mark.parametrize(
    ("event", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "stopped."),
        (PermissionError(13, "Permission denied", "a"), 2, "'a': Permission denied."),
        (OSError(28, "No space left on device"), 2, "No space left on device."),
        (ReplicateError("a \x1b[31m\n b" + "c" * 9000), 2, "a \\x1b[31m b" + "c" * 100),
    ],
)
def test_errors_are_one_sentence(typed, monkeypatch, event, code, said):
    def broken(args: object) -> int:
        raise event

    monkeypatch.setattr("replicate.cli.list.run", broken)
    ran = typed("list")
    assert ran.code == code and ran.err.startswith(f"replicate: {said}")
    assert ran.err.endswith("\n") and ran.err[:-1].isprintable() and len(ran.err) < 520


def test_nobody_reads_the_output():
    program = [sys.executable, "-m", "replicate", "list", "layers", "--json"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_a_terminal_without_umlauts():
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    program = [sys.executable, "-m", "replicate", "list", "images"]
    done = subprocess.run(program, capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert b"T?bingen" in done.stdout


def test_warnings_read_like_sentences(typed, monkeypatch):
    def warns(args: object) -> int:
        warnings.warn("The file differs.", stacklevel=2)
        return 0

    monkeypatch.setattr("replicate.cli.list.run", warns)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *rest: print(warnings.formatwarning(message, *rest))
        assert typed("list").out == "replicate: The file differs.\n\n"


def test_main_takes_its_words_from_the_command_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["replicate", "--version"])
    assert main() == 0
    assert capsys.readouterr().out == f"replicate {__version__}\n"
