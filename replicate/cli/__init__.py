"""The ``replicate`` command.

Exit status: 0 done; 1 a bug, with its traceback; 2 something that the user can put right, said
in one sentence; 130 stopped by Ctrl-C or after --minutes; 141 nobody reads the output any more.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import warnings
from collections.abc import Iterator, Sequence

from . import clash

BAD_INPUT = 2

try:
    from ..errors import ReplicateError, one_line
    from .commands import parse
except ImportError:
    # Before anything else: the other one's replicate/__init__.py has been imported.
    if names := clash.others():
        print(f"replicate: {clash.sentence(names)}", file=sys.stderr)
        raise SystemExit(BAD_INPUT) from None
    raise

STOPPED = 130
NO_READER = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    _forgive_narrow_terminals()
    try:
        with _warnings_as_sentences():
            # The command's module is imported only now: some of them take torch along.
            args = parse(sys.argv[1:] if argv is None else argv)
            code: int = importlib.import_module(f".{args.command}", __package__).run(args)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        _discard_output()
        return NO_READER
    except (ReplicateError, OSError) as error:
        print(f"replicate: {_sentence(error)}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("replicate: stopped.", file=sys.stderr)
        return STOPPED
    except SystemExit as done:  # argparse, after --help or --version
        return done.code if isinstance(done.code, int) else 0


def _sentence(error: ReplicateError | OSError) -> str:
    """An error's text; of an OSError, what failed with which file."""
    if isinstance(error, ReplicateError) or not error.strerror:
        return one_line(error)
    file = f"'{error.filename}': " if error.filename else ""
    return one_line(f"{file}{error.strerror}.")


def _forgive_narrow_terminals() -> None:
    """A terminal that lacks a letter such as alpha shows a question mark, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


@contextlib.contextmanager
def _warnings_as_sentences() -> Iterator[None]:
    usual = warnings.formatwarning
    warnings.formatwarning = lambda message, *_, **__: f"replicate: {one_line(message)}\n"
    try:
        yield
    finally:
        warnings.formatwarning = usual


def _discard_output() -> None:
    """Python flushes stdout once more at its end, and would complain again."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
