"""The page in a real Chromium.

Skipped, with the reason, where there is none; with REPLICATE_DEMAND_BROWSER set that is a failure.
"""

import os
import shutil
from typing import Any

import pytest
from PIL import Image

from replicate.record import read_record

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SHIFTS = """window.shifted = 0;
new PerformanceObserver((list) => list.getEntries().forEach(
  (each) => (window.shifted += each.hadRecentInput ? 0 : each.value))
).observe({ type: "layout-shift", buffered: true });"""

SMALL_TARGETS = """[...document.querySelectorAll(
  "button, summary, [role=tab], [role=combobox], input[type=range], input[type=number]")]
  .filter((each) => each.checkVisibility({ visibilityProperty: true, opacityProperty: true })
    && !each.closest(".sr, .visually-hidden") && each.getBoundingClientRect().height < 34)
  .map((each) => each.outerHTML.slice(0, 160))"""
"""What a finger misses on a phone."""

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
    there must have been no error on any, and no look at another machine.  Words in
    ``visit.forgiven`` make it none.
    """
    faults: list[str] = []
    pages: list[Any] = []

    def note(address):
        if not address.startswith((server, "data:", "blob:")):
            faults.append(f"the page asked for {address}")

    def check(answer):
        if answer.status >= 400 and str(answer.status) not in open_.forgiven:
            faults.append(f"{answer.status} for {answer.request.method} {answer.url}")

    def heard(line):
        known = any(each in line.text for each in open_.forgiven)
        if line.type == "error" and not known:
            faults.append(line.text)

    def failed(error):
        if not any(each in str(error) for each in open_.forgiven):
            faults.append(str(error))

    def open_(query="", width=1600, scheme="light", latency=0, opens="#content-picture"):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        if latency:  # milliseconds, as of a telephone's network
            line = page.context.new_cdp_session(page)
            line.send("Network.enable")
            slow = {"offline": False, "latency": latency}
            rates = {"downloadThroughput": 250_000, "uploadThroughput": 250_000}
            line.send("Network.emulateNetworkConditions", slow | rates)
        pages.append(page)
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", failed)
        page.on("console", heard)
        page.add_init_script(SHIFTS)
        page.on("request", lambda request: note(request.url))
        page.on("response", check)
        page.goto(server + query)
        page.wait_for_selector(f"{opens} .preview img")
        return page

    open_.forgiven = []
    yield open_
    for page in pages:
        page.close()
    assert faults == []


SMALL = "?preset=gatys2016-code&size=64&evaluations=40&content=coffee&style=rocket"


@pytest.mark.parametrize(("width", "scheme"), [(1600, "light"), (390, "dark")])
def test_from_a_link_to_the_download_and_back(visit, tmp_path, width, scheme):
    page = visit(SMALL, width, scheme)
    assert _fits(page)
    page.get_by_role("slider", name="Content layer").press("ArrowRight")
    page.wait_for_selector("#grid .cell[src*=relu4_2-]")
    assert page.evaluate("document.body.classList.contains('dark')") == (scheme == "dark")

    page.get_by_label("As in", exact=True).click()
    page.get_by_role("option", name="Johnson's released code").click()
    page.wait_for_selector(_chip("style", "relu4_4"), state="detached")
    page.wait_for_selector(_chip("style", "relu3_3", True))

    page.click("#run")
    page.wait_for_selector("#picture img.after")
    page.wait_for_selector("#status >> text=Done: 40 of 40")
    page.wait_for_selector("#download:not([disabled])")
    assert page.locator("#picture").is_visible() and _in_view(page, "#picture")
    with page.expect_download() as download:
        page.click("#download")
    download.value.save_as(tmp_path / "got.png")
    assert read_record(tmp_path / "got.png").preset.name == "johnson2016-code"

    other = visit(SMALL.replace("coffee", "chelsea"), width, scheme)
    other.click("#expert > button")
    other.set_input_files("#restore input[type=file]", tmp_path / "got.png")
    other.wait_for_function("document.querySelector('#preset input').value.includes('Johnson')")
    other.wait_for_selector("text=These are the settings of the picture.")


def test_layers_are_picked_and_weighed_by_keyboard_and_drawn_as_entered(visit, tmp_path):
    page = visit(SMALL)
    page.focus(_chip("style", "relu3_2"))
    page.keyboard.press("Enter")
    page.wait_for_selector(_chip("style", "relu3_2", True))
    weight = page.get_by_label("Weight of relu3_2 for style", exact=True)
    weight.fill("0.5")
    weight.press("Tab")
    page.focus(_chip("content", "relu4_2"))
    page.keyboard.press("Space")  # chooses it
    page.keyboard.press("Space")  # and turns it off
    page.wait_for_selector(_chip("content", "relu4_2", False))

    page.click("#run")
    page.wait_for_selector("#status >> text=Done")
    page.wait_for_selector("#download:not([disabled])")
    with page.expect_download() as download:
        page.click("#download")
    download.value.save_as(tmp_path / "got.png")
    drawn = read_record(tmp_path / "got.png").preset
    assert drawn.style_layers["relu3_2"] == 0.5 and "relu4_2" not in drawn.content_layers


def test_an_upload_is_drawn_with_previews_until_stop_and_is_there_in_every_tab(
    visit, tmp_path, scene, endless
):
    page = visit(SMALL)
    page.click("#content-picture button[aria-label^='Remove']")
    mine = "#content-picture input[type=file]"
    page.set_input_files(mine, scene(96, 64).save(tmp_path / "mine.png"))
    page.wait_for_selector("#content-picture .preview img[alt$='mine.png']")

    page.click("#run")
    page.wait_for_selector("#picture img.after")
    first = page.get_attribute("#picture img.after", "src")
    changed = "old => document.querySelector('#picture img.after').src != old"
    page.wait_for_function(changed, arg=first)
    height = page.locator("#picture").bounding_box()["height"]
    page.click("#stop")

    page.wait_for_selector("#status >> text=Stopped: this is the picture so far.")
    page.wait_for_selector("#run:not([disabled])")
    assert page.locator("#picture").bounding_box()["height"] == height, "the layout has jumped"
    assert page.get_by_label("From result to photograph").is_visible(), "a slider for a keyboard"
    page.click("#home summary")
    page.wait_for_selector("#command >> text=mine.png")
    page.wait_for_selector("#link >> text=Your own content picture is not in the link")
    assert page.inner_text("#link pre").startswith(page.url.partition("?")[0] + "?")

    page.get_by_role("tab", name="Layers").click()
    page.get_by_label("yours: mine.png").last.click()
    page.wait_for_selector("#layers-content-picture .preview img[alt$='mine.png']")
    page.go_back()
    page.wait_for_selector("[role=tab][aria-selected=true] >> text=Transfer")
    visit.forgiven += ["AbortError", "errored out"]  # what is under way when a page is left
    page.goto(page.url.partition("?")[0].partition("#")[0])
    page.get_by_role("tab", name="Transfer").click()
    page.wait_for_selector("#content-picture .preview img[alt$='mine.png']")


def test_the_page_opens_with_a_picture_of_the_mixer_that_follows_its_sliders(visit):
    page = visit("", width=390, opens="#mixer-content-picture")
    first = page.get_attribute(".mixed img", "src")
    page.get_by_role("slider", name="relu4_1").press("ArrowLeft")
    page.wait_for_function("old => document.querySelector('.mixed img').src != old", arg=first)
    assert _fits(page)


@pytest.mark.parametrize("limits", [{"evaluations": 3, "pixels": 2_000_000}], indirect=True)
@pytest.mark.parametrize("few_pictures", [["mosaic"]], indirect=True)
def test_what_the_mixer_shows_is_drawn_properly_by_transfer(visit, tiny_engine):
    tiny_engine(here=("vgg19-compact",))
    page = visit(SMALL + "#mixer", width=390, opens="#mixer-content-picture")
    first = page.get_attribute(".mixed img", "src")
    page.get_by_role("slider", name="relu1_1").press("Home")
    page.wait_for_function("old => document.querySelector('.mixed img').src != old", arg=first)

    page.get_by_role("button", name="Draw it properly").press("Enter")

    page.wait_for_selector("[role=tab][aria-selected=true] >> text=Transfer")
    page.wait_for_selector("#status >> text=Done: 3 of 3")
    assert _in_view(page, "#picture") and page.locator("#picture img.after[src]").count() == 1
    page.wait_for_selector("text=These are the mixer's settings")
    page.wait_for_selector("#style-picture .preview img[alt$='mosaic']")
    page.wait_for_selector(_chip("content", "relu3_3", True))
    assert page.locator(_chip("style", "relu4_1", True)).count() == 1
    assert page.locator(_chip("style", "relu1_1", False)).count() == 1


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("notes.png", b"no picture", "This file is not a picture"),
        ("IMG_1.HEIC", b"\0\0\0\x18ftypheic" + bytes(40), "Most Compatible"),
        ("dot.png", 1, "1 × 1 pixels"),
        ("huge.png", 1001, "megapixels"),
    ],
)
def test_what_is_no_picture_is_refused_when_it_is_given(visit, tmp_path, name, data, says):
    visit.forgiven.append("415")
    page, path = visit(SMALL), tmp_path / name
    if isinstance(data, int):
        Image.new("1", (data, 1000 if data > 1 else 1)).save(path)
    else:
        path.write_bytes(data)

    page.set_input_files("#content-picture input[type=file]", path)

    page.wait_for_selector(f"#content-picture [role=alert] >> text={says}")
    assert page.locator("#content-picture .preview img[alt$='coffee']").count() == 1


@pytest.mark.parametrize("limits", [{"evaluations_an_hour": 10}], indirect=True)
def test_after_a_refusal_the_page_goes_on(visit):
    page = visit(SMALL)

    page.click("#run")
    page.wait_for_selector("text=This server gives one visitor 10 evaluations an hour")
    page.wait_for_selector("#run:not([disabled])")


def test_who_waits_sees_how_long_and_can_stop_and_what_is_there_does_not_wait(
    visit, backend, endless
):
    kept = SMALL.replace("evaluations=40", "evaluations=5")
    reader, worker, waiter = visit(kept), visit(SMALL), visit(SMALL + "&seed=1")
    reader.click("#run")
    reader.wait_for_selector("#status >> text=Done: 5 of 5")
    worker.click("#run")
    worker.wait_for_selector("#status >> text=of 40 evaluations")

    waiter.focus("#run")
    waiter.keyboard.press("Enter")
    waiter.wait_for_selector("#place >> text=/1 person before you, about/")
    assert waiter.evaluate("document.activeElement.id") in ("run", "stop")
    waiter.click("#stop")
    waiter.wait_for_selector("#status >> text=Stopped before it was drawn.")
    waiter.wait_for_selector("#run:not([disabled])")
    assert waiter.inner_text("#place").strip() == "" and waiter.locator("text=Error").count() == 0

    reader.click("#run")
    reader.wait_for_selector("#status >> text=Drawn before")
    reader.wait_for_selector("#download:not([disabled])")
    assert "Drawn before" in reader.inner_text("#status p:not(.sr)"), "said to all, and to the end"
    worker.click("#stop")
    worker.wait_for_selector("#status >> text=Stopped: this")


def test_a_browser_that_vanishes_frees_the_engine(visit, browser, backend, endless):
    gone, other = visit(SMALL), visit(SMALL.replace("size=64", "size=80"))
    gone.click("#run")
    gone.wait_for_selector("#picture img.after[src]")
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
    assert _fits(page)

    page.get_by_role("tab", name="Layers").click()
    page.wait_for_selector("#alive .maps button")
    page.wait_for_selector("#pairs img[alt^='Maps of filters']")
    _set(page, "#layers-evaluations", 5)
    page.click("#layers-run")
    page.wait_for_selector("#layers-style img.after[src]")
    page.wait_for_selector("#layers-status >> text=Done: 5 of 5")
    page.focus("#layer input")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("#layers-content >> text=from the features of conv4_2 alone")
    assert page.locator("#layers-content img.after[src]").count() == 0, "nothing old beside new"
    assert _fits(page)

    page.get_by_role("tab", name="Compare").click()
    page.wait_for_selector("#question-text >> text=conv2_2 or conv4_2")
    page.get_by_role("button", name="One style layer or five?").click()
    page.wait_for_selector("#question-text >> text=motifs such as tiles need the deep ones")
    page.click("#compare-own > button")
    page.wait_for_selector("#compare-content-picture img")
    page.click("#compare-style-picture .thumbs button")  # the usual style is an artwork, not here
    page.wait_for_selector("#compare-style-picture .preview img")
    _set(page, "#compare-size", 64)
    _set(page, "#compare-evaluations", 3)
    page.click("#compare-run")
    page.wait_for_selector("#compare-table table")
    assert page.locator("#compare-1 img.after[src]").count() == 1
    assert _fits(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1600, 390])
def test_axe_finds_no_fault_of_ours_on_any_tab(visit, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = visit(SMALL, width, scheme)
    page.click("#expert > button")
    page.click("#home summary")
    page.wait_for_selector("#command pre")
    found = {}
    for tab in ("Mixer", "Transfer", "Compare", "Layers", "Figures"):
        page.get_by_role("tab", name=tab).first.click()
        if tab == "Layers":
            page.wait_for_selector("#alive .maps button")
        if width == 390 and (small := page.evaluate(SMALL_TARGETS)):
            found[tab, "small targets"] = small
        for violation in axe.run(page).response["violations"]:
            found[tab, violation["id"]] = [node["html"][:160] for node in violation["nodes"]]
    assert found == {}


@pytest.mark.parametrize("latency", [0, 300])
@pytest.mark.parametrize("width", [390, 1600])
def test_the_page_is_light_and_stands_still(visit, width, latency):
    page = visit("", width, latency=latency, opens="#mixer-content-picture")
    # Not for an idle network: the page holds a line to the server for as long as it is open.
    there = "[...document.images].every(each => each.complete || each.loading == 'lazy')"
    page.wait_for_function(there)
    weights = "performance.getEntries().reduce((sum, each) => sum + (each.transferSize || 0), 0)"
    assert 100_000 < page.evaluate(weights) < 800_000
    assert page.evaluate("window.shifted") < 0.05


def _chip(kind, layer, pressed=None):
    state = "" if pressed is None else f"[aria-pressed={str(pressed).lower()}]"
    return f"#layers-picker .chip.{kind}[data-layer={layer}]{state}"


def _in_view(page, element):
    box = page.locator(element).bounding_box()
    return bool(box["y"] < page.viewport_size["height"] and box["y"] + box["height"] > 0)


def _set(page, field, value):
    page.locator(f"{field} input[type=number]").fill(str(value))
    page.locator(f"{field} input[type=number]").press("Tab")


def _fits(page):
    """Whether nothing is wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
