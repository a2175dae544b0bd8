"""Pictures of the page in a real Chromium: ``python -m demo.screenshots``.

Writes the README's two into ``demo/assets``; ``--all FOLDER`` writes every tab at the width of a
desk and of a phone, light and dark, to be looked at.  Needs playwright and Chromium; starts a
server of its own, and shows bundled pictures alone.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from replicate.storage.files import write_atomic

ASSETS = Path(__file__).resolve().parent / "assets"
WIDTHS = {"desk": 1600, "phone": 390}
SCHEMES = ("light", "dark")
TABS = ("Mixer", "Transfer", "Compare", "Layers", "Figures")
PATIENCE = 900_000
"""Milliseconds for a drawing."""


def main() -> int:
    """Write the pictures; 2 where there is no browser."""
    args = _arguments()
    try:
        with _browser() as browser, _server(args) as address:
            if args.all:
                for scheme in SCHEMES:
                    for place, width in WIDTHS.items():
                        with _page(browser, address, args, width, scheme) as page:
                            for tab in TABS:
                                _fill(page, tab, args)
                                name = f"{tab.lower()}-{place}-{scheme}.png"
                                write_atomic(args.all / name, page.screenshot(full_page=True))
                                print(args.all / name, flush=True)
            else:
                for tab, scheme in (("Transfer", "light"), ("Layers", "dark")):
                    with _page(browser, address, args, 1280, scheme) as page:
                        _fill(page, tab, args)
                        path = ASSETS / f"{tab.lower()}.webp"
                        write_atomic(path, _webp(page.screenshot()))
                        print(path, flush=True)
    except (ImportError, FileNotFoundError) as error:
        print(f"screenshots: {error}", file=sys.stderr)
        return 2
    return 0


def _webp(png: bytes) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").save(file, "WEBP", quality=78, method=6)
    return file.getvalue()


@contextmanager
def _browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise FileNotFoundError("Chromium is not installed.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def _server(args: argparse.Namespace) -> Iterator[str]:
    if args.address:
        yield args.address
        return
    from .backend import Backend
    from .page import launch

    page = launch(Backend(), server_name="127.0.0.1", prevent_thread_lock=True, quiet=True)
    yield page.local_url
    page.close()


@contextmanager
def _page(
    browser: Any, address: str, args: argparse.Namespace, width: int, scheme: str
) -> Iterator[Any]:
    page = browser.new_page(viewport={"width": width, "height": 1000}, color_scheme=scheme)
    page.set_default_timeout(PATIENCE)
    asked = f"?size={args.size}&evaluations={args.evaluations}" if args.all else ""
    page.goto(f"{address}{asked}")
    page.wait_for_selector("#tabs [role=tabpanel] .preview img >> visible=true")
    yield page
    page.close()


def _fill(page: Any, tab: str, args: argparse.Namespace) -> None:
    """Open a tab and have it show something."""
    page.get_by_role("tab", name=tab).first.click()
    if tab == "Transfer" and args.all:
        page.click("#run")
        page.wait_for_selector("#status >> text=/Done|Drawn before/")
    if tab == "Mixer":
        page.wait_for_selector(".mixed img")
    if tab == "Layers":
        page.wait_for_selector("#alive .maps button")
        _set(page, "#layers-evaluations", args.evaluations)
        page.click("#layers-run")
        page.wait_for_selector("#layers-style img.after[src]")
        page.wait_for_selector("#layers-run:not([disabled])")
    if tab == "Figures":
        page.click("#wall button")
        page.wait_for_selector("#figure-picture img")
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(1500)


def _set(page: Any, field: str, value: int) -> None:
    page.locator(f"{field} input[type=number]").fill(str(value))
    page.locator(f"{field} input[type=number]").press("Tab")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo.screenshots", description=__doc__)
    parser.add_argument("--all", type=Path, metavar="FOLDER")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--evaluations", type=int, default=150)
    parser.add_argument("--address", help="of a server that runs already")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
