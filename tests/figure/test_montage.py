"""Where things stand on a page: nothing overlaps, nothing is cut off, and pixels are kept."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image

from replicate.figure import old_claims as claims
from replicate.figure.blocks import Block, Box, PlacedLine, beside, paragraph, stacked
from replicate.figure.layout import MAX_WIDTH, MIN_WIDTH
from replicate.figure.montage import Montage
from replicate.figure.panels import Grid, Panel, crop
from replicate.figure.text import Type
from replicate.images.picture import Picture

LONG = "A sentence that is far too long to fit into one line of a cell of this page, and goes on."


def noise(seed: int = 0, width: int = 256, height: int = 192) -> Picture:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Picture(pixels)


def verdicts() -> tuple[claims.Claim, ...]:
    values = {f"conv{depth}_1": 0.9 / depth for depth in range(1, 6)}
    return (
        claims.ordered("a", "Detail is lost with depth.", "source", "SSIM", values),
        claims.at_least("b", LONG, "source", "ratio", 1.2, 1.5, basis="published: 2.2", note=LONG),
    )


def grid_4_by_5() -> Montage:
    panels = [
        [Panel(noise(4 * row + column), lines=("PSNR 23.1 dB", LONG)) for column in range(4)]
        for row in range(5)
    ]
    rows = [", ".join(f"conv{depth}_1" for depth in range(1, 2 + row)) for row in range(5)]
    grid = Grid.of_rows(
        panels,
        rows,
        ("10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²"),
        row_title="style layers",
        column_title="α/β",
        inputs=(Panel(noise(90), "photograph"), Panel(noise(91, 100, 300), LONG)),
    )
    return Montage("Layers against ratio", (grid,), LONG * 4, verdicts(), "vgg19 · 256 px")


def zooms_below() -> Montage:
    panels = [Panel(noise(c, 320, 240), "x", window=(0.25, 0.1, 0.5, 0.4)) for c in range(5)]
    names = [f"conv{depth}_2" for depth in range(1, 6)]
    content = Grid.of_rows([panels], columns=names, heading="Content", inputs=(Panel(noise(9)),))
    style = Grid.of_rows([[Panel(noise(c)) for c in range(3)]], heading="Style", rows=(LONG,))
    return Montage("Reconstructions", (style, content), caption=LONG)


def zooms_beside() -> Montage:
    window = (0.0, 0.5, 0.5, 1.0)
    rows = [
        [Panel(noise(1), window=window)],
        [Panel(noise(2), inset=noise(3, 64, 64), window=window)],
        [Panel(None, lines=("stopped at step 12",))],
    ]
    grid = Grid.of_rows(rows, ("photograph", "conv2_2", "conv4_2"), ("whole",), detail="beside")
    return Montage("Content layers", (grid,), claims=verdicts())


def mixed_aspects() -> Montage:
    panels = [
        [Panel(noise(0, 300, 200), LONG), None, Panel(noise(1, 200, 300))],
        [Panel(noise(2, 256, 256)), Panel(noise(3, 600, 100)), None],
    ]
    return Montage("Mixed", (Grid.of_rows(panels, ("a", "b"), ("1", "2", "3")),))


def single() -> Montage:
    return Montage(LONG * 3, (Grid.of_rows([[Panel(noise(0, 64, 48))]]),))


def wide() -> Montage:
    panels = [[Panel(noise(c, 512, 512), "name") for c in range(12)]]
    return Montage("Wide", (Grid.of_rows(panels, columns=[LONG] * 12, column_title=LONG),))


MONTAGES = [grid_4_by_5, zooms_below, zooms_beside, mixed_aspects, single, wide]
every_montage = pytest.mark.parametrize("make", MONTAGES)


def boxes(montage: Montage, *roles: str) -> list[Box]:
    return [each.box for each in montage.layout.page.elements if each.role in roles]


@every_montage
def test_nothing_leaves_the_page(make):
    montage = make()
    page = montage.layout.page
    ground = Box(0, 0, page.width, page.height)
    outside = [each for each in page.elements if not ground.contains(each.box)]
    assert not outside
    width, height = montage.draw().size
    margin = montage.layout.margin
    assert (width, height) == (page.width + 2 * margin, page.height + 2 * margin)
    assert width >= MIN_WIDTH
    assert width <= 1.12 * MAX_WIDTH


@every_montage
def test_text_and_pictures_do_not_overlap(make):
    montage = make()
    # A badge lies under its word and a window frame on its picture; these are meant to.
    text = boxes(montage, "title", "heading", "axis", "label", "text")
    badges = boxes(montage, "badge")
    pictures = boxes(montage, "panel", "zoom")
    filled = [each for each in montage.layout.page.elements if each.role == "panel"]
    empty = [each.box for each in filled if not hasattr(each, "picture")]
    for first, second in itertools.combinations(text + pictures, 2):
        assert not first.overlaps(second) or first in empty or second in empty, (first, second)
    for badge in badges:
        assert sum(badge.overlaps(each) for each in text) == 1


@every_montage
def test_no_line_is_cut_off(make):
    """All ink of each line lies within its box, but for two pixels of overhang."""
    for element in make().layout.page.elements:
        if not isinstance(element, PlacedLine):
            continue
        home = element.moved(40 - element.box.left, 40 - element.box.top)
        page = Image.new("RGB", (home.box.right + 40, home.box.bottom + 40), "white")
        PlacedLine(
            home.role, home.box, home.line, Type(home.type.size, weight=home.type.weight)
        ).paint(page)
        ink = np.argwhere(np.asarray(page).min(axis=2) < 200)
        assert ink.size, element.line
        (top, left), (bottom, right) = ink.min(axis=0), ink.max(axis=0)
        assert home.box.left - 2 <= left and right < home.box.right + 2, element.line
        assert home.box.top <= top and bottom < home.box.bottom, element.line


@every_montage
def test_every_word_is_on_the_page(make):
    montage = make()
    lines = [each.line for each in montage.layout.page.elements if isinstance(each, PlacedLine)]
    letters = "".join("".join(lines).split())
    shown = [montage.title, montage.caption, montage.provenance]
    for grid in montage.grids:
        shown += [*grid.rows, *grid.columns, grid.heading, grid.row_title, grid.column_title]
        for panel in (*grid.panels.values(), *grid.inputs):
            shown += [panel.label, *panel.lines]
    shown += [claim.text for claim in montage.claims]
    for text in shown:
        assert "".join(text.split()) in letters


def test_large_panels_keep_their_pixels():
    montage = grid_4_by_5()
    pixels = montage.draw().pixels
    margin = montage.layout.margin
    found = {
        element.of: element.box.moved(margin, margin)
        for element in montage.layout.page.elements
        if element.role == "panel" and element.of is not None
    }
    assert set(found) == {(row, column) for row in range(5) for column in range(4)}
    for (row, column), box in found.items():
        drawn = pixels[box.top : box.bottom, box.left : box.right]
        assert np.array_equal(drawn, noise(4 * row + column).pixels)


def test_panels_stand_in_rows_and_columns():
    montage = grid_4_by_5()
    found = {e.of: e.box for e in montage.layout.page.elements if e.role == "panel" and e.of}
    for (row, column), box in found.items():
        assert box.left == found[0, column].left
        assert box.top == found[row, 0].top
        assert box.size == (256, 192)
    assert [found[0, c].left for c in range(4)] == sorted({b.left for b in found.values()})
    labels = {e.line: e.box for e in montage.layout.page.elements if e.role == "label"}
    for column, name in enumerate(("10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²")):
        panel, label = found[0, column], labels[name]
        assert abs((label.left + label.right) - (panel.left + panel.right)) <= 2
        assert label.bottom <= panel.top
    first, label = found[0, 0], labels["conv1_1"]
    assert label.right < first.left
    assert abs((label.top + label.bottom) - (first.top + first.bottom)) <= 2


def test_small_pictures_grow_by_a_whole_factor():
    montage = single()
    (box,) = boxes(montage, "panel")
    assert box.width % 64 == 0 and box.width >= 940
    assert box.height * 64 == box.width * 48


def test_aspects_are_kept():
    montage = mixed_aspects()
    for element in montage.layout.page.elements:
        if element.role == "panel":
            width, height = element.picture.size
            assert element.box.height == pytest.approx(element.box.width * height / width, abs=1)


def test_zooms_show_the_window_enlarged():
    montage = zooms_below()
    zooms = [each for each in montage.layout.page.elements if each.role == "zoom"]
    panels = {
        e.of: e.box for e in montage.layout.page.elements if e.role == "panel" and e.box.top > 500
    }
    assert len(zooms) == 5
    for column, zoom in enumerate(zooms):
        assert (
            zoom.picture.pixels.tolist() == noise(column, 320, 240).pixels[24:96, 80:160].tolist()
        )
        assert zoom.box.left == panels[0, column].left
        assert zoom.box.width == panels[0, column].width
        assert zoom.box.top >= panels[0, column].bottom


def test_zooms_beside_stand_level_with_their_pictures():
    montage = zooms_beside()
    zooms = {each.of: each.box for each in montage.layout.page.elements if each.role == "zoom"}
    pictures = [e for e in montage.layout.page.elements if e.role == "panel" and hasattr(e, "of")]
    assert len(zooms) == 2
    for picture in pictures:
        assert zooms[picture.of].top == picture.box.top
        assert zooms[picture.of].left > picture.box.right
        assert zooms[picture.of].width == picture.box.width
    assert "detail" in [e.line for e in montage.layout.page.elements if e.role == "label"]


def test_windows_are_framed_where_they_are():
    montage = zooms_beside()
    pixels = montage.draw().pixels
    margin = montage.layout.margin
    frame = next(each.box for each in montage.layout.page.elements if each.role == "window")
    panel = next(each.box for each in montage.layout.page.elements if each.role == "panel")
    assert (frame.left, frame.bottom) == (panel.left, panel.bottom)
    assert frame.size == (panel.width // 2, panel.height // 2)
    edge = pixels[frame.top + margin, frame.left + margin : frame.right + margin]
    assert len(np.unique(edge, axis=0)) == 1


def test_insets_lie_in_the_lower_left_corner():
    montage = zooms_beside()
    (inset,) = boxes(montage, "inset")
    panel = boxes(montage, "panel")[1]
    assert panel.contains(inset)
    assert inset.width < 0.4 * panel.width
    assert inset.left - panel.left == panel.bottom - inset.bottom <= 10


def test_panels_box_holds_the_grids_and_nothing_else():
    montage = grid_4_by_5()
    margin, area = montage.layout.margin, montage.layout.panels_box
    width, height = montage.draw().size
    assert Box(0, 0, width, height).contains(area)
    for element in montage.layout.page.elements:
        box = element.box.moved(margin, margin)
        if element.role in ("panel", "label", "axis", "heading"):
            assert area.contains(box)
        if element.role in ("title", "badge"):
            assert not area.overlaps(box)


def test_a_verdict_is_a_word_and_a_colour():
    montage = grid_4_by_5()
    words = [e.line for e in montage.layout.page.elements if isinstance(e, PlacedLine)]
    assert words.count("HOLDS") == words.count("FAILS") == 1
    colours = {e.colour for e in montage.layout.page.elements if e.role == "badge"}
    assert len(colours) == 2


def test_drawing_is_deterministic():
    assert zooms_below().draw().sha256 == zooms_below().draw().sha256


@pytest.mark.parametrize(
    "make",
    [
        lambda: Grid({}),
        lambda: Grid({(-1, 0): Panel(noise())}),
        lambda: Grid.of_rows([[None]]),
        lambda: Grid.of_rows([[Panel(noise())]], rows=("a", "b")),
        lambda: Grid.of_rows([[Panel(noise())]], columns=("a", "b")),
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


# Text


@pytest.mark.parametrize("limit", [1, 30, 80, 200, 1000])
@pytest.mark.parametrize("text", [LONG, "conv1_1," * 20, "α/β = 10⁻³ × 2", "one\ntwo  three"])
def test_wrapped_lines_fit_and_keep_every_letter(text, limit):
    type = Type(20)
    lines = type.wrapped(text, limit)
    assert "".join("".join(lines).split()) == "".join(text.split())
    widest_letter = max(type.width(letter) for letter in text if letter.strip())
    assert all(type.width(line) <= max(limit, widest_letter) for line in lines)


def test_lines_are_as_full_as_can_be():
    type = Type(20)
    lines = type.wrapped(LONG, 300)
    for line, following in itertools.pairwise(lines):
        assert type.width(f"{line} {following.split()[0]}") > 300


def test_line_breaks_are_kept():
    assert Type(20).wrapped("one\ntwo", 500) == ["one", "two"]
    assert Type(20).wrapped("", 500) == []


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


@pytest.mark.parametrize("letter", "αβλσΔ×→←−–—≥≤≈·…±‖∞°µ√éöüñçłøABCxyz0123_/")
def test_every_letter_of_figures_is_in_the_typeface(letter):
    def drawn(text: str) -> bytes:
        page = Image.new("RGB", (80, 60), "white")
        Type(40).draw(page, 5, 5, text)
        return page.tobytes()

    assert drawn(letter) != drawn("\U0010fffe")  # the box that stands for a missing letter
    assert drawn(letter) != Image.new("RGB", (80, 60), "white").tobytes()


# Blocks


def block(width: int, height: int) -> Block:
    return Block(width, height, paragraph("text", "x", Type(12), width).elements)


def test_blocks_stack_with_gaps_but_not_for_empty_ones():
    both = stacked([block(50, 20), Block(0, 0), block(80, 30)], gap=7)
    assert (both.width, both.height) == (80, 57)
    assert [element.box.top for element in both.elements] == [0, 27]
    row = beside([block(50, 20), Block(0, 0), block(80, 30)], gap=7)
    assert (row.width, row.height) == (137, 30)
    assert [element.box.left for element in row.elements] == [0, 57]


@pytest.mark.parametrize(("align", "left"), [("left", 0), ("centre", 0.5), ("right", 1)])
def test_paragraphs_align(align, left):
    type = Type(20)
    (line,) = paragraph("text", "word", type, 300, align).elements
    assert line.box.left == int(left * (300 - type.width("word")))


def test_boxes():
    box = Box(10, 20, 30, 60)
    assert box.size == (20, 40)
    assert box.contains(box) and box.overlaps(box)
    assert not box.overlaps(Box(30, 20, 40, 60))  # they touch
    assert box.overlaps(Box(29, 59, 40, 70))
    assert box.grown(1).contains(box) and not box.contains(box.grown(1))
