"""``python -m demo``: the page on this machine."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace

from replicate.cli.arguments import whole
from replicate.errors import ReplicateError


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the page until Ctrl-C or SIGTERM; returns the exit status."""
    args = _arguments(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # which cleans up
    print("Preparing the page.", flush=True)
    from .backend import Backend
    from .page import launch, warm_up

    try:
        backend = Backend(args.device)
        if args.keep:
            backend.limits = replace(backend.limits, kept_minutes=args.keep)
        warm_up(backend)
        if args.fetch or backend.limits.shared:
            backend.fetch()
        launch(backend, server_name=args.host, server_port=args.port, inbrowser=args.open)
    except (ReplicateError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # before the page was served
        return 130
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--host", help="default: this machine only; 0.0.0.0 for all")
    parser.add_argument(
        "--port",
        type=whole(1, 65535),
        help="default: the first free one from 7860",
    )
    parser.add_argument(
        "--device",
        default=os.environ.get("REPLICATE_DEVICE") or "auto",
        help="auto (default), cpu, cuda, cuda:1, mps",
    )
    parser.add_argument(
        "--fetch",
        action="store_true",
        help="bring VGG-19 here in the background, a download of 550 MB; a Space does it anyway",
    )
    parser.add_argument(
        "--keep",
        type=whole(1, 59),
        metavar="MINUTES",
        help="for which uploads and drawings of them stay on the server (default: 50)",
    )
    parser.add_argument("--open", action="store_true", help="open the page in a browser")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
