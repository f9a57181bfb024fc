"""Rules of accessible pages that need no browser, on every kind of page that is made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from lxml import html as reader
from lxml.html import HtmlElement

from benchmarks.hostile_texts import write_sheets
from pepstats import paths
from pepstats.document.blocks import part_appendices
from pepstats.document.html import to_html
from tests.document.test_word_checker import contrast
from tests.paper_made_up import make_city, make_study, write_paper

Rule = Callable[[HtmlElement], Iterator[str]]
RULES: list[Rule] = []
LANDMARKS = {"header", "nav", "main", "footer"}
TEXT, LARGE = 4.5, 3.0


def rule(check: Rule) -> Rule:
    RULES.append(check)
    return check


@rule
def the_language_and_the_title_are_there(page: HtmlElement) -> Iterator[str]:
    if page.get("lang") != "en-GB":
        yield "no language"
    if not page.findtext("head/title", "").strip():
        yield "no title"


@rule
def headings_are_in_order_and_say_something(page: HtmlElement) -> Iterator[str]:
    levels = [0]
    for one in page.iter("h1", "h2", "h3", "h4", "h5", "h6"):
        levels.append(int(one.tag[1]))
        if levels[-1] > levels[-2] + 1:
            yield f"{one.tag} below level {levels[-2]}"
        if not one.text_content().strip():
            yield "a heading with nothing in it"
    if levels.count(1) != 1:
        yield "not one h1"


@rule
def header_cells_have_a_scope_and_words(page: HtmlElement) -> Iterator[str]:
    for cell in page.iter("th"):
        if cell.get("scope") not in {"col", "row", "rowgroup"}:
            yield "a header cell without scope"
        if not cell.text_content().strip():
            yield "a header cell with nothing in it"
    for table in page.iter("table"):
        if not table.findtext("caption") and not table.findall("caption/*"):
            yield "a table without a caption"


@rule
def pictures_have_words(page: HtmlElement) -> Iterator[str]:
    if any(len(str(one.get("alt", "")).split()) < 3 for one in page.iter("img")):
        yield "an img without alternative text"
    for one in page.iter("svg"):
        above = one.getparent()
        if one.get("aria-hidden") != "true" and above.get("role") != "img":
            yield "an svg that is neither named nor hidden"


@rule
def everything_stands_in_a_landmark(page: HtmlElement) -> Iterator[str]:
    body = page.find("body")
    if len(list(body.iter("main"))) != 1:
        yield "not one main"
    for part in body:
        if part.tag not in LANDMARKS | {"script"} and part.get("class") != "skip":
            yield f"{part.tag} outside every landmark"


@rule
def what_scrolls_can_be_reached_and_has_a_name(page: HtmlElement) -> Iterator[str]:
    names = {one.get("id") for one in page.iter() if isinstance(one.tag, str)}
    for part in page.find_class("table"):
        if part.get("tabindex") != "0" or part.get("role") != "region":
            yield "a table that no key can scroll"
        if part.get("aria-labelledby") not in names:
            yield "a region without a name"


@rule
def wide_tables_say_on_a_phone_that_they_scroll(page: HtmlElement) -> Iterator[str]:
    for part in page.find_class("table"):
        columns = len(list(part.iterfind(".//thead//th")))
        if (columns > 3 or not columns) and "scrolls" not in part.get("class", "").split():
            yield f"{columns} columns that do not say so"


@rule
def names_are_used_once_and_links_lead_somewhere(page: HtmlElement) -> Iterator[str]:
    names = [one.get("id") for one in page.iter() if isinstance(one.tag, str) and one.get("id")]
    if len(names) != len(set(names)):
        yield "an id used twice"
    for link in page.iter("a"):
        target = str(link.get("href", ""))
        if not link.text_content().strip() or not target:
            yield "an empty link"
        if target.startswith("#") and target[1:] not in names:
            yield f"a link to nothing: {target}"


@pytest.fixture(scope="module")
def pages() -> dict[str, HtmlElement]:
    made = write_sheets(["A school"])
    for edition in ("public", "exempt"):
        paper = write_paper(*make_study(edition=edition), city=make_city())
        made |= {name: to_html(part) for name, part in part_appendices(paper, edition).items()}
    return {name: reader.document_fromstring(text) for name, text in made.items()}


def test_every_kind_of_page_is_looked_at(pages: dict[str, HtmlElement]) -> None:
    assert {"public", "public-appendices", "exempt", "exempt-appendices"} < set(pages)
    assert any("city" in name for name in pages) and any("sheet" in name for name in pages)


@pytest.mark.parametrize("check", RULES, ids=lambda check: check.__name__)
def test_every_page_passes(pages: dict[str, HtmlElement], check: Rule) -> None:
    assert {name: found for name, page in pages.items() if (found := list(check(page)))} == {}


SPOILT = """<html><body><h1></h1><h3>Deep</h3><p id="a">x</p><img src="a.png" alt="">
<table><tr><th></th></tr></table><div class="table"></div><svg></svg><a id="a" href="#b"></a>"""


@pytest.mark.parametrize("check", RULES, ids=lambda check: check.__name__)
def test_each_rule_sees_what_breaks_it(check: Rule) -> None:
    assert list(check(reader.document_fromstring(SPOILT)))


def colours_of_text() -> Iterator[tuple[str, str, str]]:
    """List each colour of words in our styles, with that of its ground where one is given."""
    styles = [(paths.TEMPLATES / name).read_text("utf-8") for name in ("paper.css", "sheet.css")]
    text = "".join(styles)
    for name, colour in re.findall(r"(--[a-z]+): (#[0-9a-f]{3,6});", text):
        text = text.replace(f"var({name})", colour)
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", text):
        own = re.search(r"(?<![-a-z])color: (#[0-9a-f]{3,6})", body)
        ground = re.search(r"background(?:-color)?: (#[0-9a-f]{3,6})", body)
        if own:
            yield selector.strip(), own[1], ground[1] if ground else "#fff"


def test_every_colour_of_words_stands_out_from_its_ground() -> None:
    found = list(colours_of_text())
    assert len(found) > 8
    for selector, ink, ground in found:
        large = ".shape" in selector  # a shape beside its word, which is black
        ratio = contrast(long(ink)) / contrast(long(ground))
        assert max(ratio, 1 / ratio) >= (LARGE if large else TEXT), selector


def long(colour: str) -> str:
    """Write a colour with six digits."""
    digits = colour.removeprefix("#")
    return digits if len(digits) == 6 else "".join(2 * one for one in digits)
