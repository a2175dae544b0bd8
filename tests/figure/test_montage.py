"""Where things stand on a page: nothing overlaps, nothing is cut off, and pixels are kept."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image

from replicate.figure.blocks import Block, Box, PlacedLine, beside, paragraph, stacked
from replicate.figure.claims import Claim, Definition
from replicate.figure.layout import MAX_WIDTH, MIN_WIDTH
from replicate.figure.montage import Montage
from replicate.figure.panels import Grid, Panel, crop
from replicate.figure.text import Type
from replicate.figure.verdicts import Setting, Verdict
from replicate.images.picture import Picture
from replicate.measure.statistics import Estimate

LONG = "A sentence that is far too long to fit into one line of a cell of this page, and goes on."


def noise(seed: int = 0, width: int = 256, height: int = 192) -> Picture:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Picture(pixels)


def grid_4_by_5() -> Montage:
    panels = [
        [Panel(noise(4 * row + column), lines=("PSNR 23.1 dB", LONG)) for column in range(4)]
        for row in range(5)
    ]
    grid = Grid(
        panels,
        [", ".join(f"conv{depth}_1" for depth in range(1, 2 + row)) for row in range(5)],
        ("10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²"),
        row_title="style layers",
        column_title="α/β",
        inputs=(Panel(noise(90), "photograph"), Panel(noise(91, 100, 300), LONG)),
    )
    values = {f"conv{depth}_1": 0.9 / depth for depth in range(1, 6)}
    claims = (
        Claim("a", "Detail is lost with depth.", "source", "SSIM", values),
        Claim("b", LONG, "source", "ratio", {"value": 1.2}, note=LONG),
        Claim("c", LONG, "source", LONG, {LONG: 1.2}, unmet=LONG),
    )
    return Montage(
        "Layers against ratio",
        (grid,),
        drawn=LONG,
        caption=LONG * 4,
        claims=claims,
        verdicts={"a": _verdict("holds"), "b": _verdict("fails")},
        provenance="vgg19 · 256 px",
    )


def _verdict(word: str) -> Verdict:
    definition = Definition(
        text="a", measure="a", basis="a", family="a", difference=("a", "b"), delta=0.1
    )
    return Verdict(
        claim="a/b/c",
        definition=definition,
        setting=Setting("bundled", "vgg19", 512, 2000),
        word=word,
        agreeing=20,
        pairs=24,
        left_out=0,
        estimate=Estimate(0.25, 0.05, 7),
        p=0.01,
    )


def zooms_below() -> Montage:
    panels = [Panel(noise(c, 320, 240), "x", window=(0.25, 0.1, 0.5, 0.4)) for c in range(5)]
    names = [f"conv{depth}_2" for depth in range(1, 6)]
    content = Grid([panels], columns=names, heading="Content", inputs=(Panel(noise(9)),))
    style = Grid([[Panel(noise(c)) for c in range(3)]], heading="Style", rows=(LONG,))
    return Montage("Reconstructions", (style, content), caption=LONG)


def zooms_beside() -> Montage:
    window = (0.0, 0.5, 0.5, 1.0)
    rows = [
        [Panel(noise(1), window=window)],
        [Panel(noise(2), inset=noise(3, 64, 64), window=window)],
        [Panel(None, lines=("stopped at step 12",))],
    ]
    grid = Grid(rows, ("photograph", "conv2_2", "conv4_2"), ("whole",), detail="beside")
    return Montage("Content layers", (grid,))


def mixed_aspects() -> Montage:
    panels = [
        [Panel(noise(0, 300, 200), LONG), None, Panel(noise(1, 200, 300))],
        [Panel(noise(2, 256, 256)), Panel(noise(3, 600, 100)), None],
    ]
    return Montage("Mixed", (Grid(panels, ("a", "b"), ("1", "2", "3")),))


def single() -> Montage:
    return Montage(LONG * 3, (Grid([[Panel(noise(0, 64, 48))]]),))


def wide() -> Montage:
    panels = [[Panel(noise(c, 512, 512), "name") for c in range(12)]]
    return Montage("Wide", (Grid(panels, columns=[LONG] * 12, column_title=LONG),))


every_montage = pytest.mark.parametrize(
    "make", [grid_4_by_5, zooms_below, zooms_beside, mixed_aspects, single, wide]
)


def placed(montage: Montage, *roles: str) -> list:
    return [each for each in montage.layout.page.elements if each.role in roles]


def boxes(montage: Montage, *roles: str) -> list[Box]:
    return [each.box for each in placed(montage, *roles)]


def contains(outer: Box, inner: Box) -> bool:
    return (
        outer.left <= inner.left
        and outer.top <= inner.top
        and outer.right >= inner.right
        and outer.bottom >= inner.bottom
    )


def overlap(one: Box, other: Box) -> bool:
    return max(one.left, other.left) < min(one.right, other.right) and max(
        one.top, other.top
    ) < min(one.bottom, other.bottom)


@every_montage
def test_nothing_leaves_the_page(make):
    montage = make()
    page, margin = montage.layout.page, montage.layout.margin
    ground = Box(0, 0, page.width, page.height)
    assert all(contains(ground, each.box) for each in page.elements)
    width, height = montage.draw().size
    assert (width, height) == (page.width + 2 * margin, page.height + 2 * margin)
    assert MIN_WIDTH <= width <= 1.12 * MAX_WIDTH
    area = montage.layout.panels_box
    assert contains(Box(0, 0, width, height), area)
    for element in page.elements:
        box = element.box.moved(margin, margin)
        if element.role in ("panel", "label", "axis", "heading"):
            assert contains(area, box)
        if element.role in ("title", "badge"):
            assert not overlap(area, box)


@every_montage
def test_text_and_pictures_do_not_overlap(make):
    montage = make()
    # A badge lies under its word and a window frame on its picture; these are meant to.
    text = boxes(montage, "title", "heading", "axis", "label", "text")
    pictures = [each.box for each in placed(montage, "panel", "zoom") if hasattr(each, "picture")]
    for first, second in itertools.combinations(text + pictures, 2):
        assert not overlap(first, second), (first, second)
    for badge in boxes(montage, "badge"):
        assert sum(overlap(badge, each) for each in text) == 1


@every_montage
def test_every_word_is_on_the_page_and_no_line_is_cut_off(make):
    montage = make()
    lines = [each for each in montage.layout.page.elements if isinstance(each, PlacedLine)]
    letters = "".join("".join(each.line for each in lines).split())
    shown = [montage.title, montage.drawn, montage.caption, montage.provenance]
    for grid in montage.grids:
        shown += [*grid.rows, *grid.columns, grid.heading, grid.row_title, grid.column_title]
        for panel in (*grid.panels.values(), *grid.inputs):
            shown += [panel.label, *panel.lines]
    for claim in montage.claims:
        found = montage.verdicts.get(claim.id)
        shown += [
            claim.text,
            claim.measured,
            str(found or ""),
            found.word.upper() if found else "NOT JUDGED",
        ]
    for text in shown:
        assert "".join(text.split()) in letters
    for each in lines:
        type, box = each.type, each.box
        page = Image.new("RGB", (box.width + 80, box.height + 80), "white")
        Type(type.size, weight=type.weight).draw(page, 40, 40, each.line)
        ink = np.argwhere(np.asarray(page).min(axis=2) < 200)
        (top, left), (bottom, right) = ink.min(axis=0) - 40, ink.max(axis=0) - 40
        # All of it lies within its box, but for two pixels of overhang.
        assert left >= -2 and right < box.width + 2, each.line
        assert top >= 0 and bottom < box.height, each.line


def test_large_panels_keep_their_pixels_in_rows_and_columns():
    montage = grid_4_by_5()
    margin, pixels = montage.layout.margin, montage.draw().pixels
    found = {each.of: each.box for each in placed(montage, "panel") if each.of}
    assert set(found) == {(row, column) for row in range(5) for column in range(4)}
    for (row, column), box in found.items():
        assert (box.left, box.top) == (found[0, column].left, found[row, 0].top)
        onto = box.moved(margin, margin)
        drawn = pixels[onto.top : onto.bottom, onto.left : onto.right]
        assert np.array_equal(drawn, noise(4 * row + column).pixels)
    labels = {each.line: each.box for each in placed(montage, "label")}
    for column, name in enumerate(("10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²")):
        panel, label = found[0, column], labels[name]
        assert abs((label.left + label.right) - (panel.left + panel.right)) <= 2
        assert label.bottom <= panel.top
    first, label = found[0, 0], labels["conv1_1"]
    assert next(each for each in placed(montage, "panel") if not each.of).box.top == first.top
    assert label.right < first.left
    assert abs((label.top + label.bottom) - (first.top + first.bottom)) <= 2


def test_small_pictures_grow_by_a_whole_factor():
    (box,) = boxes(single(), "panel")
    assert box.width % 64 == 0 and box.width >= 940
    assert box.height * 64 == box.width * 48


def test_aspects_are_kept():
    for element in placed(mixed_aspects(), "panel"):
        width, height = element.picture.size
        assert element.box.height == pytest.approx(element.box.width * height / width, abs=1)


def test_zooms_show_the_window_enlarged_below_their_pictures():
    montage = zooms_below()
    panels = {each.of: each.box for each in placed(montage, "panel") if each.box.top > 500}
    zooms = placed(montage, "zoom")
    assert len(zooms) == 5
    for column, zoom in enumerate(zooms):
        assert np.array_equal(zoom.picture.pixels, noise(column, 320, 240).pixels[24:96, 80:160])
        assert zoom.box.left == panels[0, column].left
        assert zoom.box.width == panels[0, column].width
        assert zoom.box.top >= panels[0, column].bottom


def test_zooms_windows_and_insets_stand_level_with_their_pictures():
    montage = zooms_beside()
    zooms = {each.of: each.box for each in placed(montage, "zoom")}
    pictures = {each.of: each.box for each in placed(montage, "panel") if hasattr(each, "of")}
    assert len(zooms) == 2
    for place, box in pictures.items():
        assert zooms[place].top == box.top
        assert zooms[place].left > box.right
        assert zooms[place].width == box.width
    assert "detail" in [each.line for each in placed(montage, "label")]
    panel, frame, (inset,) = pictures[0, 0], boxes(montage, "window")[0], boxes(montage, "inset")
    assert (frame.left, frame.bottom) == (panel.left, panel.bottom)
    assert frame.size == (panel.width // 2, panel.height // 2)
    edge = frame.moved(montage.layout.margin, montage.layout.margin)
    painted = montage.draw().pixels[edge.top, edge.left : edge.right]
    assert len(np.unique(painted, axis=0)) == 1
    corner = pictures[1, 0]
    assert contains(corner, inset) and inset.width < 0.4 * corner.width
    assert inset.left - corner.left == corner.bottom - inset.bottom <= 10


def test_a_verdict_is_a_word_and_a_colour():
    montage = grid_4_by_5()
    words = [each.line for each in placed(montage, "text")]
    assert words.count("HOLDS") == words.count("FAILS") == words.count("NOT JUDGED") == 1
    assert len({each.colour for each in placed(montage, "badge")}) == 3


def test_drawing_is_deterministic():
    assert zooms_below().draw().sha256 == zooms_below().draw().sha256


@pytest.mark.parametrize(
    "make",
    [
        lambda: Grid([]),
        lambda: Grid([[None]]),
        lambda: Grid([[Panel(noise())]], rows=("a", "b")),
        lambda: Grid([[Panel(noise())]], columns=("a", "b")),
        lambda: Panel(noise(), window=(0, 0, 1.1, 1)),
        lambda: Panel(noise(), window=(0.5, 0, 0.5, 1)),
        lambda: Panel(noise(), window=(0, -0.1, 0.5, 1)),
    ],
)
def test_senseless_panels(make):
    with pytest.raises(ValueError):
        make()


def test_crop_takes_the_windows_pixels():
    picture = noise(0, 100, 50)
    assert np.array_equal(crop(picture, (0, 0, 1, 1)).pixels, picture.pixels)
    assert np.array_equal(crop(picture, (0.5, 0.2, 0.75, 0.4)).pixels, picture.pixels[10:20, 50:75])
    assert crop(picture, (0.999, 0.999, 1, 1)).size == (1, 1)


# Text and blocks


@pytest.mark.parametrize("limit", [1, 30, 80, 200, 1000])
@pytest.mark.parametrize("text", [LONG, "conv1_1," * 20, "α/β = 10⁻³ × 2", "one\ntwo  three", ""])
def test_wrapped_lines_are_full_and_keep_every_letter(text, limit):
    type = Type(20)
    lines = type.wrapped(text, limit)
    assert "".join("".join(lines).split()) == "".join(text.split())
    widest_letter = max((type.width(letter) for letter in text if letter.strip()), default=0)
    assert all(type.width(line) <= max(limit, widest_letter) for line in lines)
    for line, following in itertools.pairwise(lines if "\n" not in text else []):
        assert type.width(f"{line} {following.split()[0]}") > limit


def test_exponents_are_raised_and_small():
    type = Type(40)
    assert type.width("10⁻³") < type.width("10−3")

    def ink(line: str) -> np.ndarray:
        page = Image.new("RGB", (200, type.line_height), "white")
        type.draw(page, 10, 0, line)
        return np.argwhere(np.asarray(page)[:, :, 0] < 128)[:, 0]

    plain, raised, lowered = ink("3"), ink("³"), ink("₃")
    assert np.ptp(raised) < 0.8 * np.ptp(plain)
    assert raised.mean() < plain.mean() - 4 < plain.mean() + 4 < lowered.mean()


def test_every_letter_of_figures_is_in_the_typeface():
    def drawn(text: str) -> bytes:
        page = Image.new("RGB", (80, 60), "white")
        Type(40).draw(page, 5, 5, text)
        return page.tobytes()

    missing = {drawn("\U0010fffe"), drawn(" ")}  # the box that stands for a missing letter
    letters = "αβλσΔ×→←−–—≥≤≈·…±‖∞°µ√éöüñçłøABCxyz0123_/"
    assert [letter for letter in letters if drawn(letter) in missing] == []


def test_blocks_stack_with_gaps_but_not_for_empty_ones():
    def block(width: int, height: int) -> Block:
        return Block(width, height, paragraph("text", "x", Type(12), width).elements)

    blocks = [block(50, 20), Block(0, 0), block(80, 30)]
    both, row = stacked(blocks, gap=7), beside(blocks, gap=7)
    assert (both.width, both.height) == (80, 57)
    assert [element.box.top for element in both.elements] == [0, 27]
    assert (row.width, row.height) == (137, 30)
    assert [element.box.left for element in row.elements] == [0, 57]


@pytest.mark.parametrize(("align", "left"), [("left", 0), ("centre", 0.5), ("right", 1)])
def test_paragraphs_align(align, left):
    type = Type(20)
    (line,) = paragraph("text", "word", type, 300, align).elements
    assert line.box.left == int(left * (300 - type.width("word")))
