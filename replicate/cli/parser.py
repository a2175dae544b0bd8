"""Command lines read: options as the help shows them, and errors that are one sentence."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

from ..errors import ReplicateError
from ..suggest import nearest
from .arguments import one_of


class UsageError(ReplicateError):
    """Something was typed that the command line does not understand."""


class Parser(argparse.ArgumentParser):
    """argparse whose errors are one sentence, for ``main`` to print."""

    def __init__(self, **settings: Any):
        super().__init__(
            formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **settings
        )

    def error(self, message: str) -> NoReturn:
        sentence = message.removeprefix("argument ").rstrip(".")
        raise UsageError(f"{sentence} (see '{self.prog} --help').")

    def option(
        self,
        spec: str,
        help: str,
        read: Callable[[str], Any] = str,
        group: argparse._ArgumentGroup | None = None,
        **settings: Any,
    ) -> None:
        """An option as the help shows it: ``-o --out FILE``, or ``--force`` for a switch."""
        *names, last = spec.split()
        add = (group or self).add_argument
        if last.startswith("-"):
            add(*names, last, help=help, action="store_true", **settings)
        else:
            add(*names, help=help, metavar=last, type=read, **settings)

    def group(self, title: str) -> Callable[..., None]:
        """:meth:`option`, for options that the help shows under a title of their own."""
        return partial(self.option, group=self.add_argument_group(title))

    def words(
        self, name: str, nargs: str, help: str, read: Callable[[str], Any] = str, metavar: str = ""
    ) -> None:
        """Words without an option before them."""
        shown = metavar or name.removesuffix("s").upper()
        self.add_argument(name, nargs=nargs, help=help, type=read, metavar=shown)

    def action(self, *names: str) -> None:
        """One of several things that the command does; the first if none is named."""
        self.words("action", "?", f"default: {names[0]}", one_of(names), "|".join(names))


def parsed(
    parser: Parser, commands: Mapping[str, Parser], argv: Sequence[str]
) -> argparse.Namespace:
    """The command line as values; ``commands`` are the parser's own, by name.

    Raises:
        UsageError: anything unknown or wrong, in one sentence.
        SystemExit: after --help or --version.
    """
    if not argv:
        parser.error("a command is missing: " + ", ".join(commands))
    if argv[0].startswith("-") and argv[0] not in parser._option_string_actions:
        parser.error(f"a command comes before {argv[0]}: {', '.join(commands)}")
    if not argv[0].startswith("-") and argv[0] not in commands:
        parser.error(f"there is no command '{argv[0]}'{nearest(argv[0], commands)}")
    # Before the words are read: the value after a mistyped option would be taken for a name.
    if argv[0] in commands:
        _check_options(commands[argv[0]], argv[1:])
    args, extra = parser.parse_known_args(argv)
    for word in extra:
        _place(commands[args.command], args, word)
    return args


def _check_options(command: Parser, words: Sequence[str]) -> None:
    known = [text for text in command._option_string_actions if text.startswith("--")]
    for word in words:
        if word == "--":
            return
        name = word.partition("=")[0]
        if name.startswith("--") and name not in known:
            command.error(f"there is no option {name}{nearest(name, known)}")


def _place(command: Parser, args: argparse.Namespace, word: str) -> None:
    """Give a word after options to the first argument that is free.

    argparse itself takes all words without options from one place, and would refuse
    ``transfer photo.jpg --size 256 art.jpg``.
    """
    for argument in command._get_positional_actions():
        value = getattr(args, argument.dest)
        if word.startswith("-") or (argument.nargs == "?" and value is not None):
            continue
        read = argument.type if callable(argument.type) else str
        try:
            found = read(word)
        except argparse.ArgumentTypeError as error:
            command.error(f"{argument.metavar}: {error}")
        setattr(args, argument.dest, found if argument.nargs == "?" else [*value, found])
        return
    command.error(f"does not know what to do with '{word}'")
