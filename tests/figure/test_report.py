"""The index: one README and one page that needs nothing else."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from replicate.figure import Answer, Figure, Grid, NetworkRecord, Panel, PanelRecord
from replicate.figure import old_claims as claims
from replicate.figure.index import write_index
from replicate.figure.page import html_page, markdown, preview

NETWORK = NetworkRecord(name="vgg19", weights="caffe", sha256="12ab")
NASTY = """<script>alert("1")</script> & 'a' | *b* _c_ `d` [e](f)"""


@pytest.fixture
def figure(scene):
    def make(id: str, text: str = "Plain words", **changes) -> Figure:
        return Figure(
            id=id,
            title=f"{text} of {id}",
            source=text,
            grids=(Grid.of_rows([[Panel(scene(96, 64)), Panel(scene(96, 64, 1))]]),),
            profile="smoke",
            inputs="bundled",
            networks=(NETWORK,),
            caption=text,
            claims=(
                claims.at_least("one", text, text, text, 1.0, 0.5, note=text),
                claims.ordered("two", text, text, text, {text: 1.0, "b": 2.0}),
            ),
            panels=(
                PanelRecord(
                    label=text,
                    metrics={text: 0.5, "PSNR": float("inf")},
                ),
            ),
            **changes,
        )

    return make


class Page(HTMLParser):
    """Tags, attributes and text of a page; fails on tags that are not closed in order."""

    VOID = frozenset({"meta", "img", "input", "br", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def written(folder, *figures, **options):
    for each in figures:
        each.write(folder)
    index = write_index(folder, **options)
    return index, index.readme.read_text(), index.page.read_text()


def test_every_figure_is_in_both(figure, tmp_path):
    ids = ["gatys2015/fig3", "gatys2016/fig4", "johnson2016/fig10", "johnson2016/fig3"]
    index, readme, html = written(tmp_path, *[figure(id) for id in ids])
    assert index.problems == ()
    assert (index.readme.name, index.page.name) == ("README.md", "index.html")
    page = Page(html)
    anchors = {each.get("id") for _, each in page.tags}
    for id in ids:
        assert f"]({id}.png)" in readme and f"`{id}`" in readme
        assert id.replace("/", "-") in anchors
        assert {"href": f"{id}.png", "class": "picture"} in page.all("a")
    assert "4 figures. 8 claims: 4 hold, 4 fail." in readme
    assert "4 figures. 8 claims: 4 hold, 4 fail." in page.text
    assert readme.index("johnson2016/fig3") < readme.index("johnson2016/fig10")


def test_links_lead_somewhere(figure, tmp_path):
    answer = Answer("Why?", "See `a/one`.", ("a/one", "b/two"))
    _, readme, html = written(tmp_path, figure("a/one"), figure("b/two"), answers=[answer])
    page = Page(html)
    anchors = {each.get("id") for _, each in page.tags}
    for target in [each["href"] for each in page.all("a") if "href" in each]:
        if target.startswith("#"):
            assert target[1:] in anchors
        else:
            assert (tmp_path / target).is_file()
    for target in re.findall(r"\]\(([^)#]+)\)", readme):
        assert (tmp_path / target).is_file()
    for target in re.findall(r"\]\(#([^)]+)\)", readme):
        assert f'<a id="{target}"></a>' in readme


def test_the_page_needs_nothing_else(figure, tmp_path):
    _, _, html = written(tmp_path, figure("a/one"))
    page = Page(html)
    assert "http:" not in html and "https:" not in html and "@import" not in html
    assert not page.all("link") and not page.all("iframe")
    assert all("src" not in each for each in page.all("script"))
    sources = [each["src"] for each in page.all("img") if "src" in each]
    assert sources and all(each.startswith("data:image/webp;base64,") for each in sources)
    policy = next(each["content"] for each in page.all("meta") if "http-equiv" in each)
    assert "default-src 'none'" in policy and "img-src data:" in policy
    assert "url(" not in html


def test_embedded_pictures_show_the_panels(figure, tmp_path):
    drawn = figure("a/one")
    _, _, html = written(tmp_path, drawn)
    (source,) = [each["src"] for each in Page(html).all("img") if "src" in each]
    image = Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))
    expected = preview(drawn.montage.draw(), drawn.montage.layout.panels_box)
    assert image.size == expected.size
    difference = np.asarray(image.convert("RGB"), float) - np.asarray(expected, float)
    assert np.abs(difference).mean() < 4  # lossy, but the same picture
    assert image.size[0] <= 1800 and image.size[1] < drawn.montage.draw().size[1]


def test_the_table_says_all_of_each_claim(figure, tmp_path):
    _, _, html = written(tmp_path, figure("a/one"), figure("b/two"))
    page = Page(html)
    rows = [each for each in page.all("tr") if "data-verdict" in each]
    assert [each["data-verdict"] for each in rows] == ["holds", "fails"] * 2
    assert [each["data-paper"] for each in rows] == ["a", "a", "b", "b"]
    assert {each["data-network"] for each in rows} == {"vgg19"}
    assert {each["data-inputs"] for each in rows} == {"bundled"}
    names = [each["data-name"] for each in page.all("td") if "data-name" in each][:8]
    assert names == [
        "Paper",
        "Claim",
        "Measure",
        "Value",
        "Holds if",
        "Verdict",
        "Network",
        "Inputs",
    ]
    assert [each["name"] for each in page.all("select")] == [
        "paper",
        "verdict",
        "network",
        "inputs",
    ]
    assert "≥ 0.5" in page.text and "strictly decreasing" in page.text


def test_html_is_escaped(figure, tmp_path):
    answer = Answer(NASTY, NASTY)
    _, _, html = written(tmp_path, figure("a/one", NASTY), answers=[answer])
    page = Page(html)
    assert len(page.all("script")) == 1  # the page's own
    assert html.count("<script>") == 1
    assert page.text.count("""<script>alert("1")</script> & 'a'""") >= 7
    assert all(not name.startswith("on") for _, each in page.tags for name in each)


def test_markdown_is_escaped(figure, tmp_path):
    _, readme, _ = written(tmp_path, figure("a/one", NASTY))
    assert "<script>" not in readme.replace("\\<script\\>", "")
    rows = [line for line in readme.splitlines() if line.startswith("|")]
    assert len(rows) == 4
    cells = [len(re.findall(r"(?<!\\)\|", row)) for row in rows]
    assert cells == [5] * 4
    assert "[e](f)" not in readme


def test_answers_stand_above_the_figures(figure, tmp_path):
    answers = [Answer("Why conv4_2?", "It keeps **where**.\n\nNot more.", ("a/one",))]
    _, readme, html = written(tmp_path, figure("a/one"), answers=answers)
    assert readme.index("## Answers") < readme.index("## Figures")
    assert "It keeps **where**." in readme and "[a/one](#a-one)" in readme
    assert '<a href="#a-one"><img src="a/one.png"' in readme
    assert html.count('<a class="thumb" href="#a-one"><img src="data:image/webp') == 1
    assert html.index('id="answers"') < html.index('id="figures"')
    assert "<strong>where</strong>" in html
    _, readme, html = written(tmp_path, figure("a/one"))
    assert "Answers" not in readme and 'id="answers"' not in html


def test_answers_name_no_figure_that_is_not_there(figure, tmp_path):
    answers = [Answer("Why?", "So.", ("a/one", "a/two"))]
    _, readme, html = written(tmp_path, figure("a/one"), answers=answers)
    assert "a/two" not in readme and "a/two" not in html
    assert "a/two" not in written(tmp_path / "none", answers=answers)[1]


def test_questions_are_listed_first(figure, tmp_path):
    answers = [Answer("Why?", "So."), Answer("How?", "Thus.")]
    _, _, html = written(tmp_path, figure("a/one"), answers=answers)
    assert html.index('<a href="#answer-2">How?</a>') < html.index('<article id="answer-1">')


def test_verdicts_of_other_runs_stand_beside(figure, tmp_path):
    written(tmp_path / "balanced", figure("a/one", balanced=True), figure("a/two"))
    _, readme, html = written(tmp_path, figure("a/one"), figure("a/two"))
    page = Page(html)
    assert readme.count("**holds**, balanced: holds |") == 1
    assert readme.count("**fails**, balanced: fails |") == 1
    for text in (readme, page.text):
        assert "2 of 2 claims have the same verdict." in text
    rows = html[html.index('<section id="claims">') :]
    assert rows.count('balanced: <b class="holds">holds</b>') == 1
    assert rows.count('balanced: <b class="fails">fails</b>') == 1
    own = (tmp_path / "balanced" / "README.md").read_text()
    assert "balanced weights" in own and "balanced: " not in own


def test_order_puts_papers_and_figures_first(figure, tmp_path):
    figures = [figure(id) for id in ("a/one", "b/two", "c/one", "c/two")]
    _, readme, _ = written(tmp_path, *figures, order=("c/two", "b"))
    places = [readme.index(f"`{id}`") for id in ("c/two", "b/two", "a/one", "c/one")]
    assert places == sorted(places)


def test_a_figure_without_picture_is_left_out_and_named(figure, tmp_path):
    for id in ("a/one", "a/two", "a/three"):
        figure(id).write(tmp_path)
    (tmp_path / "a" / "one.png").unlink()
    (tmp_path / "a" / "two.png").write_bytes(b"half a picture")
    index, readme, html = written(tmp_path)
    assert len(index.problems) == 2
    assert "a/one" in index.problems[0] and "a/two" in index.problems[1]
    for text in (readme, html):
        assert "a/three" in text and "a/one" not in text and "a/two" not in text


def test_broken_records_are_named(figure, tmp_path):
    figure("a/one").write(tmp_path)
    (tmp_path / "a" / "two.json").write_text("{")
    index, readme, _ = written(tmp_path)
    (problem,) = index.problems
    assert "two.json" in problem
    assert "a/one" in readme


@pytest.fixture
def pages(monkeypatch):
    """One entry for each page that is made."""
    made = []

    def counting(*arguments, **named):
        made.append(arguments)
        return html_page(*arguments, **named)

    monkeypatch.setattr("replicate.figure.index.html_page", counting)
    return made


def test_a_page_of_the_same_files_is_left(figure, tmp_path, pages):
    _, readme, html = written(tmp_path, figure("a/one"), figure("a/two"))
    assert written(tmp_path)[1:] == (readme, html) and len(pages) == 1
    (tmp_path / "README.md").unlink()
    assert written(tmp_path)[1] == readme and len(pages) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda figure, folder: figure("a/two").write(folder),
        lambda figure, folder: figure("a/one", "Other words").write(folder),
        lambda figure, folder: figure("a/one").write(folder, "webp"),
        lambda figure, folder: (folder / "a/one.png").write_bytes(
            (folder / "a/one.png").read_bytes() + b" "
        ),
        lambda figure, folder: (folder / "index.html").unlink(),
        lambda figure, folder: figure("a/one", balanced=True).write(folder / "balanced"),
    ],
    ids=["figure", "words", "format", "picture", "page", "run"],
)
def test_a_page_of_other_files_is_made(figure, tmp_path, pages, change):
    written(tmp_path, figure("a/one"))
    change(figure, tmp_path)
    written(tmp_path)
    assert len(pages) == 2


def test_a_page_with_other_answers_or_order_is_made(figure, tmp_path, pages):
    written(tmp_path, figure("a/one"))
    written(tmp_path, answers=[Answer("Which?", "This.", ["a/one"])])
    written(tmp_path, order=("a",))
    assert len(pages) == 3


def test_problems_are_told_each_time(figure, tmp_path, pages):
    written(tmp_path, figure("a/one"), figure("a/two"), figure("a/three"))
    (tmp_path / "a/one.png").unlink()
    (tmp_path / "a/two.png").write_bytes(b"damaged")
    for _ in range(2):
        assert len(written(tmp_path)[0].problems) == 2
    assert len(pages) == 3


def test_an_empty_folder_has_an_index(tmp_path):
    index, readme, html = written(tmp_path / "figures")
    assert index.problems == ()
    assert "0 figures. 0 claims" in readme
    Page(html)


def test_the_index_is_the_same_twice(figure, tmp_path):
    first = written(tmp_path, figure("a/one"))[1:]
    assert written(tmp_path)[1:] == first


def test_panels_in_numbers(figure, tmp_path):
    _, _, html = written(tmp_path, figure("a/one"))
    text = Page(html).text
    assert "1 panel in numbers" in text
    assert "∞" in text and "0.5" in text


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("plain", "<p>plain</p>"),
        ("one\ntwo\n\nthree", "<p>one\ntwo</p>\n<p>three</p>"),
        ("**a** and *b*", "<p><strong>a</strong> and <em>b</em></p>"),
        ("`x * y * z`", "<p><code>x * y * z</code></p>"),
        ("2 * 3 * 4", "<p>2 * 3 * 4</p>"),
        ("`a/one`", '<p><a href="#a-one"><code>a/one</code></a></p>'),
        ("`a/two`", "<p><code>a/two</code></p>"),
        ("[here](a/one.json)", '<p><a href="a/one.json">here</a></p>'),
        ("[x](javascript:alert)", "<p>[x](javascript:alert)</p>"),
        ("[x](//elsewhere.org)", "<p>[x](//elsewhere.org)</p>"),
        ("a < b & c", "<p>a &lt; b &amp; c</p>"),
        ("", ""),
    ],
)
def test_markdown(text, html):
    assert markdown(text, {"a/one"}).rstrip() == html
