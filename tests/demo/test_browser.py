"""The page in a real Chromium; skipped, with the reason, where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from replicate.record import read_record

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.mark.parametrize(("width", "scheme"), [(1600, "light"), (390, "dark")])
def test_a_visit(server: str, browser: Any, tmp_path: Path, width: int, scheme: str) -> None:
    faults: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.set_default_timeout(60_000)  # a busy machine is no fault
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    page.on("request", lambda request: _note_outside(request.url, faults))
    page.goto(f"{server}?preset=gatys2016-code&size=64&evaluations=40&content=coffee&style=rocket")
    page.wait_for_selector("#content-picture img")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.get_by_text("Layers", exact=True).click()
    page.wait_for_selector("#table >> text=relu4_4")
    page.get_by_label("Preset", exact=True).click()
    page.get_by_role("option", name="Johnson 2016 · Johnson's released code").click()
    page.wait_for_selector("#table >> text=relu4_4", state="detached")
    page.wait_for_selector("#table >> text=relu3_3")

    page.click("#run")
    page.wait_for_selector("#picture img")
    page.wait_for_selector("#status >> text=Done: 40 of 40")
    with page.expect_download() as download:
        page.click("#download")
    download.value.save_as(tmp_path / "got.png")
    assert read_record(tmp_path / "got.png").preset.name == "johnson2016-code"

    page.locator("#size input[type=number]").fill("128")
    page.locator("#evaluations input[type=number]").fill("60")
    page.locator("#evaluations input[type=number]").press("Tab")
    page.click("#run")
    page.wait_for_selector("#status >> text=of 60")
    if page.is_enabled("#stop"):
        page.click("#stop")
    page.wait_for_selector("#run:not([disabled])")
    assert faults == []


def _note_outside(address: str, faults: list[str]) -> None:
    if not address.startswith(("http://127.0.0.1", "data:", "blob:")):
        faults.append(f"the page asked for {address}")
