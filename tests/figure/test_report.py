"""The index: one README and one page that needs nothing else."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from replicate.figure import Answer, Claim, PanelRecord
from replicate.figure.index import write_index
from replicate.figure.page import claim_items, html_page, ink, markdown, preview

NASTY = """<script>alert("1")</script> & 'a' | *b* _c_ `d` [e](f)"""


@pytest.fixture
def told(figure):
    """A figure that says the same text everywhere, with two claims."""

    def make(id: str, text: str = "Plain words", **facts):
        claims = [Claim(name, text, text, text, {text: 1.0}, text, text) for name in ("one", "two")]
        panels = [PanelRecord(label=text, metrics={text: 0.5, "PSNR": float("inf")})]
        usual = {"title": f"{text} of {id}", "source": text, "caption": text}
        return figure(id, **{**usual, "claims": claims, "panels": panels, **facts})

    return make


class Page(HTMLParser):
    """Tags, attributes and text of a page; fails on tags that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "img", "input", "br", "link"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text += data

    def all(self, tag: str, attribute: str) -> list[str | None]:
        """The attribute of all tags of this kind that have it."""
        return [each[attribute] for name, each in self.tags if name == tag and attribute in each]


def written(folder, *figures, **options):
    for each in figures:
        each.write(folder)
    index = write_index(folder, **options)
    return index, index.readme.read_text(), index.page.read_text()


def test_every_figure_is_in_both_and_links_lead_somewhere(told, tmp_path):
    ids = ["gatys2015/fig3", "gatys2016/fig4", "johnson2016/fig10", "johnson2016/fig3"]
    answer = Answer("Why?", "See `gatys2016/fig4`.", ids[:2])
    index, readme, html = written(tmp_path, *map(told, ids), answers=[answer])
    assert index.problems == ()
    assert (index.readme.name, index.page.name) == ("README.md", "index.html")
    page = Page(html)
    for text in (readme, page.text):
        assert "4 figures. 0 claims judged: 0 hold, 0 fail, 0 undecided, 0 void; 8 claims" in text
        assert text.index("johnson2016/fig3") < text.index("johnson2016/fig10")
    anchors = {each.get("id") for _, each in page.tags}
    assert {id.replace("/", "-") for id in ids} <= anchors
    targets = page.all("a", "href")
    assert {f"{id}.png" for id in ids} <= set(targets)
    for target in targets:
        assert target[1:] in anchors if target[0] == "#" else (tmp_path / target).is_file()
    assert all(f"]({id}.png)" in readme for id in ids)
    for target in re.findall(r"\]\(([^)#]+)\)", readme):
        assert (tmp_path / target).is_file()
    for target in re.findall(r"\]\(#([^)]+)\)", readme):
        assert f'<a id="{target}"></a>' in readme


def test_the_page_needs_nothing_else_and_shows_the_panels(told, tmp_path):
    drawn = told("a/one")
    page = Page(html := written(tmp_path, drawn)[2])
    assert not re.search(r"https?:|@import|url\(|<link|<iframe|<script [^>]*src", html)
    policy = page.all("meta", "content")[1]
    assert "default-src 'none'" in policy and "img-src data:" in policy
    (source,) = page.all("img", "src")
    kind, data = source.split(",")
    assert kind == "data:image/webp;base64"
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    expected = preview(drawn.montage.draw(), drawn.montage.layout.panels_box)
    assert image.size == expected.size
    difference = np.asarray(image.convert("RGB"), float) - np.asarray(expected, float)
    assert np.abs(difference).mean() < 4  # lossy, but the same picture
    assert image.size[0] <= 1800 and image.size[1] < drawn.montage.draw().size[1]


def test_a_dark_page_turns_the_paper_dark_and_leaves_the_pictures(told, tmp_path):
    drawn = told("a/one")
    record, pictures = drawn.record(), drawn.montage.layout.pictures
    picture = pictures[0]
    area = record.panels_box
    shape = ink(record)
    x, y = (picture.left - area.left) / area.width, (picture.top - area.top) / area.height
    assert f"--area:{area.width}/{area.height}" in shape
    around, holes = 2, len(pictures)
    assert shape.count("0 0,") + shape.count("0 0)") == around + holes
    first = shape.split("0 0,")[2].split(",")[0]
    assert [float(each[:-1]) for each in first.split()] == pytest.approx(
        [100 * x, 100 * y], abs=0.01
    )
    assert shape in Page(written(tmp_path, drawn)[2]).all("a", "style")

    above = replace(area, bottom=min(each.top for each in pictures))
    assert ink(record, above).count("0 0") == 2, "a picture that is not in the part is no hole"
    assert ink(record.model_copy(update={"pictures": None})) == "", "nobody noted them"


def test_the_page_says_all_of_each_claim_and_panel(told, tmp_path, verdict):
    found = {
        "a/one/one": verdict("holds"),
        "a/one/two": verdict("void"),
        "b/two/one": verdict("fails"),
    }
    _, readme, html = written(tmp_path, told("a/one"), told("b/two"), verdicts=found)
    page = Page(html)
    assert page.all("tr", "data-verdict") == ["holds", "void", "fails", "not judged"]
    assert page.all("tr", "data-paper") == ["a", "a", "b", "b"]
    columns = ["Figure", "Claim", "Verdict", "k of n", "Effect", "95 %", "Asked", "Measured"]
    assert page.all("td", "data-name") == 4 * [*columns, "Drawn by"]
    assert page.all("select", "name") == ["paper", "verdict"]
    for text in ("20/24", "+0.25", "+0.132 to +0.368", "a less b above 0.1", "1 panel in numbers"):
        assert text in page.text
    for text in (readme, page.text):
        assert "3 claims judged: 1 holds, 1 fails, 0 undecided, 1 void; 1 claim not yet" in text
    assert "| **holds** | 20/24 | +0.25 (+0.132 to +0.368) |" in readme
    assert "| **not judged** |  |  |" in readme


def test_a_claim_beside_its_figure_has_the_evidence_and_what_is_measured_here(told, verdict):
    items = claim_items(told("a/one").record(), {"a/one/one": verdict("holds")})
    assert items.count("<li>") == 2 and "Source: Plain words." in items
    assert "holds: +0.25 (+0.132 to +0.368), in 20 of 24 pairs above +0.1" in items
    assert items.count("not judged") == 1


def test_what_is_told_is_escaped(told, tmp_path):
    answer = Answer(NASTY, NASTY)
    _, readme, html = written(tmp_path, told("a/one", NASTY), answers=[answer])
    page = Page(html)
    assert html.count("<script") == 1  # the page's own
    assert page.text.count("""<script>alert("1")</script> & 'a'""") >= 8
    assert all(not name.startswith("on") for _, each in page.tags for name in each)
    _, readme, _ = written(tmp_path)
    assert "<script>" not in readme.replace("\\<script\\>", "")
    rows = [line for line in readme.splitlines() if line.startswith("|")]
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [6] * 4
    assert "[e](f)" not in readme


def test_answers_stand_above_the_figures(told, tmp_path):
    answers = [
        Answer("Why conv4_2?", "It keeps **where**.\n\nNot more.", ("a/one", "a/two")),
        Answer("How?", "Thus."),
    ]
    _, readme, html = written(tmp_path, told("a/one"), answers=answers)
    assert readme.index("## Answers") < readme.index("## Figures")
    assert "It keeps **where**." in readme and "[a/one](#a-one)" in readme
    assert '<a href="#a-one"><img src="a/one.png"' in readme
    assert (
        len(re.findall('<a class="thumb" href="#a-one"><b [^>]*><img src="data:image/webp', html))
        == 1
    )
    assert html.index('<a href="#answer-2">How?</a>') < html.index('<article id="answer-1">')
    assert html.index('id="answers"') < html.index('id="figures"')
    assert "<strong>where</strong>" in html
    assert "a/two" not in readme and "a/two" not in html  # it is not there
    _, readme, html = written(tmp_path)
    assert "Answers" not in readme and 'id="answers"' not in html


def test_order_puts_papers_and_figures_first(told, tmp_path):
    figures = [told(id) for id in ("a/one", "b/two", "c/one", "c/two")]
    _, readme, _ = written(tmp_path, *figures, order=("c/two", "b"))
    places = [readme.index(f"`{id}`") for id in ("c/two", "b/two", "a/one", "c/one")]
    assert places == sorted(places)


# Files that are missing, and pages that need not be made


@pytest.fixture
def pages(monkeypatch):
    """One entry for each page that is made."""
    made = []

    def counting(*arguments, **named):
        made.append(arguments)
        return html_page(*arguments, **named)

    monkeypatch.setattr("replicate.figure.index.html_page", counting)
    return made


def test_what_cannot_be_read_is_left_out_and_named_each_time(told, tmp_path, pages):
    for id in ("a/one", "a/two", "a/three"):
        told(id).write(tmp_path)
    (tmp_path / "a" / "one.png").unlink()
    (tmp_path / "a" / "two.png").write_bytes(b"half a picture")
    (tmp_path / "a" / "four.json").write_text("{")
    for _ in range(2):
        index, readme, html = written(tmp_path)
        assert len(index.problems) == 3
        for problem, name in zip(sorted(index.problems), ("four.json", "a/one", "a/two")):
            assert name in problem
        for text in (readme, html):
            assert "a/three" in text and "a/one" not in text and "a/two" not in text
    assert len(pages) == 2


def test_an_empty_folder_has_an_index(tmp_path):
    index, readme, html = written(tmp_path / "figures")
    assert index.problems == ()
    assert "0 figures. 0 claims judged" in readme
    Page(html)


def test_a_page_of_the_same_files_is_left(told, tmp_path, pages):
    _, readme, html = written(tmp_path, told("a/one"), told("a/two"))
    (tmp_path / "README.md").unlink()
    assert written(tmp_path)[1:] == (readme, html) and len(pages) == 1
    (tmp_path / "index.html").unlink()
    assert written(tmp_path)[1:] == (readme, html) and len(pages) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda told, folder: told("a/two").write(folder),
        lambda told, folder: told("a/one", "Other words").write(folder),
        lambda told, folder: (folder / "a/one.png").open("ab").write(b" "),
    ],
    ids=["figure", "words", "picture"],
)
def test_a_page_of_other_files_is_made(told, tmp_path, pages, change, verdict):
    written(tmp_path, told("a/one"))
    change(told, tmp_path)
    written(tmp_path)
    assert len(pages) == 2
    written(tmp_path, verdicts={"a/one/one": verdict("holds")})
    assert len(pages) == 3
    answers = [Answer("Which?", "This.", ["a/one"])]
    written(tmp_path, answers=answers)
    written(tmp_path, answers=answers, order=("a",))
    assert len(pages) == 5


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("one\ntwo\n\nthree", "<p>one\ntwo</p>\n<p>three</p>"),
        ("**a** and *b*", "<p><strong>a</strong> and <em>b</em></p>"),
        ("`x * y * z`", "<p><code>x * y * z</code></p>"),
        ("2 * 3 * 4", "<p>2 * 3 * 4</p>"),
        ("`a/one` `a/two`", '<p><a href="#a-one"><code>a/one</code></a> <code>a/two</code></p>'),
        ("[here](a/one.json)", '<p><a href="a/one.json">here</a></p>'),
        ("[x](javascript:alert)", "<p>[x](javascript:alert)</p>"),
        ("[x](//elsewhere.org)", "<p>[x](//elsewhere.org)</p>"),
        ("![x](a/one.png)", '<p>!<a href="a/one.png">x</a></p>'),
        ("a < b & <i>c</i>", "<p>a &lt; b &amp; &lt;i&gt;c&lt;/i&gt;</p>"),
        ("", ""),
    ],
)
def test_markdown(text, html):
    assert markdown(text, {"a/one"}).rstrip() == html
