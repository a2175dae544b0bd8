"""The page in a real Chromium.

Skipped, with the reason, where there is none; with REPLICATE_DEMAND_BROWSER set that is a failure.
"""

import os
import shutil
from typing import Any

import pytest

from replicate.record import read_record

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 90_000
"""Milliseconds: a busy machine is no fault."""


@pytest.fixture(scope="module")
def browser():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _lacking("playwright is not installed")
    if CHROMIUM is None:
        _lacking("Chromium is not installed")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


def _lacking(what):
    if os.environ.get("REPLICATE_DEMAND_BROWSER"):
        pytest.fail(f"{what}, and REPLICATE_DEMAND_BROWSER demands it")
    pytest.skip(what)


@pytest.fixture
def visit(browser, server):
    """``visit("?preset=…", width=390, scheme="dark")`` opens the page; at the end of the test
    there must have been no error on any, and no look at another machine.
    """
    faults: list[str] = []
    pages: list[Any] = []

    def note(address):
        if not address.startswith((server, "data:", "blob:")):
            faults.append(f"the page asked for {address}")

    def check(answer):
        if answer.status >= 400:
            faults.append(f"{answer.status} for {answer.request.method} {answer.url}")

    def open_(query="", width=1600, scheme="light"):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        pages.append(page)
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        page.on("request", lambda request: note(request.url))
        page.on("response", check)
        page.goto(server + query)
        page.wait_for_selector("#content-picture img")
        return page

    yield open_
    for page in pages:
        page.close()
    assert faults == []


SMALL = "?preset=gatys2016-code&size=64&evaluations=40&content=coffee&style=rocket"


@pytest.mark.parametrize(("width", "scheme"), [(1600, "light"), (390, "dark")])
def test_from_a_link_to_the_download_and_back(visit, tmp_path, width, scheme):
    page = visit(SMALL, width, scheme)
    assert _fits(page)
    assert page.evaluate("document.body.classList.contains('dark')") == (scheme == "dark")

    page.click("#layer-weights > button")
    page.wait_for_selector("#table >> text=relu4_4")
    page.get_by_label("Preset", exact=True).click()
    page.get_by_role("option", name="Johnson 2016 · Johnson's released code").click()
    page.wait_for_selector("#table >> text=relu4_4", state="detached")
    page.wait_for_selector("#table >> text=relu3_3")

    page.click("#run")
    page.wait_for_selector("#picture img")
    page.wait_for_selector("#status >> text=Done: 40 of 40")
    page.wait_for_selector("#download:not([disabled])")
    with page.expect_download() as download:
        page.click("#download")
    download.value.save_as(tmp_path / "got.png")
    assert read_record(tmp_path / "got.png").preset.name == "johnson2016-code"

    other = visit(SMALL.replace("coffee", "chelsea"), width, scheme)
    other.get_by_text("Settings from a picture drawn here").click()
    other.set_input_files("#restore input[type=file]", tmp_path / "got.png")
    other.wait_for_function("document.querySelector('#preset input').value.includes('Johnson')")
    other.wait_for_selector("text=These are the settings of the picture.")


def test_an_upload_is_drawn_with_previews_until_stop(visit, tmp_path, scene, endless):
    page = visit(SMALL)
    upload = scene(96, 64).save(tmp_path / "mine.png")
    page.click("#content-picture button[aria-label='Remove Image']")
    page.set_input_files("#content-picture input[type=file]", upload)
    page.wait_for_selector("#content-picture img")

    page.click("#run")
    page.wait_for_selector("#picture img")
    first = page.get_attribute("#picture img", "src")
    page.wait_for_function("old => document.querySelector('#picture img').src != old", arg=first)
    height = page.locator("#picture").bounding_box()["height"]
    page.click("#stop")

    page.wait_for_selector("#status >> text=Stopped: this is the picture so far.")
    page.wait_for_selector("#run:not([disabled])")
    assert page.locator("#picture").bounding_box()["height"] == height, "the layout has jumped"
    page.get_by_role("tab", name="Take it home").click()
    page.wait_for_selector("#command >> text=mine.png")


@pytest.mark.parametrize("limits", [{"evaluations_an_hour": 10}], indirect=True)
def test_after_a_refusal_the_page_goes_on(visit):
    page = visit(SMALL)

    page.click("#run")
    page.wait_for_selector("text=This server gives one visitor 10 evaluations an hour")
    page.wait_for_selector("#run:not([disabled])")


def test_a_browser_that_vanishes_frees_the_engine(visit, browser, backend, endless):
    gone, other = visit(SMALL), visit(SMALL.replace("size=64", "size=80"))
    gone.click("#run")
    gone.wait_for_selector("#picture img")
    gone.close()
    assert endless.wait(PATIENCE / 1000)

    other.click("#run")
    other.wait_for_selector("#status >> text=of 40 evaluations")
    other.click("#stop")
    other.wait_for_selector("#status >> text=Stopped")
    assert len(backend.store) == 0


def test_the_other_tabs_and_the_keyboard(visit):
    page = visit(SMALL + "&style=none", width=390)
    page.focus("#run")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Choose a style picture, or one of the examples under it.")
    assert page.is_enabled("#run"), "after a mistake the page goes on"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert _unnamed(page) == [] and _fits(page)

    page.get_by_role("tab", name="Layers").click()
    page.wait_for_selector("#layers-content-picture img")
    page.click("#look")
    page.wait_for_selector("#maps img")
    page.wait_for_selector("#heat img")
    page.wait_for_selector("#pairs img[alt^='Maps of filters']")
    _set(page, "#layers-evaluations", 5)
    page.click("#layers-run")
    page.locator("#layers-style").scroll_into_view_if_needed()  # pictures load when seen
    page.wait_for_selector("#layers-style img")
    page.wait_for_selector("#layers-status >> text=Done: 5 of 5")
    assert _unnamed(page) == [] and _fits(page)

    page.get_by_role("tab", name="Compare").click()
    page.wait_for_selector("#compare-content-picture img")
    page.click("#compare-style-examples button")  # the usual style is an artwork, not here
    page.wait_for_selector("#compare-style-picture img")
    _set(page, "#compare-size", 64)
    _set(page, "#compare-evaluations", 3)
    page.click("#compare-run")
    page.wait_for_selector("#compare-table >> text=style distance")
    assert page.locator("#compare-1 img").count() == 1
    assert _unnamed(page) == [] and _fits(page)


def _set(page, field, value):
    page.locator(f"{field} input[type=number]").fill(str(value))
    page.locator(f"{field} input[type=number]").press("Tab")


def _fits(page):
    """Whether nothing is wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def _unnamed(page):
    """Visible pictures, buttons and inputs that a screen reader has no words for."""
    return list(
        page.evaluate(
            """() => [...document.querySelectorAll('img, button, input, textarea')]
            .filter(e => e.offsetParent !== null && !e.closest('[aria-hidden=true]'))
            .filter(e => e.tagName === 'IMG' ? !e.hasAttribute('alt')
                : !(e.innerText || '').trim() && !(e.labels && e.labels.length) && !e.title
                && !e.getAttribute('aria-label') && !e.getAttribute('aria-labelledby')
                && !e.placeholder && !e.querySelector('img[alt]:not([alt=""])'))
            .map(e => e.outerHTML.slice(0, 160))"""
        )
    )
